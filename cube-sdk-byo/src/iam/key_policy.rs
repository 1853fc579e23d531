//! What the KMS key allows the role.

use serde_json::{Value, json};

use super::role::ReaderRole;
use crate::arn::RoleArn;

impl ReaderRole {
    /// The statement to add to the key's policy where that does not delegate to IAM; none without a key.
    pub fn key_policy_statement(&self, role: &RoleArn) -> Option<Value> {
        // In a key's policy `*` means the key itself (AWS KMS developer guide, "Key policies").
        self.key().map(|_| {
            json!({
                "Sid": "EdgeGateDecryptModels",
                "Effect": "Allow",
                "Principal": { "AWS": role.as_str() },
                "Action": "kms:Decrypt",
                "Resource": "*",
            })
        })
    }
}
