//! The whole BYO flow, bytes included, in a third party's AWS account that enforces IAM; the customer's hand is the
//! real `aws` client with the commands that the library generates.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cube_sdk::byo::audit::{AuditEntry, AuditEvent, AuditOutcome};
use cube_sdk::byo::iam::ReaderRole;
use cube_sdk::byo::rest::{ArtifactId, Byo, CellStatus, GrantStatus, PipelineId, RunDetail, RunStatus, WorkspaceScope};
use cube_sdk::byo::{Bucket, ByoCode, ByoErrorExt, GrantRef, Region, RoleArn, S3Uri, Scope, Sha256};
use cube_sdk::{Cube, Result};
use cube_sdk_server::edgegate::{Cell, CellExecutor, CellReport, Model, StreamingExecutor};
use cube_sdk_server::local::LocalEdgeGate;
use cube_sdk_tests::real::CustomerAccount;
use futures_util::{StreamExt, TryStreamExt};
use serde_json::json;
use tokio::sync::{Notify, Semaphore};

/// EdgeGate reading from the account with the worker's keys.
struct Stage {
    account: Arc<CustomerAccount>,
    workspace: WorkspaceScope,
    pipeline: PipelineId,
    _edgegate: LocalEdgeGate,
}

/// A grant whose role the customer has made.
struct Granted {
    role: ReaderRole,
    arn: RoleArn,
}

impl Stage {
    /// None when a component may be skipped.
    async fn set(executor: impl CellExecutor) -> Option<Self> {
        let account = CustomerAccount::shared()?;
        let edgegate = LocalEdgeGate::builder(account.storage(), account.principal.clone());
        let edgegate = edgegate.executor(executor).start().await.unwrap();
        let cube = Cube::builder().environment(edgegate.environment()).build();
        let card = edgegate.card();
        Some(Self {
            account,
            workspace: cube.edgegate().unwrap().workspace(&card.workspace),
            pipeline: card.pipeline.parse().unwrap(),
            _edgegate: edgegate,
        })
    }

    fn byo(&self) -> Byo {
        self.workspace.byo()
    }

    fn region(&self) -> Region {
        CustomerAccount::REGION.parse().unwrap()
    }

    /// Both phases: External ID first, then the role by the generated script, then the ARN that it printed.
    async fn granted(&self) -> Granted {
        let setup = self.byo().setup(self.account.bucket().clone(), self.region()).await.unwrap();
        assert_eq!(setup.grant.status, GrantStatus::PendingRole);
        let arn = self.account.create_role(&setup.role);
        let grant = setup.attach_role(arn.clone()).await.unwrap();
        assert!(grant.is_active(), "{:?}", grant.last_verify_error);
        Granted { role: setup.role, arn }
    }

    async fn registered(&self, digest: Sha256) -> ArtifactId {
        let register = self.byo().register_artifact(self.account.model.clone()).expected_size(self.account.size);
        let artifact = register.expected_sha256(digest).await.unwrap();
        assert_eq!((artifact.size_bytes, artifact.is_byo()), (self.account.size, true));
        artifact.id
    }

    async fn run(&self, model: ArtifactId) -> RunDetail {
        let runs = self.workspace.runs();
        let started = runs.trigger(self.pipeline).model(model).await.unwrap();
        self.ended(started.id).await
    }

    async fn ended(&self, run: cube_sdk::byo::rest::RunId) -> RunDetail {
        let waiter = self.workspace.runs().wait(run).interval(Duration::from_millis(50));
        waiter.timeout(Duration::from_secs(40)).await.unwrap()
    }

    async fn audit_of(&self, run: &RunDetail) -> Vec<AuditEntry> {
        self.byo().audit().run(run.id()).stream().try_collect().await.unwrap()
    }

    /// What the registration of an object is refused with.
    async fn refusal(&self, uri: &str) -> ByoCode {
        let refused = self.byo().register_artifact(uri).await.unwrap_err();
        refused.byo().unwrap_or_else(|| panic!("{uri}: {refused}")).code().clone()
    }

    /// What a probe finds now.
    async fn probed(&self) -> ByoCode {
        let grant = self.byo().verify().await.unwrap();
        assert_eq!(grant.status, GrantStatus::Failed);
        grant.failure().unwrap().code().clone()
    }
}

fn outcomes(run: &RunDetail) -> Vec<(CellStatus, Option<ByoCode>)> {
    run.cells.iter().map(|cell| (cell.status.clone(), cell.byo().map(|fault| fault.code().clone()))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_grant_to_the_audit() {
    let Some(stage) = Stage::set(StreamingExecutor::default()).await else { return };
    let granted = stage.granted().await;
    let model = stage.registered(stage.account.digest).await;

    let run = stage.run(model).await;
    assert_eq!(run.status(), &RunStatus::Passed, "{:?}", run.summary.error_detail);
    assert_eq!(outcomes(&run), vec![(CellStatus::Passed, None); 3]);
    for cell in &run.cells {
        assert_eq!(cell.metrics.as_ref().unwrap().get("model_bytes"), Some(stage.account.size as f64));
    }

    let rows = stage.audit_of(&run).await;
    let of = |event: AuditEvent| rows.iter().filter(|row| row.event_type == event).collect::<Vec<_>>();
    assert_eq!(of(AuditEvent::AssumeRole).len(), 3, "each cell takes a session of its own");
    let reads = of(AuditEvent::GetObject);
    assert_eq!(reads.iter().map(|row| row.bytes_read.unwrap()).sum::<u64>(), 3 * stage.account.size);
    assert_eq!(rows.len(), 3 + reads.len(), "nothing but sessions and reads");
    for row in &rows {
        assert_eq!((&row.outcome, row.run_id), (&AuditOutcome::Success, Some(run.id())));
        assert_eq!((row.role_arn.as_deref(), row.artifact_id), (Some(granted.arn.as_str()), Some(model)));
        assert!(row.aws_request_id.is_some(), "{row:?}");
    }
    let ids: BTreeSet<_> = rows.iter().map(|row| row.aws_request_id.as_deref()).collect();
    assert_eq!(ids.len(), rows.len(), "one row for each request");

    let all: Vec<AuditEntry> = stage.byo().audit().stream().try_collect().await.unwrap();
    assert!(all.iter().any(|row| row.event_type == AuditEvent::VerifyProbe && row.run_id.is_none()));
    assert!(all.iter().any(|row| row.event_type == AuditEvent::HeadObject && row.bytes_read.is_none()));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_has_its_code() {
    let Some(stage) = Stage::set(StreamingExecutor::default()).await else { return };
    let granted = stage.granted().await;
    let (account, bucket) = (&stage.account, stage.account.bucket());

    assert_eq!(stage.refusal(&format!("s3://{bucket}/no/such.onnx")).await, ByoCode::ObjectNotFound);

    let denied: S3Uri = format!("s3://{bucket}/secret/net.onnx").parse().unwrap();
    account.put(&denied, b"not for EdgeGate");
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Deny", "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{bucket}/secret/*") },
    ] });
    let (name, policy) = (granted.role.role_name(), policy.to_string());
    let named = ["--role-name", name.as_str(), "--policy-name", "KeepSecrets", "--policy-document", &policy];
    account.root.run(&[&["iam", "put-role-policy"], &named[..]].concat());
    assert_eq!(stage.refusal(&denied.to_string()).await, ByoCode::ObjectAccessDenied);

    // The same by the library's own reader.
    let grant = GrantRef::try_from(&stage.byo().grant().await.unwrap()).unwrap();
    let read = |grant: &GrantRef, uri: S3Uri| {
        let session = account.storage().session(grant, Scope::Object(uri.key().clone()));
        async move { session.open(uri).await.unwrap_err().byo().unwrap().code().clone() }
    };
    assert_eq!(read(&grant, denied).await, ByoCode::ObjectAccessDenied);
    assert_eq!(read(&grant, format!("s3://{bucket}/gone").parse().unwrap()).await, ByoCode::ObjectNotFound);
    let mut stranger = grant.clone();
    stranger.external_id = "00000000-0000-4000-8000-000000000000".parse().unwrap();
    assert_eq!(read(&stranger, account.model.clone()).await, ByoCode::AssumeRoleFailed);
    let mut elsewhere = grant.clone();
    elsewhere.region = "us-west-2".parse().unwrap();
    assert_eq!(read(&elsewhere, account.model.clone()).await, ByoCode::RegionMismatch);

    // The registered digest is another one than that of the bytes: every cell reads, none passes.
    let model = stage.registered(Sha256::of(b"something else")).await;
    let run = stage.run(model).await;
    assert_eq!(run.status(), &RunStatus::Failed);
    assert_eq!(outcomes(&run), vec![(CellStatus::Failed, Some(ByoCode::IntegrityMismatch)); 3]);

    // A trust policy with another External ID than the grant's.
    account.update_trust_policy(&stranger_of(&granted.role));
    assert_eq!(stage.probed().await, ByoCode::AssumeRoleFailed);
    account.update_trust_policy(&granted.role);
    assert!(stage.byo().verify().await.unwrap().is_active());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wrong_region_and_the_gone_bucket_have_their_codes() {
    let Some(stage) = Stage::set(StreamingExecutor::default()).await else { return };
    let bucket: Bucket = "acme-short-lived".parse().unwrap();
    stage.account.make_bucket(&bucket);
    let setup = stage.byo().setup(bucket.clone(), "us-west-2").await.unwrap();
    let arn = stage.account.create_role(&setup.role);
    let grant = setup.attach_role(arn.clone()).await.unwrap();
    assert_eq!(grant.status, GrantStatus::Failed);
    assert_eq!(grant.failure().unwrap().code(), &ByoCode::RegionMismatch);
    assert!(grant.last_verify_error.unwrap().contains(CustomerAccount::REGION), "the real region is told");

    // A new grant for the right region: the same role, with the new External ID.
    stage.byo().disconnect().await.unwrap();
    let again = stage.byo().setup(bucket.clone(), stage.region()).role_name(setup.role.role_name()).await.unwrap();
    stage.account.update_trust_policy(&again.role);
    assert!(again.attach_role(arn).await.unwrap().is_active());
    stage.account.root.run(&["s3api", "delete-bucket", "--bucket", bucket.as_str()]);
    assert_eq!(stage.probed().await, ByoCode::BucketGone);
}

/// The same role with an External ID that EdgeGate does not use.
fn stranger_of(role: &ReaderRole) -> ReaderRole {
    let external_id = "00000000-0000-4000-8000-000000000000".parse().unwrap();
    ReaderRole::new(role.principal().clone(), external_id, role.bucket().clone()).name(role.role_name())
}

/// Stops inside the second cell, its session taken and its first bytes read, until it may go on.
#[derive(Clone)]
struct Held(Arc<(Notify, Semaphore)>);

impl Held {
    fn new() -> Self {
        Self(Arc::new((Notify::new(), Semaphore::new(0))))
    }

    async fn inside(&self) {
        self.0.0.notified().await;
    }

    fn go_on(&self) {
        self.0.1.add_permits(1);
    }
}

#[async_trait]
impl CellExecutor for Held {
    async fn execute(&self, cell: &Cell, model: &Model) -> Result<CellReport> {
        if cell.position == 1 {
            model.open().await?.next().await.unwrap()?;
            self.0.0.notify_one();
            self.0.1.acquire().await.unwrap().forget();
        }
        StreamingExecutor::default().execute(cell, model).await
    }
}

/// A run during whose second cell the customer changes something.
async fn interrupted(stage: &Stage, held: &Held, change: impl FnOnce(&CustomerAccount)) -> RunDetail {
    let model = stage.registered(stage.account.digest).await;
    let started = stage.workspace.runs().trigger(stage.pipeline).model(model).await.unwrap();
    held.inside().await;
    change(&stage.account);
    held.go_on();
    stage.ended(started.id).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trust_policy_closed_within_a_run_fails_the_cells_that_come_later() {
    let held = Held::new();
    let Some(stage) = Stage::set(held.clone()).await else { return };
    let role = stage.granted().await.role;
    let run = interrupted(&stage, &held, |account| account.update_trust_policy(&stranger_of(&role))).await;

    let refused = (CellStatus::Failed, Some(ByoCode::AssumeRoleFailed));
    assert_eq!(outcomes(&run), [(CellStatus::Passed, None), (CellStatus::Passed, None), refused]);
    assert_eq!((run.status(), run.byo().unwrap().code()), (&RunStatus::Failed, &ByoCode::AssumeRoleFailed));
    let bundle = stage.workspace.runs().bundle(run.id()).await.unwrap();
    assert_eq!(bundle.cells, run.cells, "finished cells are kept");
    assert!(bundle.cells[1].metrics.as_ref().unwrap().get("model_bytes").is_some());
    let rows = stage.audit_of(&run).await;
    let denied: Vec<_> = rows.iter().filter(|row| row.outcome == AuditOutcome::Denied).collect();
    assert_eq!(denied.len(), 1);
    assert_eq!(denied[0].error_code.as_deref(), Some("BYO_ASSUME_ROLE_FAILED"));

    // Nothing to clean: repair the role and run again.
    stage.account.update_trust_policy(&role);
    held.go_on();
    assert_eq!(stage.run(run.summary.model_artifact_id.unwrap()).await.status(), &RunStatus::Passed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_deleted_within_a_run_breaks_the_cell_in_flight_too() {
    let held = Held::new();
    let Some(stage) = Stage::set(held.clone()).await else { return };
    let role = stage.granted().await.role;
    let run = interrupted(&stage, &held, |account| {
        let commands: Vec<_> = role.aws_cli().delete_role().iter().map(ToString::to_string).collect();
        account.run_script(&commands.join("\n"));
    })
    .await;

    let (denied, refused) = (Some(ByoCode::ObjectAccessDenied), Some(ByoCode::AssumeRoleFailed));
    let failed = |code| (CellStatus::Failed, code);
    assert_eq!(outcomes(&run), [(CellStatus::Passed, None), failed(denied), failed(refused)]);
    assert_eq!((run.status(), run.byo().unwrap().code()), (&RunStatus::Failed, &ByoCode::ObjectAccessDenied));
    let bundle = stage.workspace.runs().bundle(run.id()).await.unwrap();
    assert_eq!(bundle.cells, run.cells, "finished cells are kept");
    assert_eq!(bundle.cells[0].metrics.as_ref().unwrap().get("model_bytes"), Some(stage.account.size as f64));
}
