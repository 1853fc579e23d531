//! What the bucket allows the role, for a bucket of another account.

use serde_json::{Value, json};

use super::policy::Policy;
use super::role::ReaderRole;
use crate::arn::RoleArn;

impl ReaderRole {
    /// A bucket policy that allows the role to read. Needed only where the bucket belongs to another account
    /// than the role, and then to be merged with the bucket's own: putting it replaces that one.
    pub fn bucket_policy(&self, role: &RoleArn) -> Policy {
        let bucket = self.bucket().arn();
        let allow = |sid: &str, action: &str, resource: &str| -> Value {
            json!({
                "Sid": sid,
                "Effect": "Allow",
                "Principal": { "AWS": role.as_str() },
                "Action": action,
                "Resource": resource,
            })
        };
        Policy::of(vec![
            allow("EdgeGateReadObjects", "s3:GetObject", &format!("{bucket}/*")),
            allow("EdgeGateListBucket", "s3:ListBucket", &bucket),
        ])
    }
}
