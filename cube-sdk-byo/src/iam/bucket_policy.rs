//! What the bucket allows the role, for a bucket of another account.

use serde_json::{Value, json};

use super::{Policy, ReaderRole};
use crate::arn::RoleArn;

pub(crate) fn render(role: &ReaderRole, arn: &RoleArn) -> Policy {
    let bucket = role.bucket().arn();
    let allow = |sid: &str, action: &str, resource: &str| -> Value {
        json!({
            "Sid": sid,
            "Effect": "Allow",
            "Principal": { "AWS": arn.as_str() },
            "Action": action,
            "Resource": resource,
        })
    };
    Policy::of(vec![
        allow("EdgeGateReadObjects", "s3:GetObject", &format!("{bucket}/*")),
        allow("EdgeGateListBucket", "s3:ListBucket", &bucket),
    ])
}
