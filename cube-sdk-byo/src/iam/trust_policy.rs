//! Who may assume the role.

use serde_json::json;

use super::policy::Policy;
use super::role::ReaderRole;

impl ReaderRole {
    /// Who may assume the role: EdgeGate's principal, with the External ID, nobody else (AWS IAM user guide, "How to
    /// use an external ID").
    pub fn trust_policy(&self) -> Policy {
        Policy::of(vec![json!({
            "Effect": "Allow",
            "Principal": { "AWS": self.principal().as_str() },
            "Action": "sts:AssumeRole",
            "Condition": { "StringEquals": { "sts:ExternalId": self.external_id().as_str() } },
        })])
    }
}
