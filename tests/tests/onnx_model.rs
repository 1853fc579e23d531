//! The model of the embedded world is one: read from the customer's bucket into a file, it passes ONNX's own checker.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::{Command, Stdio};

use cube_sdk::byo::{GrantRef, Scope, Sha256, Storage};
use cube_sdk_server::local::World;
use cube_sdk_tests::real::{PYTHON, component};

/// What the checker says of a file; none when it may be skipped.
fn check(model: &Path) -> Option<(bool, String)> {
    let checker = component("check-model", PYTHON)?;
    let output = Command::new(checker).arg(model).stdin(Stdio::null()).output().unwrap();
    Some((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_model_that_is_read_passes_the_checker() {
    let world = World::start().await.unwrap();
    let card = &world.card().aws;
    let storage = Storage::builder()
        .keys(card.access_key_id.clone(), card.secret_access_key.clone(), None)
        .endpoint_url(card.endpoint_url.parse().unwrap())
        .build()
        .unwrap();
    let grant = GrantRef::new(
        card.role_arn.parse().unwrap(),
        "c2b7a6d4-93e1-4f0a-b1d8-6a1e5d2f7c90".parse().unwrap(),
        card.bucket.parse().unwrap(),
        card.region.parse().unwrap(),
    );
    let digest: Sha256 = card.object_sha256.parse().unwrap();
    let session = storage.session(&grant, Scope::Object(card.object_key.parse().unwrap()));
    let dir = tempfile::tempdir().unwrap();
    let model = dir.path().join("model.onnx");
    let uri = format!("s3://{}/{}", card.bucket, card.object_key);
    let report = session.open(uri).expect_sha256(digest).read_to_file(&model).await.unwrap();
    assert_eq!((report.bytes, report.sha256), (card.object_size, digest));
    assert!(report.bytes >= 8 << 20, "a model that is worth reading in parts");

    let Some((passed, words)) = check(&model) else { return };
    assert!(passed, "{words}");

    // The checker reports a mistake: an operator that does not exist, and a file that is cut short.
    let bytes = std::fs::read(&model).unwrap();
    let operator = bytes.windows(6).position(|word| word == b"MatMul").expect("the model multiplies");
    let mut other = bytes.clone();
    other[operator..operator + 6].copy_from_slice(b"MatMux");
    for (name, bytes, why) in
        [("operator.onnx", &other[..], "MatMux"), ("short.onnx", &bytes[..bytes.len() / 2], "pars")]
    {
        let spoilt = dir.path().join(name);
        std::fs::write(&spoilt, bytes).unwrap();
        let (passed, words) = check(&spoilt).unwrap();
        assert!(!passed && words.contains(why), "{name}: {words}");
    }
}
