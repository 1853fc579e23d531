//! What the KMS key allows the role.

use serde_json::{Value, json};

use crate::arn::RoleArn;

/// In a key's policy `*` means the key itself (AWS KMS developer guide, "Key policies").
pub(crate) fn render(role: &RoleArn) -> Value {
    json!({
        "Sid": "EdgeGateDecryptModels",
        "Effect": "Allow",
        "Principal": { "AWS": role.as_str() },
        "Action": "kms:Decrypt",
        "Resource": "*",
    })
}
