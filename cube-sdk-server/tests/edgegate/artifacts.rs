//! Registration: one HeadObject, each refusal with its code, and never a byte copied.

use serde_json::{Value, json};

use crate::iam;
use crate::support::{ARTIFACTS, Client, GRANTS, uri, with_role, world};

async fn refused(client: &Client, body: Value, status: u16, word: &str) {
    let (got, refusal) = client.post(ARTIFACTS, body.clone()).await;
    let detail = refusal["detail"].as_str().unwrap();
    assert_eq!(got, status, "{body}: {refusal}");
    assert!(detail.contains(word), "{body}: {detail}");
}

#[tokio::test]
async fn an_object_is_registered_by_one_head() {
    let world = world().await.start().await.unwrap();
    let (owner, card) = (Client::owner(&world), world.card().aws.clone());
    owner.active(&world).await;
    let before = owner.audit("").await.len();
    let (status, artifact) = owner.post(ARTIFACTS, uri(&world, &card.object_key)).await;
    assert_eq!(status, 201);
    let mut names: Vec<_> = artifact.as_object().unwrap().keys().cloned().collect();
    names.sort();
    assert_eq!(
        names,
        ["created_at", "expires_at", "id", "kind", "original_filename", "sha256", "size_bytes", "storage_url"]
    );
    assert_eq!(artifact["kind"], "model");
    assert_eq!(artifact["storage_url"], format!("byo-s3://{}/{}", card.bucket, card.object_key));
    assert_eq!(artifact["size_bytes"], card.object_size);
    assert_eq!(artifact["sha256"], card.object_sha256, "S3's own full-object checksum");
    assert!(artifact["expires_at"].is_null() && artifact["original_filename"].is_null());

    let rows = owner.audit("").await;
    let events: Vec<_> = rows[..rows.len() - before].iter().map(|row| row["event_type"].as_str().unwrap()).collect();
    assert_eq!(events, ["head_object", "assume_role"], "and no bytes");
    assert_eq!(world.aws().traffic().served("GetObject"), 0);

    // The same object again is the same row; a different expectation is a new one.
    let (status, again) = owner.post(ARTIFACTS, uri(&world, &card.object_key)).await;
    assert_eq!((status, &again["id"]), (200, &artifact["id"]));
    let mut body = uri(&world, &card.object_key);
    body["expected_sha256"] = json!("a".repeat(64));
    let (status, other) = owner.post(ARTIFACTS, body).await;
    assert_eq!((status, &other["sha256"]), (201, &json!("a".repeat(64))), "not checked before a read");
    assert_ne!(other["id"], artifact["id"]);
}

#[tokio::test]
async fn each_refusal_carries_its_code() {
    let world = world().await.start().await.unwrap();
    let (owner, card) = (Client::owner(&world), world.card().aws.clone());
    refused(&owner, uri(&world, "k"), 400, "no active grant").await;
    owner.active(&world).await;
    refused(&owner, uri(&world, &card.missing_key), 400, "BYO_OBJECT_NOT_FOUND").await;
    refused(&owner, uri(&world, &card.denied_key), 400, "BYO_OBJECT_ACCESS_DENIED").await;
    refused(&owner, json!({ "s3_uri": "s3://another-bucket/k" }), 400, "bucket mismatch").await;
    refused(&owner, json!({ "s3_uri": "s3://ab/k" }), 400, "bucket mismatch").await;
    let mut wrong_size = uri(&world, &card.object_key);
    wrong_size["expected_size"] = json!(1);
    refused(&owner, wrong_size.clone(), 400, "size mismatch").await;
    wrong_size["expected_size"] = json!(card.object_size);
    assert_eq!(owner.post(ARTIFACTS, wrong_size).await.0, 201);
    iam::close_trust(&world).await;
    refused(&owner, uri(&world, &card.object_key), 400, "BYO_ASSUME_ROLE_FAILED").await;
}

#[tokio::test]
async fn bad_input_is_422_before_anything_is_sent() {
    let world = world().await.start().await.unwrap();
    let owner = Client::owner(&world);
    owner.active(&world).await;
    let rows = owner.audit("").await.len();
    for text in ["s3://abc", "s3://abc/", "s3://Abc/k", "https://abc/k", "byo-s3://abc/k"] {
        refused(&owner, json!({ "s3_uri": text }), 422, "s3_uri").await;
    }
    for (field, value) in [
        ("expected_sha256", json!("A".repeat(64))),
        ("expected_sha256", json!("a".repeat(63))),
        ("expected_sha256", json!(format!("sha256:{}", "a".repeat(64)))),
        ("expected_size", json!(0)),
        ("expected_size", json!(-1)),
        ("body", json!(null)),
    ] {
        let mut body = uri(&world, "k");
        if field == "body" {
            body = json!([]);
        } else {
            body[field] = value;
        }
        refused(&owner, body, 422, field).await;
    }
    let mut half = uri(&world, "k");
    half["expected_size"] = json!(1.5);
    refused(&owner, half, 422, "body").await;
    assert_eq!(owner.audit("").await.len(), rows);
}

#[tokio::test]
async fn a_failed_or_pending_grant_registers_nothing() {
    let world = world().await.start().await.unwrap();
    let (owner, card) = (Client::owner(&world), world.card().aws.clone());
    owner.pending(&world).await;
    refused(&owner, uri(&world, &card.object_key), 400, "no active grant").await;
    assert_eq!(owner.delete(GRANTS).await.0, 204);
    refused(&owner, uri(&world, &card.object_key), 400, "no active grant").await;
    owner.post(GRANTS, with_role(&world, &card.bad_role_arn)).await;
    refused(&owner, uri(&world, &card.object_key), 400, "no active grant").await;
}

#[tokio::test]
async fn deleting_the_pointer_leaves_the_object_and_frees_the_grant() {
    let world = world().await.start().await.unwrap();
    let (owner, card) = (Client::owner(&world), world.card().aws.clone());
    owner.active(&world).await;
    let id = owner.registered(&world).await;
    let (status, refusal) = owner.delete(GRANTS).await;
    assert_eq!(status, 409);
    let detail = refusal["detail"].as_str().unwrap();
    assert!(detail.contains('1') && detail.contains(&format!("byo-s3://{}", card.bucket)), "{detail}");
    let (status, refusal) = owner.get(&format!("/artifacts/{id}/download")).await;
    assert_eq!(status, 400, "{refusal}");
    assert_eq!(owner.delete(&format!("/artifacts/{id}")).await.0, 204);
    assert_eq!(owner.delete(&format!("/artifacts/{id}")).await.0, 404);
    assert_eq!(owner.delete("/artifacts/nonsense").await.0, 404);
    assert!(world.aws().object(&card.bucket, &card.object_key).is_some());
    assert_eq!(owner.delete(GRANTS).await.0, 204);
}

#[tokio::test]
async fn a_denied_session_is_told_apart_from_a_missing_object() {
    let world = world().await.start().await.unwrap();
    let owner = Client::owner(&world);
    owner.active(&world).await;
    iam::deny(&world).await;
    refused(&owner, uri(&world, &world.card().aws.object_key), 400, "BYO_OBJECT_ACCESS_DENIED").await;
}
