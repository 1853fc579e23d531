//! The local world: its card, its environment, its ready file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use cube_sdk_core::config::Key;
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_server::local::{Card, World, write_ready_file};
use serde_json::Value;

#[tokio::test]
async fn the_card_is_complete() {
    let world = World::start().await.unwrap();
    let card = serde_json::to_value(world.card()).unwrap();
    for (part, names) in [
        ("cloud", "url api_key readonly_api_key user password config_dir dead_app forbidden_app"),
        ("apollo", "url client_id client_secret environment"),
        ("kube", "kubeconfig cluster"),
        ("edgegate", "url api_key admin_api_key viewer_api_key workspace free_workspace pipeline promptpack"),
        (
            "aws",
            "endpoint_url region access_key_id secret_access_key principal_arn bucket object_key object_size
             object_sha256 missing_key role_arn bad_role_arn account_id edgegate_account_id admin_access_key_id
             admin_secret_access_key drift_role_arn denied_key kms_denied_key kms_key_arn other_region_bucket gone_bucket",
        ),
    ] {
        for name in names.split_whitespace() {
            let value = &card[part][name];
            assert!(value.as_str().is_some_and(|text| !text.is_empty()) || value.is_u64(), "{part}.{name}: {value}");
        }
    }
    assert!(world.card().aws.object_size >= 8 << 20);
    assert_eq!(world.card().aws.principal_arn.split(':').nth(4), Some(world.card().aws.edgegate_account_id.as_str()));
    // The card reads back, and its Debug text keeps the keys to itself.
    let back: Card = serde_json::from_value(card).unwrap();
    let debug = format!("{back:?}");
    assert!(!debug.contains(world.card().edgegate.api_key.expose_secret()));
    assert!(!debug.contains(world.card().aws.secret_access_key.expose_secret()));
}

#[tokio::test]
async fn the_environment_has_published_names_where_they_exist() {
    let world = World::start().await.unwrap();
    let (env, card) = (world.environment(), world.card());
    let text = |name| env.text(Key::open(name, "")).unwrap().unwrap().value;
    assert_eq!(text("EDGEGATE_API_URL"), card.edgegate.url);
    assert_eq!(text("CUBE_CLOUD_URL"), card.cloud.url);
    assert_eq!(text("CUBE_API_KEY"), card.cloud.api_key.expose_secret());
    assert_eq!(text("CUBE_APOLLO_URL"), card.apollo.url);
    assert_eq!(text("CUBE_LOCAL_CLOUD_APPS_ECHO"), card.cloud.apps["echo"]);
    assert_eq!(text("EDGEGATE_API_KEY"), card.edgegate.api_key.expose_secret());
    assert_eq!(text("EDGEGATE_WORKSPACE_ID"), card.edgegate.workspace);
    assert_eq!(text("AWS_ENDPOINT_URL"), card.aws.endpoint_url);
    assert_eq!(text("AWS_ACCESS_KEY_ID"), card.aws.access_key_id);
    assert_eq!(text("CUBE_LOCAL_AWS_BUCKET"), card.aws.bucket);
    assert_eq!(text("CUBE_LOCAL_AWS_OBJECT_SIZE"), card.aws.object_size.to_string());
    assert_eq!(text("CUBE_LOCAL_EDGEGATE_FREE_WORKSPACE"), card.edgegate.free_workspace);
}

#[tokio::test]
async fn a_seed_repeats_and_no_seed_does_not() {
    let start = async |seed: Option<u64>| {
        let world = match seed {
            Some(seed) => World::builder().seed(seed).start().await.unwrap(),
            None => World::start().await.unwrap(),
        };
        let card = serde_json::to_value(world.card()).unwrap();
        world.shutdown(Duration::from_secs(5)).await;
        card
    };
    // Ports and folders are the system's. cube-cloud's keys are made as for anyone: nobody chooses what they are.
    let without_ports = |mut card: Value| {
        card["edgegate"]["url"].take();
        card["aws"]["endpoint_url"].take();
        card["apollo"]["url"].take();
        card["kube"]["kubeconfig"].take();
        for field in ["url", "api_key", "readonly_api_key", "config_dir", "apps"] {
            assert!(!card["cloud"][field].take().is_null(), "{field}");
        }
        card
    };
    assert_eq!(without_ports(start(Some(7)).await), without_ports(start(Some(7)).await));
    assert_ne!(start(Some(7)).await["edgegate"]["api_key"], start(Some(8)).await["edgegate"]["api_key"]);
    assert_ne!(start(None).await["edgegate"]["api_key"], start(None).await["edgegate"]["api_key"]);
}

#[tokio::test]
async fn the_ready_file_is_private_and_whole() {
    let world = World::start().await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("card.json");
    std::fs::write(&path, "old").unwrap();
    write_ready_file(world.card(), &path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let card: Card = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(card.edgegate.url, world.card().edgegate.url);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
    assert!(write_ready_file(world.card(), &dir.path().join("missing/card.json")).is_err());
}

#[tokio::test]
async fn a_shut_down_world_answers_no_more() {
    let world = World::start().await.unwrap();
    let url = format!("{}/v1/_contracts", world.card().edgegate.url);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    assert_eq!(http.get(&url).send().await.unwrap().status().as_u16(), 200);
    world.shutdown(Duration::from_secs(5)).await;
    assert!(http.get(&url).send().await.is_err());
}
