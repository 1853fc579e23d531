//! The session policy: what one session may do at most, whatever the role allows.

use serde_json::{Value, json};

use super::{GrantRef, Scope};

/// GetObject on what the scope names, ListBucket on the bucket, and Decrypt on the grant's key when it has one.
pub(crate) fn session_policy(grant: &GrantRef, scope: &Scope) -> String {
    let bucket = grant.bucket.arn();
    let objects = match scope {
        Scope::Bucket => format!("{bucket}/*"),
        Scope::Object(key) => format!("{bucket}/{}", literal(key.as_str())),
    };
    let mut statements = vec![
        json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": objects}),
        json!({"Effect": "Allow", "Action": "s3:ListBucket", "Resource": bucket}),
    ];
    if let Some(key) = &grant.kms_key {
        statements.push(json!({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key.as_str()}));
    }
    json!({"Version": "2012-10-17", "Statement": Value::Array(statements)}).to_string()
}

/// Writes the characters that policies read as wildcards or variables as themselves (AWS IAM user guide,
/// "Policy variables").
fn literal(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    for c in key.chars() {
        match c {
            '*' => out.push_str("${*}"),
            '?' => out.push_str("${?}"),
            '$' => out.push_str("${$}"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn grant() -> GrantRef {
        GrantRef::new(
            "arn:aws:iam::210987654321:role/reader".parse().unwrap(),
            "c2b7a6d4-93e1-4f0a-b1d8-6a1e5d2f7c90".parse().unwrap(),
            "acme".parse().unwrap(),
            "eu-central-1".parse().unwrap(),
        )
    }

    #[test]
    fn an_object_scope_names_one_object() {
        let key = "arn:aws:kms:eu-central-1:210987654321:key/abc";
        let grant = grant().with_kms_key(key.parse().unwrap());
        let text = session_policy(&grant, &Scope::Object("vision/n*t.onnx".parse().unwrap()));
        let policy: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(policy["Statement"][0]["Resource"], "arn:aws:s3:::acme/vision/n${*}t.onnx");
        assert_eq!(policy["Statement"][1]["Resource"], "arn:aws:s3:::acme");
        assert_eq!(policy["Statement"][2]["Resource"], key);
        assert!(text.len() < 2048, "STS takes at most 2048 characters");
    }

    #[test]
    fn without_a_key_nothing_may_be_decrypted() {
        let text = session_policy(&grant(), &Scope::Bucket);
        assert!(!text.contains("kms") && text.contains("arn:aws:s3:::acme/*"));
    }
}
