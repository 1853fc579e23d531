#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use cube_sdk_core::ErrorKind;
use proptest::prelude::*;

use super::*;

fn why<T: std::str::FromStr<Err = Error> + std::fmt::Debug>(text: &str) -> String {
    let error = text.parse::<T>().expect_err("must be refused");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    error.message().to_owned()
}

#[test]
fn roles_that_pass() {
    for text in ["arn:aws:iam::210987654321:role/reader", "arn:aws:iam::210987654321:role/team/a/reader"] {
        let role: RoleArn = text.parse().unwrap();
        assert_eq!(role.as_str(), text);
        assert_eq!(role.name(), "reader");
        assert_eq!(role.account(), "210987654321");
    }
}

#[test]
fn roles_that_are_refused_with_the_reason() {
    for (text, reason) in [
        ("arn:aws:iam::21098765432:role/reader", "exactly 12 digits"),
        ("arn:aws:iam::2109876543210:role/reader", "exactly 12 digits"),
        ("arn:aws:iam::210987654321:user/x", "must start with `role/`"),
        ("arn:aws-cn:iam::210987654321:role/reader", "only the `aws` partition"),
        ("arn:aws:iam::210987654321:role/", "name behind the last slash"),
        ("arn:aws:iam::210987654321:role/team/", "name behind the last slash"),
        ("arn:aws:iam::210987654321:role/a b", "visible ASCII"),
        ("arn:aws:iam::210987654321:role/a;b", "letters, digits"),
        ("arn:aws:iam:us-east-1:210987654321:role/a", "region field must be empty"),
        ("arn:aws:sts::210987654321:role/a", "service must be `iam`"),
        ("reader", "must start with `arn:`"),
        ("", "must start with `arn:`"),
    ] {
        assert!(why::<RoleArn>(text).contains(reason), "{text}: {}", why::<RoleArn>(text));
    }
    let long = format!("arn:aws:iam::210987654321:role/{}", "a".repeat(2048));
    let message = why::<RoleArn>(&long);
    assert!(message.contains("at most 2048") && message.len() < 300, "{message}");
}

#[test]
fn principals() {
    let user: PrincipalArn = "arn:aws:iam::111122223333:user/edgegate-worker".parse().unwrap();
    assert_eq!((user.kind(), user.name(), user.account()), (PrincipalKind::User, "edgegate-worker", "111122223333"));
    let role: PrincipalArn = "arn:aws:iam::111122223333:role/svc/edgegate-worker".parse().unwrap();
    assert_eq!(role.kind(), PrincipalKind::Role);
    assert!(why::<PrincipalArn>("arn:aws:iam::<EDGEGATE_ACCOUNT_ID>:user/edgegate-worker").contains("placeholder"));
    assert!(why::<PrincipalArn>("arn:aws:iam::111122223333:root").contains("`user/` or `role/`"));
}

#[test]
fn keys() {
    let text = "arn:aws:kms:eu-central-1:210987654321:key/0d6e1a4c-9b0f-4f0e-8a3f-0a1b2c3d4e5f";
    let key: KmsKeyArn = text.parse().unwrap();
    assert_eq!((key.region(), key.account()), ("eu-central-1", "210987654321"));
    assert_eq!(key.key_id(), "0d6e1a4c-9b0f-4f0e-8a3f-0a1b2c3d4e5f");
    assert!("arn:aws:kms:us-east-1:210987654321:key/mrk-1234abcd".parse::<KmsKeyArn>().is_ok());
    for (text, reason) in [
        ("0d6e1a4c-9b0f-4f0e-8a3f-0a1b2c3d4e5f", "six fields"),
        ("arn:aws:kms:eu-central-1:210987654321:alias/models", "aliases"),
        ("arn:aws:kms:eu-central-1:210987654321:key/", "key id"),
        ("arn:aws:kms::210987654321:key/a", "is not a region"),
        ("arn:aws:kms:eu-central-1:1:key/a", "exactly 12 digits"),
        ("arn:aws:s3:eu-central-1:210987654321:key/a", "service must be `kms`"),
    ] {
        assert!(why::<KmsKeyArn>(text).contains(reason), "{text}: {}", why::<KmsKeyArn>(text));
    }
}

#[test]
fn an_unset_account_points_to_the_operator() {
    let error = "<EDGEGATE_ACCOUNT_ID>".parse::<AccountId>().unwrap_err();
    assert!(error.next_step().unwrap().contains("BYO_EDGEGATE_AWS_ACCOUNT_ID"));
}

#[test]
fn json_is_the_bare_text() {
    let role: RoleArn = "arn:aws:iam::210987654321:role/reader".parse().unwrap();
    assert_eq!(serde_json::to_string(&role).unwrap(), "\"arn:aws:iam::210987654321:role/reader\"");
    assert!(serde_json::from_str::<RoleArn>("\"arn:aws:iam::1:role/reader\"").is_err());
}

proptest! {
    #[test]
    fn what_follows_the_grammar_passes(account in "[0-9]{12}", path in "([a-z]{1,8}/){0,3}", name in "[A-Za-z0-9+=,.@_-]{1,64}") {
        let text = format!("arn:aws:iam::{account}:role/{path}{name}");
        let role: RoleArn = text.parse().unwrap();
        prop_assert_eq!(role.name(), name);
        prop_assert_eq!(role.account(), account);
    }

    #[test]
    fn nothing_panics_and_what_passes_is_kept(text in "\\PC{0,80}") {
        if let Ok(role) = text.parse::<RoleArn>() {
            prop_assert_eq!(role.as_str(), &text);
        }
        let _ = text.parse::<KmsKeyArn>();
        let _ = text.parse::<PrincipalArn>();
    }
}
