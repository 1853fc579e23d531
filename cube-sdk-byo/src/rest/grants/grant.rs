//! The grant: a workspace's record of role, bucket, region, key and External ID.

use cube_sdk_core::{Error, ErrorKind, Result, Timestamp, open_enum};
use serde::{Deserialize, Serialize};

use super::checklist::{self, ChecklistItem};
use crate::arn::{KmsKeyArn, RoleArn};
use crate::code::ByoCode;
use crate::external_id::ExternalId;
use crate::fault::ByoFault;
use crate::ids::{GrantId, WorkspaceId};
use crate::region::Region;
use crate::s3_uri::Bucket;

open_enum! {
    /// State of a grant.
    pub enum GrantStatus {
        /// The External ID is minted, the role is not attached yet.
        PendingRole = "pending_role",
        /// The last probe passed: reads and registrations are allowed.
        Active = "active",
        /// The last probe failed. Repair IAM and verify again.
        Failed = "failed",
        /// The grant was ended. Reads have stopped: a new grant is needed.
        Revoked = "revoked",
    }
}

impl GrantStatus {
    /// What the state means and what comes next, as one clause.
    pub fn meaning(&self) -> &'static str {
        match self {
            Self::PendingRole => "the External ID is minted; create the role with it, then attach the role",
            Self::Active => "reads and registrations are allowed",
            Self::Failed => "the last probe failed; repair IAM and verify again",
            Self::Revoked => "the grant was ended and reads have stopped; disconnect, then register the bucket again",
            Self::Unknown(_) => "a state that this version of the SDK does not know; update it, or ask the operator",
        }
    }
}

/// A grant, as every grant call answers it.
///
/// Texts that EdgeGate checks less strictly than AWS does are kept as they came, so that a grant with a
/// mistyped role can be read and repaired; [`role`](Self::role), [`kms_key`](Self::kms_key) and
/// [`aws_region`](Self::aws_region) give them parsed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Grant {
    /// The row's id.
    pub id: GrantId,
    /// The workspace: it has one grant at most.
    pub workspace_id: WorkspaceId,
    /// The role that EdgeGate assumes; none while `pending_role`.
    #[serde(default)]
    pub role_arn: Option<String>,
    /// What the role's trust policy must demand as `sts:ExternalId`. Not a secret.
    pub external_id: ExternalId,
    /// The bucket.
    pub bucket: Bucket,
    /// The bucket's region.
    pub region: String,
    /// The KMS key that the objects are encrypted with, for SSE-KMS with a customer key.
    #[serde(default)]
    pub kms_key_id: Option<String>,
    /// The state.
    pub status: GrantStatus,
    /// When a probe last passed.
    #[serde(default)]
    pub last_verified_at: Option<Timestamp>,
    /// Why the last probe failed: a code, or a code, a colon and words. See [`failure`](Self::failure).
    #[serde(default)]
    pub last_verify_error: Option<String>,
    /// When the grant was made.
    pub created_at: Timestamp,
    /// When the row last changed.
    pub updated_at: Timestamp,
}

impl Grant {
    /// True when reads and registrations are allowed.
    pub fn is_active(&self) -> bool {
        self.status == GrantStatus::Active
    }

    /// Why the last probe failed; none when the grant is active or was never probed.
    ///
    /// The code is the leading word in capitals, as EdgeGate writes it; none without such a word: the text
    /// itself is in [`last_verify_error`](Self::last_verify_error).
    pub fn failure(&self) -> Option<ByoFault> {
        if self.is_active() {
            return None;
        }
        let words = self.last_verify_error.as_deref()?.trim();
        ByoFault::from_detail(words).or_else(|| {
            let is_code = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
            let (code, rest) = words.split_at(words.find(|c| !is_code(c)).unwrap_or(words.len()));
            let plain = code.len() >= 3 && !rest.starts_with(|c: char| c.is_alphanumeric());
            let fault = plain.then(|| ByoFault::new(ByoCode::from(code)))?;
            let rest = rest.trim_start_matches(':').trim();
            Some(if rest.is_empty() { fault } else { fault.with_detail(rest) })
        })
    }

    /// What to check after a failed probe: the code that came first, then every other that a probe can
    /// give. Empty when the probe did not fail.
    pub fn checklist(&self) -> Vec<ChecklistItem> {
        self.failure().map(|fault| checklist::after(fault.code())).unwrap_or_default()
    }

    /// The role, parsed.
    ///
    /// # Errors
    /// `Config` while no role is attached; `InvalidInput` when what is registered is no role ARN.
    pub fn role(&self) -> Result<RoleArn> {
        match &self.role_arn {
            Some(arn) => arn.parse(),
            None => Err(Error::new(ErrorKind::Config, "the grant has no role yet")
                .advice("create the role with the grant's External ID, then attach it")),
        }
    }

    /// The KMS key, parsed; none when the grant has none.
    ///
    /// # Errors
    /// `InvalidInput` when what is registered is no key ARN.
    pub fn kms_key(&self) -> Result<Option<KmsKeyArn>> {
        self.kms_key_id.as_deref().filter(|key| !key.is_empty()).map(str::parse).transpose()
    }

    /// The bucket's region, parsed.
    ///
    /// # Errors
    /// `InvalidInput` when what is registered is no region code.
    pub fn aws_region(&self) -> Result<Region> {
        self.region.parse()
    }
}

/// What a [`Session`](crate::Session) is opened with.
#[cfg(feature = "s3")]
impl TryFrom<&Grant> for crate::session::GrantRef {
    type Error = Error;

    /// # Errors
    /// `Config` while no role is attached; `InvalidInput` when role, region or key are not what AWS takes.
    fn try_from(grant: &Grant) -> Result<Self> {
        let (role, region) = (grant.role()?, grant.aws_region()?);
        let reference = Self::new(role, grant.external_id.clone(), grant.bucket.clone(), region);
        let reference = reference.with_id(grant.id.to_string());
        Ok(match grant.kms_key()? {
            Some(key) => reference.with_kms_key(key),
            None => reference,
        })
    }
}
