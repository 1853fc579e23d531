//! Compares our audit rows with the customer's CloudTrail: every call must stand in both.

mod log;

use std::collections::HashMap;
use std::time::Duration;

use cube_sdk_core::Timestamp;

use super::entry::{AuditEntry, AuditEvent, AuditOutcome};
pub use log::{CloudTrail, TrailRecord};

/// An audit row and the CloudTrail record of the same call.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Matched {
    /// Our row.
    pub entry: AuditEntry,
    /// AWS's record.
    pub record: TrailRecord,
}

/// What the comparison found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Reconciliation {
    /// Calls that stand in both, rows of one request id counted once.
    pub matched: Vec<Matched>,
    /// Our rows that CloudTrail lacks. Object-level calls are data events, which must be switched on.
    pub missing_in_cloudtrail: Vec<AuditEntry>,
    /// CloudTrail's records of STS and S3 within the window that we have no row of: a call that we did
    /// not make or did not note, worth a question.
    pub missing_in_audit: Vec<TrailRecord>,
    /// Rows without a request id: nothing can be compared, as after a network fault.
    pub without_request_id: Vec<AuditEntry>,
    /// Refused AssumeRole calls: AWS does not log them in the customer's account, so that nothing can be compared.
    pub unlogged: Vec<AuditEntry>,
    /// Records of calls that AWS made on the role's behalf, such as S3's KMS Decrypt: they carry request
    /// ids of their own and can have no row here.
    pub not_comparable: Vec<TrailRecord>,
}

impl Reconciliation {
    /// True when each row with a request id has its record and no record is left over.
    pub fn is_clean(&self) -> bool {
        self.missing_in_cloudtrail.is_empty() && self.missing_in_audit.is_empty()
    }
}

/// Joins audit rows with CloudTrail records by request id.
///
/// Records count when they are of STS or S3 and their time lies within the rows' times, widened by
/// `slack` on both sides (CloudTrail's times are whole seconds); the trail should be filtered to the role and
/// bucket first, see [`CloudTrail::records_of`]. Records that match a row count whatever their time.
pub fn reconcile(entries: &[AuditEntry], records: &[TrailRecord], slack: Duration) -> Reconciliation {
    let window = window_of(entries, slack);
    let mut found = Reconciliation::default();
    let mut by_id: HashMap<&str, Vec<&TrailRecord>> = HashMap::new();
    for record in records {
        if record.is_on_behalf() || !record.is_sts_or_s3() {
            if record.is_on_behalf() && within(window, record.time) {
                found.not_comparable.push(record.clone());
            }
            continue;
        }
        if let Some(id) = record.request_id.as_deref() {
            by_id.entry(id).or_default().push(record);
        }
    }
    let mut seen: HashMap<&str, ()> = HashMap::new();
    for entry in entries {
        let Some(id) = entry.aws_request_id.as_deref() else {
            found.without_request_id.push(entry.clone());
            continue;
        };
        if seen.insert(id, ()).is_some() {
            continue;
        }
        match by_id.get(id).and_then(|records| records.first()) {
            Some(record) => found.matched.push(Matched { entry: entry.clone(), record: (*record).clone() }),
            None if is_unlogged(entry) => found.unlogged.push(entry.clone()),
            None => found.missing_in_cloudtrail.push(entry.clone()),
        }
    }
    let extra = records.iter().filter(|record| record.is_sts_or_s3() && !record.is_on_behalf());
    let extra = extra.filter(|record| within(window, record.time));
    let extra = extra.filter(|record| record.request_id.as_deref().is_none_or(|id| !seen.contains_key(id)));
    found.missing_in_audit.extend(extra.cloned());
    found
}

/// A refused cross-account AssumeRole leaves no record in the account of the role.
fn is_unlogged(entry: &AuditEntry) -> bool {
    let assumes = entry.event_type == AuditEvent::AssumeRole || entry.operation.as_deref() == Some("sts.assume_role");
    assumes && entry.outcome == AuditOutcome::Denied
}

type Window = Option<(Timestamp, Timestamp)>;

fn window_of(entries: &[AuditEntry], slack: Duration) -> Window {
    let first = entries.iter().map(|entry| entry.ts).min()?;
    let last = entries.iter().map(|entry| entry.ts).max()?;
    Some((first.saturating_sub(slack), last.saturating_add(slack)))
}

fn within(window: Window, time: Timestamp) -> bool {
    window.is_none_or(|(first, last)| first <= time && time <= last)
}

#[cfg(test)]
mod tests;
