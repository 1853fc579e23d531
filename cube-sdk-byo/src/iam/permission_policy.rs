//! What the role may do.

use serde_json::{Value, json};

use super::policy::Policy;
use super::role::ReaderRole;

impl ReaderRole {
    /// What the role may do: get objects of the bucket, list it (without that a missing key answers 403 instead of 404),
    /// decrypt with the key when there is one. `s3:HeadObject` is no IAM action: HEAD is allowed by GetObject.
    pub fn permission_policy(&self) -> Policy {
        let bucket = self.bucket().arn();
        let mut statements = vec![
            statement("ReadObjects", "s3:GetObject", &format!("{bucket}/*")),
            statement("ListBucket", "s3:ListBucket", &bucket),
        ];
        if let Some(key) = self.key() {
            statements.push(statement("DecryptModels", "kms:Decrypt", key.as_str()));
        }
        Policy::of(statements)
    }
}

fn statement(sid: &str, action: &str, resource: &str) -> Value {
    json!({ "Sid": sid, "Effect": "Allow", "Action": [action], "Resource": resource })
}
