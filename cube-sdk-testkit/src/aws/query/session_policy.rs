//! The policy that AssumeRole is given: parsed, and packed as STS packs it, so far as is known.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde_json::Value;

use super::super::policy::{Document, Kind};
use super::error::ApiError;

/// What nearly every policy says; STS's packed form spends next to nothing on it.
const DICTIONARY: &str = r#""Condition":{"Null":{"Bool":{"ArnLike":{"StringNotEquals":{"StringLike":{"StringEquals":{"aws:PrincipalArn":"kms:ViaService":"s3.amazonaws.com"}}"kms:Decrypt","arn:aws:kms:"s3:prefix":["s3:PutObject","s3:ListBucket","s3:GetObject","NotAction":["NotResource":["Deny","Action":["*"],"Resource":["arn:aws:s3:::{"Version":"2012-10-17","Statement":[{"Sid":"","Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;

/// The document, and its packed size in per cent of what is allotted.
pub(super) fn parse(text: &str, allotted: usize) -> Result<(Document, usize), ApiError> {
    let document = Document::parse(text, Kind::Identity).map_err(|bad| ApiError::malformed_policy(&bad.0))?;
    // Whitespace and escapes are gone once the text is read.
    let plain = serde_json::from_str::<Value>(text).map(|value| value.to_string()).unwrap_or_default();
    let size = deflated(&[DICTIONARY, &plain]).saturating_sub(deflated(&[DICTIONARY]));
    let percent = size * 100 / allotted.max(1);
    if percent > 100 {
        return Err(ApiError::packed_policy(percent));
    }
    Ok((document, percent))
}

fn deflated(texts: &[&str]) -> usize {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    let written = texts.iter().try_for_each(|text| encoder.write_all(text.as_bytes()));
    written.and_then(|()| encoder.finish()).map_or(0, |packed| packed.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percent(text: &str) -> Result<usize, String> {
        parse(text, 450).map(|(_, percent)| percent).map_err(|error| error.code)
    }

    #[test]
    fn sizes_that_users_report() {
        // STS's own example answers 6 for a policy of one statement.
        let small =
            r#"{"Version":"2012-10-17","Statement":[{"Sid":"Stmt1","Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
        assert!((1..=8).contains(&percent(small).unwrap_or(0)), "{:?}", percent(small));
        // Many different actions fill it long before 2 048 characters.
        let actions: Vec<String> = (0..42u64)
            .map(|n| format!("\"svc{:x}:Op{:x}\"", n * 7_919 % 997, n.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
            .collect();
        let wide = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":[{}],"Resource":"*"}}]}}"#,
            actions.join(",")
        );
        assert!(wide.len() < 2_048, "{}", wide.len());
        assert_eq!(percent(&wide), Err("PackedPolicyTooLarge".to_owned()));
        assert_eq!(percent("{"), Err("MalformedPolicyDocument".to_owned()));
    }

    #[test]
    fn escapes_and_whitespace_cost_nothing() {
        let plain = r#"{"Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/é"}}"#;
        let spread = r#"{ "Statement": { "Effect": "Allow",
            "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/\u00e9" } }"#;
        assert_eq!(percent(plain), percent(spread));
    }
}
