#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn role() -> ReaderRole {
    ReaderRole::new(
        "arn:aws:iam::123456789012:user/edgegate-worker".parse().unwrap(),
        "c2b7a6d4-93e1-4f0a-b1d8-6a1e5d2f7c90".parse().unwrap(),
        "acme-edge-models".parse().unwrap(),
    )
    .workspace("0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11".parse().unwrap())
}

fn encrypted() -> ReaderRole {
    role().kms_key("arn:aws:kms:eu-central-1:210987654321:key/5d1f1f6e-2f3a-4b8e-9a50-7d0e1c2b3a49".parse().unwrap())
}

#[test]
fn policies() {
    assert_snapshot!("trust_policy", role().trust_policy());
    assert_snapshot!("permission_policy", role().permission_policy());
    assert_snapshot!("permission_policy_with_key", encrypted().permission_policy());
    let arn = "arn:aws:iam::210987654321:role/edgegate-byo-read-c2b7a6d4".parse().unwrap();
    assert_snapshot!("bucket_policy", role().bucket_policy(&arn));
    assert_eq!(role().key_policy_statement(&arn), None);
    assert_snapshot!("key_policy_statement", format!("{:#}", encrypted().key_policy_statement(&arn).unwrap()));
}

#[test]
fn templates() {
    assert_snapshot!("cloudformation", encrypted().cloudformation().template());
    assert_snapshot!("cloudformation_without_key", role().name("r".parse().unwrap()).cloudformation().template());
    assert_snapshot!("terraform", encrypted().terraform().module());
    assert_snapshot!("terraform_variables", role().terraform().variables());
    assert_snapshot!("deploy_command", encrypted().cloudformation().deploy_command("edgegate-byo", "stack file.yaml"));
}

#[test]
fn commands() {
    let cli = role().aws_cli().directory("/tmp");
    assert_snapshot!("create_role_script", cli.create_role_script());
    assert_snapshot!("update_trust_policy_script", cli.update_trust_policy_script());
    let lines: Vec<_> = cli.delete_role().iter().map(ToString::to_string).collect();
    assert_snapshot!("delete_role", lines.join("\n"));
    let elsewhere = cli.profile("acme admin").endpoint_url("http://127.0.0.1:1").who_am_i();
    assert_eq!(
        elsewhere.to_string(),
        "aws --profile 'acme admin' --endpoint-url http://127.0.0.1:1 sts get-caller-identity"
    );
}

#[test]
fn a_bucket_policy_is_never_put_unasked() {
    let template = encrypted().cloudformation().template();
    assert!(template.contains("Default: 'false'") && template.contains("Condition: HasBucketPolicy"));
    let module = encrypted().terraform().module();
    assert!(module.contains("count  = var.manage_bucket_policy ? 1 : 0"));
}

#[test]
fn nothing_grants_a_write() {
    let arn = "arn:aws:iam::210987654321:role/r".parse().unwrap();
    let policies = [encrypted().permission_policy(), encrypted().bucket_policy(&arn)];
    for policy in &policies {
        for statement in policy.as_value()["Statement"].as_array().unwrap() {
            let action = &statement["Action"];
            let action = action.get(0).unwrap_or(action).as_str().unwrap();
            assert!(["s3:GetObject", "s3:ListBucket", "kms:Decrypt"].contains(&action), "{action}");
        }
    }
}

#[test]
fn a_tag_that_iam_refuses_is_left_out() {
    let odd = ReaderRole::new(
        "arn:aws:iam::123456789012:role/x".parse().unwrap(),
        "a,b".parse().unwrap(),
        "abc".parse().unwrap(),
    );
    assert_eq!(odd.tags(), [("edgegate:bucket", "abc".to_owned())]);
}

/// A shell runs the script with `aws` replaced by a recorder: files and arguments arrive as they were meant.
#[test]
fn the_script_runs_as_written() {
    let folder = tempdir();
    let script = encrypted().aws_cli().directory(folder.join("it's here")).create_role_script();
    std::fs::create_dir(folder.join("it's here")).unwrap();
    let recorder = "aws() { for word in \"$@\"; do printf '%s\\0' \"$word\"; done; }\n";
    let output = std::process::Command::new("sh").arg("-c").arg(format!("{recorder}{script}")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let heard: Vec<_> =
        output.stdout.split(|byte| *byte == 0).map(|w| String::from_utf8(w.to_vec()).unwrap()).collect();
    let meant = encrypted().aws_cli().directory(folder.join("it's here")).create_role();
    let meant: Vec<_> = meant.into_iter().flat_map(|c| c.argv.into_iter().skip(1)).chain([String::new()]).collect();
    assert_eq!(heard, meant);
    for (name, policy) in [("trust", encrypted().trust_policy()), ("perm", encrypted().permission_policy())] {
        let text = std::fs::read(folder.join(format!("it's here/edgegate-{name}-c2b7a6d4.json"))).unwrap();
        assert_eq!(&serde_json::from_slice::<Value>(&text).unwrap(), policy.as_value());
    }
    std::fs::remove_dir_all(folder).unwrap();
}

fn tempdir() -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("cube-sdk-iam-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir(&folder).unwrap();
    folder
}

proptest! {
    #[test]
    fn any_valid_input_gives_valid_documents(
        account in "[0-9]{12}",
        path in "[!-;=-~]{0,20}",
        name in "[A-Za-z0-9+=,.@_-]{1,64}",
        external_id in "[A-Za-z0-9_+=,.@:/-]{2,80}",
        bucket in "[a-z0-9][a-z0-9.-]{2,62}",
        key in proptest::option::of("[a-z0-9-]{1,36}"),
    ) {
        let path = if path.is_empty() { path } else { format!("{path}/") };
        let principal = format!("arn:aws:iam::{account}:user/{path}{name}");
        let mut role = ReaderRole::new(principal.parse().unwrap(), external_id.parse().unwrap(), bucket.parse().unwrap());
        if let Some(key) = &key {
            role = role.kms_key(format!("arn:aws:kms:eu-central-1:{account}:key/{key}").parse().unwrap());
        }
        let trust: Value = serde_json::from_str(&role.trust_policy().to_string()).unwrap();
        prop_assert_eq!(&trust["Statement"][0]["Principal"]["AWS"], &Value::from(principal.clone()));
        let demanded = &trust["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"];
        prop_assert_eq!(demanded, &Value::from(external_id));
        let permission: Value = serde_json::from_str(&role.permission_policy().compact()).unwrap();
        prop_assert_eq!(permission["Statement"].as_array().unwrap().len(), 2 + usize::from(key.is_some()));
        prop_assert!(role.role_name().as_str().parse::<RoleName>().is_ok());
        let template = role.cloudformation().template();
        let default = format!("Default: '{}'", principal.replace('\'', "''"));
        prop_assert!(template.contains(&default));
        prop_assert_eq!(template.contains("{{"), principal.contains("{{"), "no hole is left open");
        prop_assert_eq!(template.matches("${BucketName}").count(), 5 + principal.matches("${BucketName}").count());
        prop_assert_eq!(role.terraform().module().contains("{{"), principal.contains("{{"));
    }
}
