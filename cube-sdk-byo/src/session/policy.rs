//! The session policy: what one session may do at most, whatever the role allows.

use std::fmt::Write;

use cube_sdk_core::error::Sent;
use cube_sdk_core::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use super::{ASSUME_ROLE, GrantRef, Scope};

/// The longest session policy that STS takes, in characters (AWS STS API reference, AssumeRole, `Policy`).
const LONGEST: usize = 2048;

/// GetObject on what the scope names, ListBucket on the bucket, and Decrypt: on the grant's key when it has one, else on
/// any key by way of S3 of the grant's region, since keys of AWS's own need it too. A session policy only narrows what
/// the role has.
///
/// # Errors
/// `InvalidInput`, before anything is sent, when the policy for this object is longer than STS takes.
pub(crate) fn session_policy(grant: &GrantRef, scope: &Scope) -> Result<String> {
    let bucket = grant.bucket.arn();
    let objects = match scope {
        Scope::Bucket => format!("{bucket}/*"),
        Scope::Object(key) => format!("{bucket}/{}", literal(key.as_str())),
    };
    let decrypt = match &grant.kms_key {
        Some(key) => json!({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key.as_str()}),
        None => {
            let service = format!("s3.{}.amazonaws.com", grant.region);
            let by_s3 = json!({"StringEquals": {"kms:ViaService": service}});
            json!({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*", "Condition": by_s3})
        }
    };
    let statements = vec![
        json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": objects}),
        json!({"Effect": "Allow", "Action": "s3:ListBucket", "Resource": bucket}),
        decrypt,
    ];
    let policy = ascii(&json!({"Version": "2012-10-17", "Statement": Value::Array(statements)}).to_string());
    if policy.len() <= LONGEST {
        return Ok(policy);
    }
    let words = format!(
        "the session policy for this object has {} characters, STS takes {LONGEST}: letters beyond ASCII count six times",
        policy.len()
    );
    Err(Error::new(ErrorKind::InvalidInput, words)
        .with_operation(ASSUME_ROLE)
        .with_target(objects)
        .with_sent(Sent::No)
        .advice("read it under a session for the whole bucket, or give the object a shorter key"))
}

/// The same JSON in ASCII: STS takes no letters beyond Latin-1 in a policy. Outside of texts JSON has none.
fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() && c != '\u{7f}' {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing into a String cannot fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
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

    fn of_key(key: &str) -> String {
        session_policy(&grant(), &Scope::Object(key.parse().unwrap())).unwrap()
    }

    #[test]
    fn an_object_scope_names_one_object() {
        let key = "arn:aws:kms:eu-central-1:210987654321:key/abc";
        let grant = grant().with_kms_key(key.parse().unwrap());
        let text = session_policy(&grant, &Scope::Object("vision/n*t.onnx".parse().unwrap())).unwrap();
        let policy: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(policy["Statement"][0]["Resource"], "arn:aws:s3:::acme/vision/n${*}t.onnx");
        assert_eq!(policy["Statement"][1]["Resource"], "arn:aws:s3:::acme");
        assert_eq!(policy["Statement"][2]["Resource"], key);
    }

    #[test]
    fn without_a_key_only_s3_of_the_region_decrypts() {
        let text = session_policy(&grant(), &Scope::Bucket).unwrap();
        let policy: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(policy["Statement"][0]["Resource"], "arn:aws:s3:::acme/*");
        let decrypt = &policy["Statement"][2];
        assert_eq!(decrypt["Condition"]["StringEquals"]["kms:ViaService"], "s3.eu-central-1.amazonaws.com");
    }

    #[test]
    fn any_script_fits_into_ascii() {
        for key in ["модель – v2.onnx", "模型/重み.bin", "a\u{9f}\u{ff}b", "smile 😀", "q\"uote\\"] {
            let Ok(parsed) = key.parse() else { continue };
            let text = session_policy(&grant(), &Scope::Object(parsed)).unwrap();
            assert!(text.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{text}");
            let policy: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(policy["Statement"][0]["Resource"], format!("arn:aws:s3:::acme/{key}"));
        }
    }

    #[test]
    fn what_cannot_fit_is_refused_before_it_is_sent() {
        assert!(of_key(&"x".repeat(1024)).len() <= LONGEST);
        let long: String = "ж".repeat(400);
        let error = session_policy(&grant(), &Scope::Object(long.parse().unwrap())).unwrap_err();
        assert_eq!((error.kind(), error.sent()), (ErrorKind::InvalidInput, Sent::No));
        assert!(error.to_string().contains("2048"), "{error}");
    }
}
