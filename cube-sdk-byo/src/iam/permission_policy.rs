//! What the role may do.

use serde_json::{Value, json};

use super::{Policy, ReaderRole};

/// GetObject on the objects, ListBucket on the bucket (without it a missing key answers 403 instead of 404),
/// Decrypt on the key. `s3:HeadObject` is no IAM action: HEAD is allowed by GetObject.
pub(crate) fn render(role: &ReaderRole) -> Policy {
    let bucket = role.bucket().arn();
    let mut statements = vec![
        statement("ReadObjects", "s3:GetObject", &format!("{bucket}/*")),
        statement("ListBucket", "s3:ListBucket", &bucket),
    ];
    if let Some(key) = role.key() {
        statements.push(statement("DecryptModels", "kms:Decrypt", key.as_str()));
    }
    Policy::of(statements)
}

fn statement(sid: &str, action: &str, resource: &str) -> Value {
    json!({ "Sid": sid, "Effect": "Allow", "Action": [action], "Resource": resource })
}
