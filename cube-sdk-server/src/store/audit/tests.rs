#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use cube_sdk_core::Timestamp;

use super::super::Store;
use super::*;

pub(in super::super) fn row(attempt: &str, outcome: &str) -> NewAuditRow {
    NewAuditRow {
        workspace_id: Id::from_u128(1),
        grant_id: None,
        event_type: "get_object".into(),
        operation: None,
        aws_request_id: String::new(),
        attempt_id: attempt.into(),
        probe_id: None,
        role_arn: String::new(),
        bucket: "acme".into(),
        s3_key: None,
        bytes_read: Some(1),
        worker_hostname: None,
        outcome: outcome.into(),
        error_code: None,
        artifact_id: None,
        run_id: None,
        ts: Time::from(Timestamp::now()),
    }
}

pub(super) async fn store() -> (tempfile::TempDir, Store, EdgeGateStore) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("db")).await.unwrap();
    (dir, store.clone(), store.into())
}

#[tokio::test]
async fn the_database_refuses_to_change_or_delete_rows() {
    let (_dir, file, store) = store().await;
    store.append_audit(&[row("a", "success"), row("b", "success")]).await.unwrap();
    for statement in [
        "UPDATE audit SET outcome = 'success'",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE id = 2",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE id = 1",
        "INSERT INTO audit SELECT 1, workspace_id, grant_id, event_type, operation, aws_request_id, attempt_id,
         probe_id, role_arn, bucket, s3_key, bytes_read, worker_hostname, outcome, error_code, artifact_id, run_id,
         ts, latest FROM audit WHERE id = 2",
    ] {
        let refused = sqlx::query(statement).execute(&file.writer).await.unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{statement}: {refused}");
    }
    let rows = store.audit_page(Id::from_u128(1), &AuditFilter::default(), 10).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [2, 1]);
}

#[tokio::test]
async fn a_commit_that_is_made_again_adds_only_what_is_missing() {
    let (_dir, _, store) = store().await;
    store.append_audit(&[row("a", "success")]).await.unwrap();
    store.append_audit(&[row("a", "success"), row("b", "success"), row("a", "error")]).await.unwrap();
    let rows = store.audit_page(Id::from_u128(1), &AuditFilter::default(), 10).await.unwrap();
    let seen: Vec<_> = rows.iter().map(|row| (row.attempt_id.as_str(), row.outcome.as_str())).collect();
    assert_eq!(seen, [("a", "error"), ("b", "success"), ("a", "success")]);
}
