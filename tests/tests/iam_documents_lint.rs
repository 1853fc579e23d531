//! The IAM documents pass the linters of their own fields, and each linter reports a mistake that was put in.
//!
//! parliament refuses trust policies by nature (they have no Resource) and knows no key policies: cfn-lint reads
//! those, inside a template.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use cube_sdk::Cube;
use cube_sdk::byo::iam::ReaderRole;
use cube_sdk::byo::rest::SetupInfo;
use cube_sdk_server::local::World;
use cube_sdk_tests::real::{PYTHON, component};
use serde_json::{Value, json};
use tempfile::TempDir;

const KEY: &str = "arn:aws:kms:eu-central-1:210987654321:key/5d1f1f6e-2f3a-4b8e-9a50-7d0e1c2b3a49";
const ROLE: &str = "arn:aws:iam::210987654321:role/edgegate-byo-read-c2b7a6d4";

fn plain() -> ReaderRole {
    ReaderRole::new(
        "arn:aws:iam::123456789012:user/edgegate-worker".parse().unwrap(),
        "c2b7a6d4-93e1-4f0a-b1d8-6a1e5d2f7c90".parse().unwrap(),
        "acme-edge-models".parse().unwrap(),
    )
    .workspace("0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11".parse().unwrap())
}

fn encrypted() -> ReaderRole {
    plain().kms_key(KEY.parse().unwrap())
}

/// What the server tells of itself, by its own client.
async fn setup_info() -> SetupInfo {
    let world = World::start().await.unwrap();
    let cube = Cube::builder().environment(world.environment()).build();
    let workspace = world.card().edgegate.workspace.as_str();
    cube.edgegate().unwrap().workspace(workspace).byo().setup_info().await.unwrap()
}

/// Files in a directory of their own.
fn files(documents: &[(&str, String)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in documents {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

/// Replaces text that must be there.
fn spoilt(document: &str, from: &str, to: &str) -> String {
    assert!(document.contains(from), "the mistake has no place in:\n{document}");
    document.replace(from, to)
}

/// Runs a linter in a directory; none when it may be skipped.
fn lint(linter: &str, arguments: &[&str], dir: &Path) -> Option<(bool, String)> {
    let program = component(linter, PYTHON)?;
    let Output { status, stdout, stderr } =
        Command::new(program).args(arguments).current_dir(dir).stdin(Stdio::null()).output().unwrap();
    Some((status.success(), [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat()))
}

fn cfn_lint(dir: &TempDir) -> Option<(bool, String)> {
    let arguments = ["--non-zero-exit-code", "informational", "--format", "parseable", "--regions", "eu-central-1"];
    lint("cfn-lint", &[&arguments[..], &["--template", "*.yaml"]].concat(), dir.path())
}

fn parliament(dir: &TempDir) -> Option<(bool, String)> {
    let arguments = ["--json", "--minimum_severity", "INFO", "--include_policy_extension", "json", "--directory", "."];
    lint("parliament", &arguments, dir.path())
}

/// What python-hcl2 understands of each file.
fn hcl2(dir: &TempDir, names: &[&str]) -> Option<(bool, Vec<Value>, String)> {
    let arguments = ["--quiet", "--ndjson", "--strip-string-quotes"];
    let (passed, text) = lint("hcl2tojson", &[&arguments[..], names].concat(), dir.path())?;
    let modules = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    Some((passed, modules, text))
}

/// A template of nothing but the documents that parliament does not read. JSON is YAML too.
fn only_policies(role: &ReaderRole) -> String {
    let statement = role.key_policy_statement(&ROLE.parse().unwrap()).unwrap();
    let root = json!({ "Sid": "Root", "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::210987654321:root" },
        "Action": "kms:*", "Resource": "*" });
    let template = json!({ "AWSTemplateFormatVersion": "2010-09-09", "Resources": {
        "Role": { "Type": "AWS::IAM::Role", "Properties": {
            "AssumeRolePolicyDocument": role.trust_policy().as_value(),
            "Policies": [{ "PolicyName": "Read", "PolicyDocument": role.permission_policy().as_value() }],
        } },
        "Key": { "Type": "AWS::KMS::Key", "DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain", "Properties": {
            "EnableKeyRotation": true,
            "KeyPolicy": { "Version": "2012-10-17", "Statement": [root, statement] },
        } },
    } });
    format!("{template:#}")
}

#[tokio::test]
async fn cloudformation_passes_cfn_lint() {
    let info = setup_info().await;
    let dir = files(&[
        ("plain.yaml", plain().cloudformation().template()),
        ("encrypted.yaml", encrypted().cloudformation().template()),
        ("server.yaml", info.cloudformation_template_yaml),
        ("policies.yaml", only_policies(&encrypted())),
    ]);
    let Some((passed, words)) = cfn_lint(&dir) else { return };
    assert!(passed && words.trim().is_empty(), "{words}");
}

#[tokio::test]
async fn cfn_lint_reports_mistakes() {
    let template = encrypted().cloudformation().template();
    let dir = files(&[
        ("property.yaml", spoilt(&template, "AssumeRolePolicyDocument", "AssumeRolePolicy")),
        ("trust.yaml", spoilt(&only_policies(&encrypted()), "\"Principal\"", "\"Principals\"")),
        ("server.yaml", spoilt(&setup_info().await.cloudformation_template_yaml, "!Ref ExternalId", "!Ref Externalid")),
    ]);
    let Some((passed, words)) = cfn_lint(&dir) else { return };
    assert!(!passed, "{words}");
    for (file, rule) in [("property.yaml", "E3003"), ("trust.yaml", "Principals"), ("server.yaml", "Externalid")] {
        assert!(words.lines().any(|line| line.contains(file) && line.contains(rule)), "{file}: {rule}\n{words}");
    }
}

#[tokio::test]
async fn terraform_parses_as_hcl2() {
    let info = setup_info().await;
    let dir = files(&[
        ("plain.tf", plain().terraform().module()),
        ("encrypted.tf", encrypted().terraform().module()),
        ("variables.tf", encrypted().terraform().variables()),
        ("server.tf", info.terraform_template),
        ("server-kms.tf", info.terraform_template_with_kms),
    ]);
    let modules = ["plain.tf", "encrypted.tf", "server.tf", "server-kms.tf", "variables.tf"];
    let Some((passed, mut parsed, words)) = hcl2(&dir, &modules) else { return };
    assert!(passed && parsed.len() == modules.len(), "{words}");
    let variables = parsed.pop().unwrap();
    assert_eq!((&variables["kms_key_arn"], &variables["bucket_name"]), (&json!(KEY), &json!("acme-edge-models")));
    for module in &parsed {
        let has = |kind: &str, name: &str| module[kind].as_array().unwrap().iter().any(|it| it.get(name).is_some());
        assert!(has("resource", "aws_iam_role") && has("resource", "aws_iam_role_policy"), "{module:#}");
        assert!(has("output", "role_arn") && has("variable", "external_id"), "{module:#}");
    }
    let variable = |name: &str| {
        let all = parsed[1]["variable"].as_array().unwrap();
        all.iter().find_map(|it| it.get(name)).unwrap()["default"].clone()
    };
    assert_eq!(variable("kms_key_arn"), KEY);
    assert_eq!(variable("external_id"), encrypted().external_id().as_str());
}

#[tokio::test]
async fn python_hcl2_reports_mistakes() {
    let info = setup_info().await;
    let documents = [
        ("brace.tf", spoilt(&plain().terraform().module(), "output \"role_arn\" {", "output \"role_arn\"")),
        ("server.tf", spoilt(&info.terraform_template, "jsonencode({", "jsonencode(")),
    ];
    let dir = files(&documents);
    for (name, _) in &documents {
        let Some((passed, _, words)) = hcl2(&dir, &[name]) else { return };
        assert!(!passed && words.contains("parse_error"), "{name}: {words}");
    }
}

#[tokio::test]
async fn policies_pass_parliament() {
    let info = setup_info().await;
    let filled = |template: &str| template.replace("<BUCKET>", "acme-edge-models").replace("<KMS_KEY_ARN>", KEY);
    let dir = files(&[
        ("permission.json", plain().permission_policy().to_string()),
        ("permission-kms.json", encrypted().permission_policy().to_string()),
        ("bucket.json", plain().bucket_policy(&ROLE.parse().unwrap()).to_string()),
        ("server.json", filled(&info.permission_policy_template)),
        ("server-kms.json", filled(&info.permission_policy_with_kms_template)),
    ]);
    let Some((passed, words)) = parliament(&dir) else { return };
    assert!(passed && words.trim().is_empty(), "{words}");
}

#[test]
fn parliament_reports_mistakes() {
    let permission = encrypted().permission_policy().to_string();
    let bucket = plain().bucket_policy(&ROLE.parse().unwrap()).to_string();
    let dir = files(&[
        ("action.json", spoilt(&permission, "s3:GetObject", "s3:HeadObject")),
        ("resource.json", spoilt(&permission, "acme-edge-models/*", "acme-edge-models")),
        ("bucket.json", spoilt(&bucket, "\"Effect\"", "\"Efect\"")),
    ]);
    let Some((passed, words)) = parliament(&dir) else { return };
    assert!(!passed, "{words}");
    let reported =
        [("action.json", "UNKNOWN_ACTION"), ("resource.json", "RESOURCE_MISMATCH"), ("bucket.json", "MALFORMED")];
    for (file, issue) in reported {
        assert!(words.lines().any(|line| line.contains(file) && line.contains(issue)), "{file}: {issue}\n{words}");
    }
}
