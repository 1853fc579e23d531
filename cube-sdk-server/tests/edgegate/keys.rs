//! API keys: minted once, listed without secrets, revoked for good.

use serde_json::json;

use crate::support::{Client, world};

#[tokio::test]
async fn a_key_is_shown_once_used_and_revoked() {
    let world = world().await.start().await.unwrap();
    let owner = Client::owner(&world);
    let (status, made) = owner.post("/api-keys", json!({ "name": "ci", "expires_at": null })).await;
    assert_eq!(status, 201);
    let plaintext = made["plaintext"].as_str().unwrap().to_owned();
    assert!(plaintext.starts_with("egk_live_") && plaintext.len() == 9 + 64, "256 bits");
    assert_eq!(made["prefix"], "egk_live_");
    assert_eq!(made["suffix"], plaintext[plaintext.len() - 4..]);

    let ci = Client::with(&world, &plaintext.clone().into());
    assert_eq!(ci.get("").await.0, 200);
    let (_, list) = owner.get("/api-keys").await;
    let row = list.as_array().unwrap().iter().find(|row| row["id"] == made["id"]).unwrap().clone();
    assert!(row["last_used_at"].is_string() && row["revoked_at"].is_null());
    assert!(!list.to_string().contains(&plaintext) && row.get("plaintext").is_none() && row.get("hash").is_none());

    let path = format!("/api-keys/{}", made["id"].as_str().unwrap());
    assert_eq!(owner.delete(&path).await.0, 204);
    assert_eq!(owner.delete(&path).await.0, 404, "revoked already");
    assert_eq!(ci.get("").await.0, 401);
    let (_, list) = owner.get("/api-keys").await;
    let row = list.as_array().unwrap().iter().find(|row| row["id"] == made["id"]).unwrap();
    assert!(row["revoked_at"].is_string(), "revoked keys stay listed");
}

#[tokio::test]
async fn plan_name_and_expiry_are_checked() {
    let world = world().await.start().await.unwrap();
    assert_eq!(Client::free(&world).post("/api-keys", json!({ "name": "x", "expires_at": null })).await.0, 402);
    let owner = Client::owner(&world);
    for body in [
        json!({ "name": "", "expires_at": null }),
        json!({ "name": "x", "expires_at": "2001-01-01T00:00:00Z" }),
        json!({ "name": "x", "expires_at": "soon" }),
        json!({}),
    ] {
        assert_eq!(owner.post("/api-keys", body.clone()).await.0, 422, "{body}");
    }
    let (status, made) = owner.post("/api-keys", json!({ "name": "x", "expires_at": "2099-01-01T00:00:00Z" })).await;
    assert_eq!((status, &made["expires_at"]), (201, &json!("2099-01-01T00:00:00Z")));
    assert_eq!(Client::admin(&world).post("/api-keys", json!({ "name": "x" })).await.0, 403);
}
