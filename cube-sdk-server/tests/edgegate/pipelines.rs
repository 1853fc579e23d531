//! Promptpacks and the pipelines that refer to them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, world};

fn pack(version: &str) -> Value {
    json!({ "promptpack_id": "chat", "version": version, "content": {
        "promptpack_id": "chat", "version": version, "name": "Chat",
        "cases": [{ "case_id": "one", "name": "One", "prompt": "Say one." }],
    } })
}

fn pipeline(pack: &str) -> Value {
    json!({ "name": "Mine", "device_matrix": [{ "name": "QCS8550 (Proxy)", "enabled": true }],
        "promptpack_ref": { "promptpack_id": pack, "version": "1.0.0" },
        "gates": [{ "metric": "first_load_time_ms", "operator": "lte", "threshold": 1000 }] })
}

#[tokio::test]
async fn packs_never_change_and_publishing_repeats() {
    let world = world().await.start().await.unwrap();
    let admin = Client::admin(&world);
    let (status, made) = admin.post("/promptpacks", pack("1.0.0")).await;
    assert_eq!((status, &made["published"], &made["case_count"]), (201, &json!(false), &json!(1)));
    assert_eq!(admin.post("/promptpacks", pack("1.0.0")).await.0, 409);
    assert_eq!(admin.post("/promptpacks", pack("1.0")).await.0, 422);
    for _ in 0..2 {
        let (status, published) = admin.call(Method::PUT, "/promptpacks/chat/1.0.0/publish", None).await;
        assert_eq!((status, &published["published"]), (200, &json!(true)));
    }
    assert_eq!(admin.call(Method::PUT, "/promptpacks/chat/9.9.9/publish", None).await.0, 404);
    let (_, list) = admin.get("/promptpacks").await;
    assert_eq!(list.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_pipeline_needs_a_published_pack_and_keeps_its_limits() {
    let world = world().await.start().await.unwrap();
    let admin = Client::admin(&world);
    assert_eq!(admin.post("/pipelines", pipeline("nowhere")).await.0, 400);
    admin.post("/promptpacks", pack("1.0.0")).await;
    assert_eq!(admin.post("/pipelines", pipeline("chat")).await.0, 400, "not published yet");
    admin.call(Method::PUT, "/promptpacks/chat/1.0.0/publish", None).await;
    let (status, made) = admin.post("/pipelines", pipeline("chat")).await;
    assert_eq!(status, 201, "{made}");
    for (field, wanted) in [
        ("device_count", json!(1)),
        ("model_count", json!(0)),
        ("gate_count", json!(1)),
        ("cell_count", json!(1)),
        ("promptpack_id", json!("chat")),
        ("promptpack_version", json!("1.0.0")),
        ("last_run", Value::Null),
    ] {
        assert_eq!(made[field], wanted, "{field}");
    }
    let mut bad = pipeline("chat");
    bad["gates"][0]["metric"] = json!("throughput_tps");
    let (status, refusal) = admin.post("/pipelines", bad).await;
    assert_eq!(status, 422);
    assert!(refusal["detail"].as_str().unwrap().contains("throughput_tps"));
    let (_, list) = admin.get("/pipelines").await;
    assert_eq!(list.as_array().unwrap().len(), 2);
}
