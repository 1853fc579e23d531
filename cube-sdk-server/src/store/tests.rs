//! One suite for both engines. PostgreSQL is a real one, with `CUBE_REAL=1`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use cube_sdk_byo::{Bucket, Region, RoleArn};
use cube_sdk_core::{Clock, Timestamp};
use futures_util::future::join_all;

use super::audit::tests::row;
use super::definition::{Definition, RunPolicy};
use super::*;

fn at(seconds: i64) -> Time {
    Time::from(Timestamp::from_millisecond(1_800_000_000_000 + seconds * 1000))
}

fn role() -> RoleArn {
    "arn:aws:iam::111122223333:role/read".parse().unwrap()
}

/// A workspace of its own with a user.
async fn workspace(store: &EdgeGateStore) -> Id {
    let made = store.create_workspace("Acme", Plan::Enterprise, "o@acme.example", Clock::system()).await.unwrap();
    made.id.parse().unwrap()
}

async fn granted(store: &EdgeGateStore, workspace: Id) -> GrantRow {
    let bucket: Bucket = "acme-models".parse().unwrap();
    let region: Region = "eu-central-1".parse().unwrap();
    let grant = GrantRow::new(workspace, Some(&role()), bucket, region, None, at(0));
    assert!(store.insert_grant(&grant).await.unwrap());
    grant
}

fn definition() -> Definition {
    Definition {
        devices: vec!["a".into(), "b".into()],
        promptpack_id: "p".into(),
        promptpack_version: "1.0.0".into(),
        gates: Vec::new(),
        models: Vec::new(),
        run_policy: RunPolicy::default(),
        input_specs: BTreeMap::new(),
    }
}

async fn pipeline(store: &EdgeGateStore, workspace: Id) -> Id {
    let id = Id::random();
    let row =
        PipelineRow { id, name: "x".into(), definition: Json(definition()), created_at: at(0), updated_at: at(0) };
    store.insert_pipeline(workspace, &row).await.unwrap();
    id
}

async fn queued(store: &EdgeGateStore, workspace: Id, pipeline: Id, most: u32) -> Option<Id> {
    let cell = |device: &str| NewCell { model_label: None, model_artifact_id: Id::random(), device: device.to_owned() };
    let id = Id::random();
    let run = NewRun {
        id,
        workspace_id: workspace,
        pipeline_id: pipeline,
        pipeline_name: "x",
        definition: &definition(),
        trigger: "manual",
        model_artifact_id: None,
        model_filename: None,
        cells: vec![cell("a"), cell("b")],
    };
    store.insert_run(&run, most, at(1)).await.unwrap().then_some(id)
}

fn ended(status: &'static str) -> RunEnd {
    RunEnd {
        status,
        error_code: None,
        error_detail: None,
        normalized_metrics: None,
        gates_eval: None,
        bundle: (status == "passed").then(|| (Id::random(), b"{}".to_vec(), "00".to_owned())),
    }
}

async fn accounts_and_keys(store: &EdgeGateStore) {
    let tag = Id::random();
    let (ann, bobs) = (format!("Ann.{tag}@Acme.example"), format!("bob.{tag}@acme.example"));
    let made = store.create_workspace("Acme", Plan::Pro, &ann, Clock::system()).await.unwrap();
    let user = store.user(&ann.to_uppercase(), at(0)).await.unwrap();
    assert_eq!(made.owner_id, user.to_string(), "one address is one user, however it is written");
    let workspace: Id = made.id.parse().unwrap();
    store.add_member(&made.id, &bobs, Role::Viewer, Clock::system()).await.unwrap();
    store.add_member(&made.id, &bobs, Role::Admin, Clock::system()).await.unwrap();
    let bob = store.user(&bobs, at(0)).await.unwrap();
    assert_eq!(store.workspace_for(bob, workspace).await.unwrap().unwrap().role, Role::Admin);
    assert!(store.workspace_for(bob, Id::random()).await.unwrap().is_none());
    store.set_plan(&made.id, Plan::Enterprise).await.unwrap();
    assert_eq!(store.plan_of(workspace).await.unwrap(), Some(Plan::Enterprise));
    assert!(store.set_plan(&Id::random().to_string(), Plan::Free).await.is_err());
    let other = store.create_workspace("Other", Plan::Free, &ann.to_lowercase(), Clock::system()).await.unwrap();
    let names: Vec<_> = store.workspaces_of(user).await.unwrap().into_iter().map(|row| row.id.to_string()).collect();
    assert_eq!(names, [made.id, other.id], "oldest first");

    let now = Time::from(Timestamp::now());
    assert_eq!(store.user_of_key(&made.api_key, now).await.unwrap().unwrap().id, user);
    let minted = store.mint_key(workspace, user, "second", None, now).await.unwrap();
    let keys = store.keys_of(workspace).await.unwrap();
    assert_eq!(keys[0].id, minted.row.id, "newest first");
    assert!(store.revoke_key(workspace, minted.row.id, now).await.unwrap());
    assert!(!store.revoke_key(workspace, minted.row.id, now).await.unwrap());
    assert!(store.user_of_key(&minted.plaintext, now).await.unwrap().is_none());
}

async fn grants_and_artifacts(store: &EdgeGateStore) {
    let workspace = workspace(store).await;
    let grant = granted(store, workspace).await;
    let second = GrantRow { id: Id::random(), external_id: cube_sdk_byo::ExternalId::mint(), ..grant.clone() };
    assert!(!store.insert_grant(&second).await.unwrap(), "one usable grant a workspace");

    let with = "role external-id";
    let fence = store.begin_probe(grant.id, with, None).await.unwrap().unwrap();
    assert!(store.begin_probe(grant.id, with, None).await.unwrap().is_none(), "the same probe runs");
    assert!(store.probing(grant.id).await.unwrap().unwrap().runs);
    let newer = store.begin_probe(grant.id, "role other-id", None).await.unwrap().unwrap();
    let passed = ProbeOutcome::Passed;
    assert!(!store.store_probe(&grant, &role(), fence, &passed, at(5)).await.unwrap(), "a late verdict is refused");
    assert!(store.store_probe(&grant, &role(), newer, &passed, at(5)).await.unwrap());
    let after = store.probing(grant.id).await.unwrap().unwrap();
    assert!(!after.runs && !after.lapsed && after.probe_fault.is_none());
    assert!(store.begin_probe(grant.id, with, Some(at(4))).await.unwrap().is_none(), "not due");
    let due = store.begin_probe(grant.id, with, Some(at(5))).await.unwrap().unwrap();
    assert!(store.begin_probe(grant.id, with, Some(at(5))).await.unwrap().is_none(), "once");
    store.note_probe(grant.id, due, "no route", at(6)).await.unwrap();
    assert_eq!(store.probing(grant.id).await.unwrap().unwrap().probe_fault.unwrap(), "no route");
    let given_up = store.begin_probe(grant.id, with, None).await.unwrap().unwrap();
    store.give_up_probe(grant.id, given_up).await.unwrap();
    assert!(store.probing(grant.id).await.unwrap().unwrap().lapsed);

    let grant = store.grant_of(workspace).await.unwrap().unwrap();
    assert_eq!((grant.status, grant.last_verified_at), (GrantStatus::Active, Some(at(5))));
    let new = NewByoArtifact {
        kind: "model".into(),
        storage_url: format!("byo-s3://{}/net.onnx", grant.bucket),
        sha256: String::new(),
        size_bytes: 7,
        original_filename: None,
        expected_sha256: None,
        etag: Some("e".into()),
    };
    let registering = (0..8).map(|_| store.insert_byo_artifact(&grant, &new, at(7)));
    let rows: Vec<_> = join_all(registering).await.into_iter().map(|done| done.unwrap().unwrap()).collect();
    assert_eq!(rows.iter().filter(|(_, made)| *made).count(), 1, "the same object is one row");
    let artifact = rows[0].0.id;
    assert_eq!(store.newest_in_bucket(workspace, grant.bucket.as_str()).await.unwrap().unwrap().id, artifact);
    assert_eq!(store.revoke_grant(&grant, at(8)).await.unwrap(), Err(1));
    assert!(store.delete_artifact(workspace, artifact, at(8)).await.unwrap());
    assert!(!store.delete_artifact(workspace, artifact, at(8)).await.unwrap());
    assert_eq!(store.revoke_grant(&grant, at(9)).await.unwrap(), Ok(()));
    assert!(store.insert_byo_artifact(&grant, &new, at(9)).await.unwrap().is_none(), "the grant ended");
    assert!(store.grant_of(workspace).await.unwrap().is_none());
    granted(store, workspace).await;
}

/// A registration and the end of its grant, at once: one of them gives way.
async fn no_artifact_outlives_its_grant(store: &EdgeGateStore) {
    for _ in 0..8 {
        let workspace = workspace(store).await;
        let grant = granted(store, workspace).await;
        let new = NewByoArtifact {
            kind: "model".into(),
            storage_url: format!("byo-s3://{}/x", grant.bucket),
            sha256: String::new(),
            size_bytes: 1,
            original_filename: None,
            expected_sha256: None,
            etag: None,
        };
        let (made, ended) =
            tokio::join!(store.insert_byo_artifact(&grant, &new, at(1)), store.revoke_grant(&grant, at(1)));
        let (made, ended) = (made.unwrap().is_some(), ended.unwrap().is_ok());
        assert!(made != ended, "registered: {made}, revoked: {ended}");
    }
}

async fn runs_by_lease(store: &EdgeGateStore) {
    let (one, two) = (workspace(store).await, workspace(store).await);
    let (first, second) = (pipeline(store, one).await, pipeline(store, two).await);
    let inserts = join_all((0..6).map(|_| queued(store, one, first, 3))).await;
    let mut mine: Vec<Id> = inserts.into_iter().flatten().collect();
    assert_eq!(mine.len(), 3, "so many at once, whoever asks");
    let theirs = queued(store, two, second, 1).await.unwrap();
    mine.sort();

    // Two processes claim at once: each run goes to one of them, and nobody waits behind another's queue.
    let (left, right) = (Id::random(), Id::random());
    let a = store.claim_run(left, at(2)).await.unwrap().unwrap();
    let b = store.claim_run(right, at(2)).await.unwrap().unwrap();
    assert!(mine.contains(&a.run) && b.run == theirs, "the fair order: {a:?} {b:?}");
    let rest = join_all((0..4).map(|_| store.claim_run(right, at(2)))).await;
    let rest: Vec<Held> = rest.into_iter().filter_map(Result::unwrap).collect();
    let claimed: BTreeSet<Id> = rest.iter().map(|held| held.run).chain([a.run]).collect();
    assert_eq!(claimed.into_iter().collect::<Vec<_>>(), mine);

    // Whoever holds it writes; a result is written once.
    assert!(store.renew_lease(a).await.unwrap());
    assert!(store.advance_run(a, "running", at(3)).await.unwrap());
    for _ in 0..2 {
        assert!(store.begin_cell(a, 0, at(3)).await.unwrap());
    }
    let result = CellEnd { passed: true, size_bytes: Some(5), ..CellEnd::default() };
    let late = Held { fence: a.fence - 1, ..a };
    assert!(!store.end_cell(late, 0, &result, at(4)).await.unwrap(), "an earlier fence");
    assert!(store.end_cell(a, 0, &result, at(4)).await.unwrap());
    assert!(store.end_cell(a, 0, &result, at(4)).await.unwrap(), "whose first answer was lost");
    assert!(!store.end_cell(a, 0, &CellEnd::default(), at(4)).await.unwrap(), "one result a cell");
    assert!(!store.begin_cell(a, 0, at(4)).await.unwrap());

    // Its lease is over: nothing that it writes counts, though nobody took the run yet.
    assert!(!store.orphaned_runs().await.unwrap().iter().any(|held| held.run == a.run));
    assert!(!store.end_run(one, a.run, Ender::Heir(a), &ended("error"), at(5)).await.unwrap(), "not orphaned");
    store.give_up_leases(Some(left)).await.unwrap();
    assert!(!store.renew_lease(a).await.unwrap());
    assert!(!store.advance_run(a, "running", at(5)).await.unwrap());
    assert!(!store.begin_cell(a, 1, at(5)).await.unwrap());
    assert!(!store.end_cell(a, 1, &result, at(5)).await.unwrap());
    assert!(!store.end_run(one, a.run, Ender::Holder(a), &ended("passed"), at(5)).await.unwrap());
    assert!(store.orphaned_runs().await.unwrap().iter().any(|held| held.run == a.run));
    let heirs = join_all(
        (0..3).map(|_| async { store.end_run(one, a.run, Ender::Heir(a), &ended("error"), at(6)).await.unwrap() }),
    );
    assert_eq!(heirs.await.into_iter().filter(|ended| *ended).count(), 1, "it ends once");
    let cells = store.cells_of(a.run).await.unwrap();
    let shown: Vec<_> = cells.iter().map(|cell| (cell.status.as_str(), cell.error_code.as_deref())).collect();
    assert_eq!(shown, [("passed", None), ("failed", Some("error"))]);

    // A cancelled run is not its holder's any more.
    assert!(store.end_run(two, b.run, Ender::Anyone, &ended("cancelled"), at(7)).await.unwrap());
    assert!(!store.renew_lease(b).await.unwrap());
    assert!(!store.end_run(two, b.run, Ender::Holder(b), &ended("passed"), at(8)).await.unwrap());
    // The others end with their bundles.
    for held in rest {
        assert!(store.end_run(one, held.run, Ender::Holder(held), &ended("passed"), at(8)).await.unwrap());
        let run = store.run(one, held.run).await.unwrap().unwrap();
        let content = store.artifact_content(one, run.bundle_artifact_id.unwrap()).await.unwrap();
        assert_eq!(content.as_deref(), Some(b"{}".as_slice()));
    }
    assert_eq!(store.runs_of(one, Some(first), 2).await.unwrap().len(), 2);
    assert_eq!(store.runs_of(one, None, 10).await.unwrap().len(), 3);
    assert_eq!(store.last_runs_of(one).await.unwrap().len(), 1);
}

async fn packs(store: &EdgeGateStore) {
    let workspace = workspace(store).await;
    let pack = PromptpackRow {
        id: Id::random(),
        promptpack_id: "p".into(),
        version: "1.0.0".into(),
        sha256: "0".into(),
        case_count: 1,
        published: false,
        created_at: at(0),
    };
    let content = serde_json::json!({ "b": 1, "a": 2 });
    assert!(store.insert_promptpack(workspace, &pack, &content).await.unwrap());
    let again = PromptpackRow { id: Id::random(), ..pack.clone() };
    assert!(!store.insert_promptpack(workspace, &again, &content).await.unwrap());
    assert!(store.publish_promptpack(workspace, "p", "1.0.0").await.unwrap().unwrap().published);
    assert!(store.publish_promptpack(workspace, "p", "2.0.0").await.unwrap().is_none());
    assert_eq!(store.promptpacks_of(workspace).await.unwrap().len(), 1);
    let (older, newer) = (pipeline(store, workspace).await, pipeline(store, workspace).await);
    let listed: Vec<Id> = store.pipelines_of(workspace).await.unwrap().into_iter().map(|row| row.id).collect();
    assert_eq!(listed, [newer, older]);
    assert!(store.pipeline(workspace, older).await.unwrap().is_some());
}

/// Many writers at once: every row once, ids and `latest` in one order, pages whole.
async fn the_audit(store: &EdgeGateStore) {
    let (workspace, other) = (Id::random(), Id::random());
    let rows: Vec<NewAuditRow> = (0..60)
        .map(|number| NewAuditRow {
            workspace_id: if number % 4 == 3 { other } else { workspace },
            run_id: (number % 2 == 0).then(|| Id::from_u128(5)),
            ts: at(number * 7 % 31),
            ..row(&format!("{workspace}-{number}"), "success")
        })
        .collect();
    let commits = rows.chunks(5).map(|rows| store.append_audit(rows));
    for done in join_all(commits).await {
        done.unwrap();
    }
    // A commit that was given up is made again, with a row that is twice in it.
    let again: Vec<_> = rows.iter().take(3).chain(rows.iter().take(1)).cloned().collect();
    store.append_audit(&again).await.unwrap();
    store.append_audit(&[]).await.unwrap();
    let all = store.audit_page(workspace, &AuditFilter::default(), 500).await.unwrap();
    assert_eq!(all.len(), 45);
    assert!(all.windows(2).all(|pair| pair[0].id > pair[1].id));
    for since in [0, 10, 29, 30, 99] {
        for run_id in [None, Some(Id::from_u128(5))] {
            let filter = AuditFilter { since: Some(at(since)), run_id, ..AuditFilter::default() };
            let listed = store.audit_page(workspace, &filter, 500).await.unwrap();
            let expected =
                all.iter().filter(|row| row.ts > at(since) && (run_id.is_none() || row.run_id == run_id)).count();
            assert_eq!(listed.len(), expected, "since {since}, of {run_id:?}");
        }
    }
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page = store.audit_page(workspace, &AuditFilter { cursor, ..AuditFilter::default() }, 7).await.unwrap();
        let Some(last) = page.last() else { break };
        cursor = Some(last.id);
        seen.extend(page.iter().map(|row| row.id));
    }
    assert_eq!(seen, all.iter().map(|row| row.id).collect::<Vec<_>>());
}

async fn suite(store: &EdgeGateStore) {
    store.ping().await.unwrap();
    accounts_and_keys(store).await;
    packs(store).await;
    grants_and_artifacts(store).await;
    no_artifact_outlives_its_grant(store).await;
    runs_by_lease(store).await;
    the_audit(store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite() {
    let dir = tempfile::tempdir().unwrap();
    let store = EdgeGateStore::from(Store::open(&dir.path().join("db")).await.unwrap());
    suite(&store).await;
}

#[cfg(feature = "postgres")]
mod on_postgres {
    use cube_sdk_components::Postgres as Server;
    use cube_sdk_core::SecretString;
    use sqlx::AssertSqlSafe;

    use super::super::engine::Engine;
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_same_on_postgres() {
        let Some(server) = Server::start() else { return };
        let url = server.database("suite");
        // Three processes that start at once, of which one makes the tables.
        let url = SecretString::from(url);
        let stores = join_all((0..3).map(|_| EdgeGateStore::postgres(&url))).await;
        let stores: Vec<EdgeGateStore> = stores.into_iter().map(Result::unwrap).collect();
        suite(&stores[0]).await;
        same_tables(&stores[0]).await;
        refuses_to_change(&stores[1]).await;
    }

    fn pool(store: &EdgeGateStore) -> &sqlx::PgPool {
        match store.engine() {
            Engine::Postgres(postgres) => &postgres.pool,
            Engine::Sqlite(_) => panic!("not PostgreSQL"),
        }
    }

    /// A file that the whole suite was run on moves over, and goes on there.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_file_moves_to_postgres_row_by_row() {
        let Some(server) = Server::start() else { return };
        let to = EdgeGateStore::postgres(&server.database("moved").into()).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let file = Store::open(&dir.path().join("db")).await.unwrap();
        let from = EdgeGateStore::from(file.clone());
        suite(&from).await;
        let copied: BTreeMap<_, _> = to.copy_from(&file).await.unwrap().into_iter().collect();
        assert!(copied["audit"] == 60 && copied["runs"] == 4 && copied["cells"] == 8 && copied["grants"] >= 10);
        let owner = store_owner(&from).await;
        assert_eq!(owner, store_owner(&to).await);
        let again = to.copy_from(&file).await.unwrap_err();
        assert_eq!(again.kind(), ErrorKind::Conflict, "nothing is merged: {again}");
        // Ids go on growing, and the right that was lent is gone.
        let workspace = Id::random();
        to.append_audit(&[NewAuditRow { workspace_id: workspace, ..row("after", "success") }]).await.unwrap();
        let newest = to.audit_page(workspace, &AuditFilter::default(), 1).await.unwrap().remove(0).id;
        assert_eq!(newest, 61);
        suite(&to).await;
        refuses_to_change(&to).await;
    }

    async fn store_owner(store: &EdgeGateStore) -> Vec<String> {
        let owner = store.user("o@acme.example", at(0)).await.unwrap();
        store.workspaces_of(owner).await.unwrap().into_iter().map(|row| row.id.to_string()).collect()
    }

    #[tokio::test]
    async fn a_server_that_is_gone_is_told_as_such() {
        let Some(server) = Server::start() else { return };
        let store = EdgeGateStore::postgres(&server.database("gone").into()).await.unwrap();
        drop(server);
        let error = store.ping().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        let error = store.append_audit(&[row("late", "success")]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }

    #[tokio::test]
    async fn old_months_are_written_and_then_detached() {
        let Some(server) = Server::start() else { return };
        let store = EdgeGateStore::postgres(&server.database("months").into()).await.unwrap();
        sqlx::query("SELECT audit_make_partitions('2026-01-15T00:00:00Z')").execute(pool(&store)).await.unwrap();
        let january = |day: i64| Time::from(Timestamp::from_millisecond(1_767_225_600_000 + day * 86_400_000));
        let workspace = Id::random();
        let rows: Vec<_> = (0..70)
            .map(|day| NewAuditRow { workspace_id: workspace, ts: january(day), ..row(&format!("{day}"), "success") })
            .collect();
        store.append_audit(&rows).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let until = |text: &str| text.parse::<Timestamp>().unwrap();
        let early = store.export_audit(until("2026-01-31T23:59:59Z"), dir.path()).await.unwrap();
        assert!(early.is_empty(), "the month had not ended: {early:?}");
        let months = store.export_audit(until("2026-02-01T00:00:00Z"), dir.path()).await.unwrap();
        assert_eq!(months.len(), 1);
        assert_eq!((months[0].table.as_str(), months[0].rows), ("audit_2026_01", 31));
        let text = std::fs::read_to_string(&months[0].file).unwrap();
        let days: Vec<String> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|row| row["attempt_id"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(days, (0..31).map(|day| day.to_string()).collect::<Vec<_>>());
        let left = store.audit_page(workspace, &AuditFilter::default(), 500).await.unwrap();
        assert_eq!(left.len(), 39, "what has no month of its own stays");
        assert!(store.export_audit(until("2026-02-01T00:00:00Z"), dir.path()).await.unwrap().is_empty());
    }

    /// By its triggers and by the role's rights, whichever comes first.
    async fn refuses_to_change(store: &EdgeGateStore) {
        store.append_audit(&[row("keep", "success")]).await.unwrap();
        let month: String = sqlx::query_scalar("SELECT tableoid::regclass::text FROM audit WHERE attempt_id = 'keep'")
            .fetch_one(pool(store))
            .await
            .unwrap();
        for table in ["audit", &month, "audit_other"] {
            for statement in ["UPDATE # SET outcome = 'x'", "DELETE FROM #", "TRUNCATE #"] {
                let statement = statement.replace('#', table);
                let refused = sqlx::query(AssertSqlSafe(statement.clone())).execute(pool(store)).await.unwrap_err();
                let code = refused.as_database_error().unwrap().code().unwrap().into_owned();
                assert_eq!(code, "42501", "{statement}: {refused}");
            }
        }
        // Whoever takes the right back still meets the triggers.
        sqlx::query("GRANT ALL ON audit TO CURRENT_USER").execute(pool(store)).await.unwrap();
        for statement in ["UPDATE audit SET outcome = 'x'", "DELETE FROM audit", "TRUNCATE audit"] {
            let refused = sqlx::query(statement).execute(pool(store)).await.unwrap_err();
            assert!(refused.to_string().contains("append-only"), "{statement}: {refused}");
        }
        sqlx::query("REVOKE UPDATE, DELETE, TRUNCATE ON audit FROM CURRENT_USER").execute(pool(store)).await.unwrap();
    }

    /// The migrations of both engines make the same columns: names, kinds, and what may be null.
    async fn same_tables(store: &EdgeGateStore) {
        let dir = tempfile::tempdir().unwrap();
        let file = Store::open(&dir.path().join("db")).await.unwrap();
        let kind = |word: &str| match word.to_ascii_lowercase().as_str() {
            "bigint" | "integer" | "boolean" => "number",
            "bytea" | "blob" => "bytes",
            _ => "text",
        };
        let ours: Vec<(String, String, String, bool)> = sqlx::query_as(
            "SELECT m.name, c.name, c.type, c.\"notnull\" <> 0 OR c.pk > 0 FROM sqlite_schema m, pragma_table_info(m.name) c
             WHERE m.type = 'table' AND m.name NOT LIKE 'cloud_%' AND m.name NOT LIKE '\\_sqlx%' ESCAPE '\\'
             AND m.name NOT LIKE 'sqlite_%'",
        )
        .fetch_all(&file.reader)
        .await
        .unwrap();
        let theirs: Vec<(String, String, String, bool)> = sqlx::query_as(
            "SELECT table_name::text, column_name::text, data_type::text, is_nullable = 'NO'
             FROM information_schema.columns WHERE table_schema = current_schema() AND column_name <> 'rowid'
             AND table_name !~ '^(_sqlx|audit_)'",
        )
        .fetch_all(pool(store))
        .await
        .unwrap();
        let set = |rows: Vec<(String, String, String, bool)>| -> BTreeSet<_> {
            rows.into_iter().map(|(table, column, word, filled)| (table, column, kind(&word), filled)).collect()
        };
        assert_eq!(set(ours), set(theirs));
    }
}
