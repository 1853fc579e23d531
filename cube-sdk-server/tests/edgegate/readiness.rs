//! `/readyz`: the database and AWS's word on the service's own keys, asked once for all who look.

use std::time::Duration;

use cube_sdk_byo::Storage;
use cube_sdk_core::SecretString;
use cube_sdk_server::edgegate::{EdgeGateService, OperatorSettings};
use cube_sdk_server::listener::Listener;
use cube_sdk_server::store::{EdgeGateStore, Store};
use cube_sdk_testkit::aws::{AwsWorld, Effect, Fault};

use crate::support::{http, world};

async fn ready(url: &str) -> (u16, String) {
    let response = http().get(format!("{url}/readyz")).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn aws_is_asked_once_for_all_who_look_and_not_at_start() {
    let world = world().await.start().await.unwrap();
    let url = &world.card().edgegate.url;
    assert_eq!(world.aws().traffic().served("GetCallerIdentity"), 0);
    for _ in 0..20 {
        assert_eq!(ready(url).await, (200, "ready\n".to_owned()));
    }
    assert_eq!(world.aws().traffic().served("GetCallerIdentity"), 1);
}

#[tokio::test]
async fn keys_that_aws_does_not_take_are_told_without_a_secret_and_not_at_each_look() {
    let world = world().await.start().await.unwrap();
    let url = &world.card().edgegate.url;
    let refusal = Effect::Answer {
        status: 403,
        code: "InvalidClientTokenId".to_owned(),
        message: "The security token included in the request is invalid, aws_secret_access_key=canary".to_owned(),
    };
    let fault = world.aws().faults().add(Fault::new(refusal).on("GetCallerIdentity"));
    for _ in 0..20 {
        let (status, told) = ready(url).await;
        assert!(status == 503 && told.starts_with("not ready: aws identity: InvalidClientTokenId"), "{told}");
        assert!(!told.contains("canary") && told.lines().count() == 1, "{told}");
    }
    assert!(world.aws().faults().fired(fault) < 5, "no call for each look");
}

#[tokio::test]
async fn an_sts_that_hangs_does_not_hold_up_who_looks() {
    let world = world().await.start().await.unwrap();
    world.aws().faults().add(Fault::new(Effect::Hang).on("GetCallerIdentity"));
    let (status, told) = ready(&world.card().edgegate.url).await;
    assert!(status == 503 && told.starts_with("not ready: aws identity: "), "{told}");
    // The process lives all the same.
    let health = http().get(format!("{}/healthz", world.card().edgegate.url)).send().await.unwrap();
    assert_eq!(health.status(), 200);
}

/// A service with these keys and settings, and where it is.
async fn served(storage: Storage, settings: OperatorSettings, store: EdgeGateStore) -> (EdgeGateService, Listener) {
    let service = EdgeGateService::builder(store, storage).settings(settings).start().await.unwrap();
    let listener = Listener::bind(([127, 0, 0, 1], 0).into(), service.router()).await.unwrap();
    (service, listener)
}

#[tokio::test]
async fn keys_of_another_account_and_a_database_that_is_gone_are_both_told() {
    let (aws, dir) = (AwsWorld::builder().start().await.unwrap(), tempfile::tempdir().unwrap());
    let card = aws.card();
    let store = EdgeGateStore::from(Store::open(&dir.path().join("edgegate.sqlite")).await.unwrap());
    let storage = Storage::builder()
        .keys(&card.worker.access_key_id, card.worker.secret_access_key.clone(), None)
        .endpoint_url(aws.endpoint_url().parse().unwrap())
        .build()
        .unwrap();
    let other = "arn:aws:iam::999988887777:user/edgegate-worker".parse().unwrap();
    let (service, listener) = served(storage, OperatorSettings::for_principal(&other), store.clone()).await;
    let (status, told) = ready(&listener.url()).await;
    assert!(status == 503 && told.starts_with("not ready: aws identity: "), "{told}");
    assert!(told.contains("999988887777") && told.contains("BYO_EDGEGATE_AWS_ACCOUNT_ID"), "{told}");
    store.close().await;
    let (status, told) = ready(&listener.url()).await;
    let lines: Vec<_> = told.lines().collect();
    assert!(status == 503 && lines.len() == 2 && lines[0].starts_with("not ready: database: "), "{told}");
    service.shutdown(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn wrong_keys_are_not_shown() {
    let (aws, dir) = (AwsWorld::builder().start().await.unwrap(), tempfile::tempdir().unwrap());
    let store = Store::open(&dir.path().join("edgegate.sqlite")).await.unwrap();
    let storage = Storage::builder()
        .keys("AKIAUNKNOWNEXAMPLE00", SecretString::from("canary"), None)
        .endpoint_url(aws.endpoint_url().parse().unwrap())
        .build()
        .unwrap();
    let (service, listener) = served(storage, OperatorSettings::default(), store.into()).await;
    let (status, told) = ready(&listener.url()).await;
    assert!(status == 503 && told.contains("InvalidClientTokenId") && !told.contains("canary"), "{told}");
    service.shutdown(Duration::from_secs(1)).await;
}
