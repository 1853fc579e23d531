//! Who may assume the role.

use serde_json::json;

use super::{Policy, ReaderRole};

/// One statement: the principal, AssumeRole, and the External ID as condition (AWS IAM user guide, "How to use
/// an external ID").
pub(crate) fn render(role: &ReaderRole) -> Policy {
    Policy::of(vec![json!({
        "Effect": "Allow",
        "Principal": { "AWS": role.principal().as_str() },
        "Action": "sts:AssumeRole",
        "Condition": { "StringEquals": { "sts:ExternalId": role.external_id().as_str() } },
    })])
}
