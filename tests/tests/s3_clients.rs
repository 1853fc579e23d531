//! Clients of S3 that nobody of ours wrote, against the embedded account: they read, list and head what a role may, and
//! the administrator's command line writes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use cube_sdk::byo::Sha256;
use cube_sdk::core::secret::ExposeSecret;
use cube_sdk_server::local::World;
use cube_sdk_testkit::aws::Object;
use cube_sdk_tests::real::{AwsCli, python, python_s3fs, workspace};
use serde_json::{Value, json};

/// A key that every client has to encode, and none may encode twice.
const ODD: &str = "odd/ä – 漢字 +&=%2F'~(1).txt";

/// The world, and the command line client as its administrator and in a session of the reading role.
async fn world() -> Option<(World, AwsCli, AwsCli)> {
    let world = World::start().await.unwrap();
    let card = &world.card().aws;
    world.aws().put_object(&card.bucket, ODD, Object::bytes("odd")).unwrap();
    let admin = AwsCli::find(
        &card.endpoint_url,
        &card.region,
        &card.admin_access_key_id,
        card.admin_secret_access_key.expose_secret(),
    )?;
    let worker = admin.with_keys(&card.access_key_id, card.secret_access_key.expose_secret());
    let role = card.role_arn.clone();
    let reader = tokio::task::spawn_blocking(move || worker.assume_role(&role, "any")).await.unwrap();
    Some((world, admin, reader))
}

/// What the script saw with one of Python's clients.
async fn seen(python: &Path, client: &str, reader: &AwsCli, world: &World) -> Value {
    let card = &world.card().aws;
    let mut command = tokio::process::Command::from(reader.beside(python));
    command.arg(workspace().join("tests/real/s3_clients.py"));
    command.args([client, &card.bucket, &card.object_key, &card.missing_key, &card.denied_key, ODD]).kill_on_drop(true);
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{client}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The keys of the bucket, in order.
fn keys(world: &World) -> Vec<&str> {
    let card = &world.card().aws;
    let mut keys = vec!["bench/weights-256m.bin", &card.denied_key, &card.kms_denied_key, &card.object_key, ODD];
    keys.sort_unstable();
    keys
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_reads_lists_and_heads() {
    let Some((world, _, reader)) = world().await else { return };
    let Some(python) = python("boto3") else { return };
    let (seen, card) = (seen(&python, "boto3", &reader, &world).await, &world.card().aws);
    assert_eq!((&seen["size"], &seen["checksum"]), (&json!(card.object_size), &json!("FULL_OBJECT")));
    assert_eq!(seen["sha256"], json!(card.object_sha256));
    assert_eq!(seen["range"], json!([format!("bytes 5-9/{}", card.object_size), true]));
    assert_eq!((&seen["keys"], &seen["same"]), (&json!(keys(&world)), &json!(keys(&world))));
    assert_eq!(seen["groups"], json!(["bench/", "denied/", "encrypted/", "odd/", "vision/"]));
    assert_eq!(seen["missing"], json!([404, "NoSuchKey"]));
    assert_eq!(seen["changed"], json!([412, "PreconditionFailed"]));
    assert_eq!(seen["unchanged"], json!([304, "304"]));
    assert_eq!(seen["beyond"], json!([416, "InvalidRange"]));
    assert_eq!(seen["denied"], json!([[403, "AccessDenied"], [403, "403"]]));
    assert_eq!(seen["gone"], json!([404, "404"]));
    assert_eq!(seen["odd"], json!(["odd", "odd"]), "by call and by presigned URL");
}

#[tokio::test(flavor = "multi_thread")]
async fn s3fs_reads_lists_and_heads() {
    let Some((world, _, reader)) = world().await else { return };
    let Some(python) = python_s3fs() else { return };
    let (seen, card) = (seen(&python, "s3fs", &reader, &world).await, &world.card().aws);
    assert_eq!((&seen["size"], &seen["sha256"]), (&json!(card.object_size), &json!(card.object_sha256)));
    assert_eq!(seen["range"], json!([true, true]));
    assert_eq!(seen["keys"], json!(keys(&world)));
    assert_eq!(seen["groups"], json!(["bench", "denied", "encrypted", "odd", "vision"]));
    assert_eq!((&seen["exists"], &seen["missing"]), (&json!([true, false]), &json!("FileNotFoundError")));
    assert_eq!((&seen["denied"], &seen["odd"]), (&json!("PermissionError"), &json!("odd")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_reads_and_its_administrator_writes() {
    let Some((world, admin, reader)) = world().await else { return };
    let card = world.card().aws.clone();
    let expected = keys(&world).into_iter().map(str::to_owned).collect::<Vec<_>>();
    let work = move || {
        let dir = tempfile::tempdir().unwrap();
        let place = ["--bucket", card.bucket.as_str()];
        let listed = reader.run(&[&["s3api", "list-objects-v2", "--page-size", "1"], &place[..]].concat());
        let keys: Vec<&str> =
            listed["Contents"].as_array().unwrap().iter().map(|o| o["Key"].as_str().unwrap()).collect();
        assert_eq!(keys, expected);
        let object = [&place[..], &["--key", &card.object_key]].concat();
        let head = reader.run(&[&["s3api", "head-object", "--checksum-mode", "ENABLED"], &object[..]].concat());
        assert_eq!((&head["ContentLength"], &head["ChecksumType"]), (&json!(card.object_size), &json!("FULL_OBJECT")));
        // Larger than the client's threshold: it reads parts at once.
        let script = format!("aws s3 cp --no-progress s3://{}/{} model.onnx", card.bucket, card.object_key);
        let output = reader.shell(&script, dir.path());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let model = std::fs::read(dir.path().join("model.onnx")).unwrap();
        assert_eq!(Sha256::of(&model).to_string(), card.object_sha256);
        let refused =
            reader.shell(&format!("aws s3 cp --no-progress s3://{}/{} x", card.bucket, card.denied_key), dir.path());
        assert!(String::from_utf8_lossy(&refused.stderr).contains("403"), "{refused:?}");
        let refused = reader.shell(&format!("aws s3 rm s3://{}/{}", card.bucket, card.object_key), dir.path());
        assert!(String::from_utf8_lossy(&refused.stderr).contains("AccessDenied"), "{refused:?}");

        // A multipart upload, a copy of it in parts, and the deletion of many.
        let script = format!(
            "aws s3 cp --no-progress model.onnx s3://{0}/up/a.onnx\n\
             aws s3 cp --no-progress s3://{0}/up/a.onnx s3://{0}/up/b.onnx\n\
             aws s3 sync --no-progress s3://{0}/up down\n\
             cmp model.onnx down/a.onnx && cmp model.onnx down/b.onnx\n\
             aws s3 rm --recursive s3://{0}/up\n\
             aws s3api delete-objects --bucket {0} --delete 'Objects=[{{Key=up/a.onnx}},{{Key=up/none}}]'\n\
             aws s3 mb s3://another-bucket && aws s3 rb s3://another-bucket\n",
            card.bucket
        );
        let output = admin.shell(&script, dir.path());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let left = admin.run(&[&["s3api", "list-objects", "--prefix", "up/"], &place[..]].concat());
        assert!(left.get("Contents").is_none(), "{left}");
    };
    tokio::task::spawn_blocking(work).await.unwrap();
}
