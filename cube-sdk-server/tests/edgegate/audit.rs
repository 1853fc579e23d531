//! The audit: one row per call, filters, pages, ids that only grow.

use cube_sdk_core::Timestamp;
use serde_json::{Value, json};

use crate::support::{Client, GRANTS, with_role, world};

const AUDIT: &str = "/byo-storage/audit";

#[tokio::test]
async fn every_call_to_aws_has_its_row_and_its_cloudtrail_record() {
    let world = world().await.start().await.unwrap();
    let owner = Client::owner(&world);
    owner.active(&world).await;
    let artifact = owner.registered(&world).await;
    let run = owner.triggered(&world, &artifact).await;
    owner.ended(&run).await;
    let rows = owner.audit("").await;
    let ids = |rows: Vec<&str>| -> std::collections::BTreeSet<String> { rows.into_iter().map(str::to_owned).collect() };
    let audited = ids(rows.iter().map(|row| row["aws_request_id"].as_str().unwrap()).collect());
    let trail = world.aws().cloudtrail();
    let trailed = ids(trail
        .iter()
        .filter(|record| record["eventSource"] != "kms.amazonaws.com")
        .map(|record| record["requestID"].as_str().unwrap())
        .collect());
    assert_eq!(audited, trailed);
    assert_eq!(rows.len(), audited.len(), "one row per call");
    assert!(rows.iter().all(|row| row["outcome"] != "success" || row["role_arn"] == world.card().aws.role_arn));
}

#[tokio::test]
async fn filters_hold_at_once() {
    let world = world().await.start().await.unwrap();
    let owner = Client::owner(&world);
    owner.active(&world).await;
    let artifact = owner.registered(&world).await;
    let run = owner.triggered(&world, &artifact).await;
    owner.ended(&run).await;
    let of_run = owner.audit(&format!("&run_id={run}")).await;
    let count = |rows: &[Value], event: &str| rows.iter().filter(|row| row["event_type"] == event).count();
    assert_eq!(count(&of_run, "assume_role"), 3, "a session per cell");
    assert!(count(&of_run, "get_object") >= 3);
    assert!(of_run.iter().all(|row| row["run_id"] == json!(run) && row["artifact_id"] == json!(artifact)));
    assert!(of_run.iter().all(|row| row["worker_hostname"] == "local-worker"));
    assert_eq!(owner.audit(&format!("&run_id={run}&artifact_id={artifact}")).await.len(), of_run.len());
    let nobody = "00000000-0000-4000-8000-000000000000";
    assert!(owner.audit(&format!("&run_id={run}&artifact_id={nobody}")).await.is_empty());

    let all = owner.audit("").await;
    let middle = all[all.len() / 2]["ts"].as_str().unwrap().to_owned();
    let newer = owner.audit(&format!("&since={middle}")).await;
    // As times: in their texts the fraction has no fixed width.
    let time = |text: &str| text.parse::<Timestamp>().unwrap();
    let later = |row: &&Value| time(row["ts"].as_str().unwrap()) > time(&middle);
    assert_eq!(newer.len(), all.iter().filter(later).count());
    assert!(owner.audit("&since=2099-01-01T00:00:00Z").await.is_empty());
}

#[tokio::test]
async fn pages_cover_every_row_once_newest_first() {
    let world = world().await.start().await.unwrap();
    let owner = Client::owner(&world);
    owner.active(&world).await;
    for _ in 0..3 {
        owner.post_empty("/byo-storage/grants/verify").await;
    }
    let all: Vec<i64> = owner.audit("").await.iter().map(|row| row["id"].as_i64().unwrap()).collect();
    assert!(all.windows(2).all(|pair| pair[0] > pair[1]), "newest first, ids strictly decreasing");
    for limit in [1, 5, all.len()] {
        let (mut seen, mut cursor) = (Vec::new(), None::<i64>);
        loop {
            let cursor_part = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let (status, page) = owner.get(&format!("{AUDIT}?limit={limit}{cursor_part}")).await;
            assert_eq!(status, 200);
            seen.extend(page["entries"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()));
            assert!(page.as_object().unwrap().contains_key("next_cursor"), "null at the end, never absent");
            cursor = page["next_cursor"].as_i64();
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, all, "limit {limit}");
    }
    let (_, empty) = owner.get(&format!("{AUDIT}?cursor=0")).await;
    assert_eq!(empty, json!({ "entries": [], "next_cursor": null }));
}

#[tokio::test]
async fn queries_out_of_range_are_422() {
    let world = world().await.start().await.unwrap();
    let owner = Client::owner(&world);
    for query in [
        "limit=0",
        "limit=501",
        "limit=x",
        "cursor=x",
        "run_id=x",
        "artifact_id=x",
        "since=2026-01-02",
        "since=2026-01-02T03:04:05%2B02:00",
    ] {
        assert_eq!(owner.get(&format!("{AUDIT}?{query}")).await.0, 422, "{query}");
    }
    for query in ["limit=1", "limit=500", "since=2026-01-02T03:04:05Z", "since=2026-01-02T03:04:05.123456Z"] {
        assert_eq!(owner.get(&format!("{AUDIT}?{query}")).await.0, 200, "{query}");
    }
}

#[tokio::test]
async fn a_refused_assume_role_is_a_row_too() {
    let world = world().await.start().await.unwrap();
    let owner = Client::owner(&world);
    owner.post(GRANTS, with_role(&world, &world.card().aws.bad_role_arn)).await;
    let rows = owner.audit("").await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["event_type"], "verify_probe");
    assert_eq!(rows[0]["outcome"], "denied");
    assert_eq!(rows[0]["error_code"], "BYO_ASSUME_ROLE_FAILED");
    assert!(rows[0]["s3_key"].is_null() && rows[0]["run_id"].is_null() && rows[0]["artifact_id"].is_null());
    assert!(!rows[0]["aws_request_id"].as_str().unwrap().is_empty());
    assert!(rows[0]["probe_id"].is_string());
}

#[tokio::test]
async fn workspaces_see_their_own_rows_only() {
    let world = world().await.start().await.unwrap();
    let owner = Client::owner(&world);
    owner.active(&world).await;
    assert!(!owner.audit("").await.is_empty());
    assert_eq!(Client::free(&world).get(AUDIT).await.0, 402);
}
