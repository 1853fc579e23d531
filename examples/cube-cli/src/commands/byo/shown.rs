//! Grants, roles and audit rows as they are shown.

use cube_sdk::byo::audit::AuditEntry;
use cube_sdk::byo::iam::ReaderRole;
use cube_sdk::byo::rest::Grant;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// A workspace's grant.
#[derive(JsonSchema, Serialize)]
pub(crate) struct GrantShown {
    id: String,
    workspace_id: String,
    bucket: String,
    region: String,
    /// The role that EdgeGate assumes; none while it is not attached.
    role_arn: Option<String>,
    /// What the role's trust policy must demand as `sts:ExternalId`. Not a secret.
    external_id: String,
    kms_key_id: Option<String>,
    /// `pending_role`, `active`, `failed` or `revoked`.
    status: String,
    /// When a probe last passed, RFC 3339.
    last_verified_at: Option<String>,
    /// What to check, the likely cause first; empty where the last probe did not fail.
    checklist: Vec<Check>,
}

/// One possible cause of a failed probe.
#[derive(JsonSchema, Serialize)]
struct Check {
    /// The code, such as `BYO_ASSUME_ROLE_DENIED`.
    code: String,
    /// What happened.
    meaning: String,
    /// What to do.
    fix: String,
}

impl From<&Grant> for GrantShown {
    fn from(grant: &Grant) -> Self {
        let check = |item: cube_sdk::byo::rest::ChecklistItem| Check {
            code: item.code.to_string(),
            meaning: item.meaning.to_owned(),
            fix: item.fix.to_owned(),
        };
        Self {
            id: grant.id.to_string(),
            workspace_id: grant.workspace_id.to_string(),
            bucket: grant.bucket.to_string(),
            region: grant.region.clone(),
            role_arn: grant.role_arn.clone(),
            external_id: grant.external_id.to_string(),
            kms_key_id: grant.kms_key_id.clone(),
            status: grant.status.to_string(),
            last_verified_at: grant.last_verified_at.map(|time| time.to_string()),
            checklist: grant.checklist().into_iter().map(check).collect(),
        }
    }
}

impl GrantShown {
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "bucket       s3://{} in {}\nrole         {}\nexternal id  {}\nstatus       {}\n",
            self.bucket,
            self.region,
            self.role_arn.as_deref().unwrap_or("none yet"),
            self.external_id,
            self.status,
        );
        if let Some(time) = &self.last_verified_at {
            text += &format!("verified     {time}\n");
        }
        if let Some(first) = self.checklist.first() {
            text +=
                &format!("\nThe last check failed with {}: {}\nDo this: {}\n", first.code, first.meaning, first.fix);
        }
        text
    }
}

/// The role that a customer makes, and the commands that make it.
#[derive(JsonSchema, Serialize)]
pub(crate) struct RoleShown {
    grant: GrantShown,
    role_name: String,
    /// A policy document.
    trust_policy: Value,
    /// A policy document.
    permission_policy: Value,
    /// What to run or apply, in the form that was asked for.
    document: String,
}

impl RoleShown {
    pub(super) fn new(grant: &Grant, role: &ReaderRole, document: String) -> Self {
        Self {
            grant: grant.into(),
            role_name: role.role_name().to_string(),
            trust_policy: role.trust_policy().as_value().clone(),
            permission_policy: role.permission_policy().as_value().clone(),
            document,
        }
    }

    pub(super) fn document(&self) -> &str {
        &self.document
    }

    pub(super) const fn grant(&self) -> &GrantShown {
        &self.grant
    }
}

/// A call to AWS, as the audit log has it.
#[derive(JsonSchema, Serialize)]
pub(crate) struct AuditRow {
    /// When, RFC 3339.
    ts: String,
    event: String,
    outcome: String,
    error_code: Option<String>,
    bucket: String,
    key: Option<String>,
    bytes: Option<u64>,
    /// AWS's request id, the join key to CloudTrail.
    aws_request_id: Option<String>,
    role_arn: Option<String>,
    run_id: Option<String>,
    artifact_id: Option<String>,
    worker: Option<String>,
}

impl From<&AuditEntry> for AuditRow {
    fn from(entry: &AuditEntry) -> Self {
        Self {
            ts: entry.ts.to_string(),
            event: entry.event_type.to_string(),
            outcome: entry.outcome.to_string(),
            error_code: entry.error_code.clone(),
            bucket: entry.bucket.clone(),
            key: entry.s3_key.as_ref().map(ToString::to_string),
            bytes: entry.bytes_read,
            aws_request_id: entry.aws_request_id.clone(),
            role_arn: entry.role_arn.clone(),
            run_id: entry.run_id.map(|id| id.to_string()),
            artifact_id: entry.artifact_id.map(|id| id.to_string()),
            worker: entry.worker_hostname.clone(),
        }
    }
}

impl AuditRow {
    pub(super) fn cells(&self) -> [String; 6] {
        let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        [
            self.ts.clone(),
            self.event.clone(),
            self.error_code.as_ref().map_or_else(|| self.outcome.clone(), |code| format!("{} ({code})", self.outcome)),
            self.bytes.map_or_else(|| "-".to_owned(), |bytes| indicatif::HumanBytes(bytes).to_string()),
            or(&self.key),
            or(&self.aws_request_id),
        ]
    }
}
