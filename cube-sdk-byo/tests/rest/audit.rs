//! The audit log over all its pages.

use cube_sdk_byo::audit::{AuditEvent, AuditExport, AuditOutcome};
use serde_json::json;
use wiremock::matchers::{method, path, query_param, query_param_is_missing};
use wiremock::{Mock, ResponseTemplate};

use crate::fixtures::*;
use crate::script::Script;

const AT: &str = "/v1/workspaces/0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11/byo-storage/audit";

#[tokio::test]
async fn the_stream_reads_every_page_with_the_same_filters() {
    let (server, edgegate) = served().await;
    let since = "2026-01-02T03:04:05.5Z";
    for (cursor, ids, next) in
        [(None, [42, 41], Some(41)), (Some("41"), [40, 39], Some(-7)), (Some("-7"), [38, 37], None)]
    {
        let entries: Vec<_> = ids.into_iter().map(audit_entry).collect();
        let answer = ResponseTemplate::new(200).set_body_json(json!({"entries": entries, "next_cursor": next}));
        let request = Mock::given(method("GET"))
            .and(path(AT))
            .and(query_param("run_id", RUN))
            .and(query_param("artifact_id", ARTIFACT))
            .and(query_param("since", since))
            .and(query_param("limit", "2"));
        match cursor {
            Some(cursor) => request.and(query_param("cursor", cursor)),
            None => request.and(query_param_is_missing("cursor")),
        }
        .respond_with(answer)
        .expect(1)
        .mount(&server)
        .await;
    }
    let audit = byo(&edgegate).audit().run(RUN).artifact(ARTIFACT);
    let rows = audit.since(since.parse().unwrap()).page_size(2).stream().collect_up_to(100).await.unwrap();
    assert_eq!(
        rows.iter().filter_map(|row| row.id).collect::<Vec<_>>(),
        [42, 41, 40, 39, 38, 37],
        "order is the server's"
    );
    assert_eq!((&rows[0].event_type, &rows[0].outcome), (&AuditEvent::GetObject, &AuditOutcome::Success));
    assert_eq!(rows[0].aws_request_id.as_deref(), Some("4Z1X0E9RFQ2T7K5M"));
}

#[tokio::test]
async fn one_page_can_be_continued_later() {
    let first = json!({"entries": [audit_entry(9)], "next_cursor": 9});
    let script = Script::of([(200, first), (200, json!({"entries": [audit_entry(8)], "next_cursor": null}))]);
    let audit = byo(&script.client()).audit();
    let page = audit.clone().await.unwrap();
    let cursor = page.next_cursor.unwrap().to_string();
    let rest = audit.cursor(cursor.parse().unwrap()).stream().collect_up_to(10).await.unwrap();
    assert_eq!((page.entries[0].id, rest[0].id), (Some(9), Some(8)));
}

#[tokio::test]
async fn a_server_that_repeats_itself_is_found_out() {
    let script = Script::of([(200, json!({"entries": [audit_entry(1)], "next_cursor": 5}))]);
    let mut rows = byo(&script.client()).audit().stream();
    assert!(rows.try_next().await.unwrap().is_some());
    assert!(rows.try_next().await.unwrap().is_some());
    let error = rows.try_next().await.unwrap_err();
    assert_eq!(error.truncation(), Some(cube_sdk_core::listing::Truncation::RepeatedCursor));
    assert_eq!(script.seen().len(), 2);
}

#[tokio::test]
async fn rows_keep_what_this_version_does_not_know() {
    let mut row = audit_entry(3);
    row["event_type"] = "copy_object".into();
    row["outcome"] = "partial".into();
    row["aws_request_id"] = "".into();
    row["error_code"] = "BYO_LATER".into();
    row["attempt_id"] = "a-1".into();
    row["later"] = json!({"a": 1});
    let script = Script::of([(200, json!({"entries": [row.clone()], "next_cursor": null}))]);
    let page = byo(&script.client()).audit().await.unwrap();
    let entry = &page.entries[0];
    assert_eq!((entry.aws_request_id.as_deref(), &entry.extra["later"]), (None, &json!({"a": 1})));
    assert_eq!(entry.attempt_id.as_ref().map(|id| id.as_str()), Some("a-1"));
    assert_eq!(serde_json::to_value(entry).unwrap(), row, "an export leaves nothing out");
}

#[tokio::test]
async fn an_empty_log_is_an_empty_list() {
    let script = Script::of([(200, json!({"entries": [], "next_cursor": null}))]);
    assert!(byo(&script.client()).audit().stream().try_next().await.unwrap().is_none());
}

#[tokio::test]
async fn the_log_can_be_exported_as_it_is() {
    let mut row = audit_entry(9);
    row["later"] = "kept".into();
    let first = json!({"entries": [row.clone()], "next_cursor": 9});
    let script = Script::of([(200, first), (200, json!({"entries": [audit_entry(8)], "next_cursor": null}))]);
    let folder = std::env::temp_dir().join(format!("cube-sdk-export-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir(&folder).unwrap();
    let report = AuditExport::to(&folder).pull(&byo(&script.client()).audit().page_size(1)).await.unwrap();
    assert_eq!((report.rows, report.repeated), (2, 0));
    let text = std::fs::read_to_string(report.file.unwrap()).unwrap();
    assert_eq!(text.lines().next().unwrap(), row.to_string());
    std::fs::remove_dir_all(folder).unwrap();
}
