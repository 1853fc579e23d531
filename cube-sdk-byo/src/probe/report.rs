//! What a probe found.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::audit::ProbeId;
use crate::code::ByoCode;
use crate::region::Region;

/// One thing that was checked.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CheckName {
    /// STS lets the worker assume the role with the grant's External ID.
    AssumeRole,
    /// The bucket lives in the grant's region.
    Region,
    /// The bucket exists.
    Bucket,
    /// The role may list the bucket, so that a missing key is told from a hidden one.
    List,
    /// The role may read a known object.
    Read,
    /// The role may decrypt a known object.
    Decrypt,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CheckStatus {
    /// Proved.
    Passed,
    /// Not granted, and not needed for reading.
    Warning,
    /// Refused.
    Failed,
    /// Nothing was learned: an earlier check failed, or there is no object to try it on.
    NotChecked,
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ProbeCheck {
    /// What was checked.
    pub name: CheckName,
    /// How it ended.
    pub status: CheckStatus,
    /// The typed code, when it failed.
    pub code: Option<ByoCode>,
    /// In words.
    pub detail: String,
    /// AWS's request ids of the calls behind it.
    pub request_ids: Vec<String>,
}

/// What a probe found: six checks, in order.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ProbeReport {
    /// Shared by the probe's audit rows.
    pub id: ProbeId,
    /// The checks, always all six.
    pub checks: Vec<ProbeCheck>,
    /// Where the bucket really is, when S3 told.
    pub bucket_region: Option<Region>,
    /// Time the probe took.
    #[serde(rename = "elapsed_seconds", serialize_with = "seconds")]
    pub elapsed: Duration,
}

fn seconds<S: serde::Serializer>(time: &Duration, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_f64(time.as_secs_f64())
}

impl ProbeReport {
    /// True when no check failed: the grant may be `active`.
    pub fn is_ready(&self) -> bool {
        self.failure().is_none()
    }

    /// The first check that failed.
    pub fn failure(&self) -> Option<&ProbeCheck> {
        self.checks.iter().find(|check| check.status == CheckStatus::Failed)
    }

    /// The code of the failure.
    pub fn code(&self) -> Option<&ByoCode> {
        self.failure()?.code.as_ref()
    }

    /// What to do about the failure.
    pub fn fix(&self) -> Option<String> {
        let fix = self.code()?.fix();
        Some(match (self.code(), &self.bucket_region) {
            (Some(ByoCode::RegionMismatch), Some(region)) => format!("{fix}: {region}"),
            _ => fix.to_owned(),
        })
    }

    /// One check by name.
    pub fn check(&self, name: CheckName) -> Option<&ProbeCheck> {
        self.checks.iter().find(|check| check.name == name)
    }

    /// The text of a grant's `last_verify_error`: `CODE: words`.
    pub fn last_verify_error(&self) -> Option<String> {
        let check = self.failure()?;
        Some(format!("{}: {}", check.code.as_ref()?, check.detail))
    }
}

impl CheckName {
    /// The name as it is printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AssumeRole => "assume role",
            Self::Region => "region",
            Self::Bucket => "bucket",
            Self::List => "list",
            Self::Read => "read",
            Self::Decrypt => "decrypt",
        }
    }
}

impl CheckStatus {
    /// The word as it is printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Warning => "warning",
            Self::Failed => "FAILED",
            Self::NotChecked => "not checked",
        }
    }
}

impl fmt::Display for ProbeReport {
    /// A line per check, then the fix.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            write!(f, "{:<12} {:<12} {}", check.name.as_str(), check.status.as_str(), check.detail)?;
            if !check.request_ids.is_empty() {
                write!(f, " [{}]", check.request_ids.join(", "))?;
            }
            writeln!(f)?;
        }
        match (self.code(), self.fix()) {
            (Some(code), Some(fix)) => write!(f, "not ready: {code}; next: {fix}"),
            _ => write!(f, "ready"),
        }
    }
}
