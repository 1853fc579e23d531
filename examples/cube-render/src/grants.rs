//! BYO storage: the grant.

use cube_sdk::byo::rest::Grant;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{Step, View};

/// A grant.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct GrantShown {
    /// The workspace.
    pub workspace_id: String,
    /// `pending_role`, `active`, `failed`, `revoked`, or another.
    pub status: String,
    /// Reads and registrations are allowed.
    pub active: bool,
    /// The bucket.
    pub bucket: String,
    /// Its region.
    pub region: String,
    /// The role that is assumed.
    pub role_arn: Option<String>,
    /// The key that the objects are encrypted with.
    pub kms_key_id: Option<String>,
    /// What the role's trust policy must demand as `sts:ExternalId`. Not a secret.
    pub external_id: String,
    /// When a probe last passed.
    pub last_verified_at: Option<String>,
    /// Why the last probe failed, as the service says it.
    pub last_verify_error: Option<String>,
    /// What to check after a probe that failed, the cause that was told first.
    pub checklist: Vec<Check>,
}

/// A possible cause of a failed probe.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Check {
    /// Its code.
    pub code: String,
    /// What happened.
    pub meaning: String,
    /// What to do.
    pub fix: String,
}

impl From<&Grant> for GrantShown {
    fn from(grant: &Grant) -> Self {
        let check = |item: cube_sdk::byo::rest::ChecklistItem| Check {
            code: item.code.to_string(),
            meaning: item.meaning.to_owned(),
            fix: item.fix.to_owned(),
        };
        Self {
            workspace_id: grant.workspace_id.to_string(),
            status: grant.status.to_string(),
            active: grant.is_active(),
            bucket: grant.bucket.to_string(),
            region: grant.region.clone(),
            role_arn: grant.role_arn.clone(),
            kms_key_id: grant.kms_key_id.clone(),
            external_id: grant.external_id.to_string(),
            last_verified_at: grant.last_verified_at.as_ref().map(ToString::to_string),
            last_verify_error: grant.last_verify_error.clone(),
            checklist: grant.checklist().into_iter().map(check).collect(),
        }
    }
}

impl GrantShown {
    /// The role's name with the account's last four digits.
    fn role(&self) -> String {
        let Some(arn) = self.role_arn.as_deref() else { return "none yet".to_owned() };
        let account = arn.split(':').nth(4).unwrap_or_default();
        let last = account.get(account.len().saturating_sub(4)..).unwrap_or_default();
        let name = arn.split_once(":role/").map_or(arn, |(_, name)| name);
        format!("{name} (acct …{last})")
    }

    fn facts(&self) -> Vec<String> {
        let or = |value: &Option<String>, other: &str| value.clone().unwrap_or_else(|| other.to_owned());
        vec![
            format!("status: {}", self.status),
            format!("bucket: {} in {}", self.bucket, self.region),
            format!("role: {} ({})", self.role(), or(&self.role_arn, "no ARN")),
            format!("KMS key: {}", or(&self.kms_key_id, "none")),
            format!("external_id: {}", self.external_id),
            format!("last verified: {}", or(&self.last_verified_at, "never")),
        ]
    }
}

impl View for GrantShown {
    const NAME: &'static str = "byo.grant";

    fn text(&self) -> String {
        let mut lines = self.facts();
        match self.status.as_str() {
            "active" => lines.push("The probe passed: objects can be registered, then read by runs.".to_owned()),
            "failed" => {
                lines.push(format!(
                    "The probe failed: {}",
                    self.last_verify_error.as_deref().unwrap_or("no reason told")
                ));
                lines.push("Check, the likeliest first:".to_owned());
                lines.extend(self.checklist.iter().map(|it| format!("- {}: {}; {}", it.code, it.meaning, it.fix)));
                lines.push("Fix it, then run the check again.".to_owned());
            }
            "revoked" => lines.push(
                "The grant was ended: nothing is read any more. Disconnect, then register the bucket again.".to_owned(),
            ),
            "pending_role" => {
                lines.push("No role is attached yet: create it with the External ID, then attach it.".to_owned());
            }
            _ => lines.push("This state is not known here: update, or ask the operator.".to_owned()),
        }
        lines.join("\n")
    }

    fn next(&self) -> Vec<Step> {
        match self.status.as_str() {
            "active" => vec![Step::RegisterArtifact],
            "failed" => vec![Step::CheckGrant],
            _ => Vec::new(),
        }
    }
}

/// A grant that was just registered.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Registered {
    /// The grant.
    #[serde(flatten)]
    pub grant: GrantShown,
}

impl View for Registered {
    const NAME: &'static str = "byo.registered";

    fn text(&self) -> String {
        let mut lines = vec!["The bucket is registered.".to_owned()];
        lines.extend(self.grant.facts());
        lines.push(format!(
            "Put the External ID into the role's trust policy, at Condition → StringEquals → sts:ExternalId: \"{}\". \
             Until then every read fails with BYO_ASSUME_ROLE_FAILED.",
            self.grant.external_id
        ));
        lines.push(match (self.grant.status.as_str(), &self.grant.last_verify_error) {
            ("active", _) => "The probe passed.".to_owned(),
            ("failed", Some(why)) => {
                format!("The first probe failed: {why}. Edit the trust policy, then run the check.")
            }
            _ => "The probe is not done: run the check.".to_owned(),
        });
        lines.join("\n")
    }

    fn next(&self) -> Vec<Step> {
        if self.grant.active { vec![Step::RegisterArtifact] } else { vec![Step::CheckGrant] }
    }
}

/// A grant that is no more, or never was.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Disconnected {
    /// There was one.
    pub removed: bool,
}

impl View for Disconnected {
    const NAME: &'static str = "byo.disconnected";

    fn text(&self) -> String {
        if self.removed {
            "The grant is removed: EdgeGate assumes the role no more.\n\
             New registrations fail until there is a new grant; artifacts of the bucket give BYO_NO_GRANT when they are \
             read. Registering the same bucket again makes them readable again."
        } else {
            "There is nothing to disconnect: the workspace has no grant."
        }
        .to_owned()
    }
}

/// There is no grant.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Checked {
    /// The grant; none where the workspace has none.
    pub grant: Option<GrantShown>,
}

impl View for Checked {
    const NAME: &'static str = "byo.checked";

    fn text(&self) -> String {
        match &self.grant {
            Some(grant) => grant.text(),
            None => "The workspace has no grant and uses managed storage.".to_owned(),
        }
    }

    fn next(&self) -> Vec<Step> {
        self.grant.as_ref().map_or_else(|| vec![Step::RegisterBucket], View::next)
    }
}
