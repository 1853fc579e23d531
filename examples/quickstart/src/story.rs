//! The storage half: from the grant to the recap.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use cube_sdk::byo::audit::{AuditEntry, AuditOutcome};
use cube_sdk::byo::audit::{CloudTrail, reconcile};
use cube_sdk::byo::iam::ReaderRole;
use cube_sdk::byo::reader::ReaderEvent;
use cube_sdk::byo::rest::{Artifact, Grant, RunDetail};
use cube_sdk::byo::{GrantRef, RoleArn, Scope};
use futures_util::TryStreamExt;

use crate::narrator::{Narrator, elapsed, mib_per_s};
use crate::shown::{Source, source};
use crate::stage::Stage;

const SOURCE: Source = source!("story.rs");

/// Plays the storage half; the grant is active at the end.
pub(crate) async fn tell(stage: &Stage, narrator: &mut Narrator) -> anyhow::Result<Grant> {
    narrator.part("BYO storage: model bytes from the customer's bucket");
    let (grant, arn, role) = grant_and_role(stage, narrator).await?;
    let grant = verified(stage, grant, narrator).await?;
    let artifact = registered(stage, narrator).await?;
    let run = run(stage, &artifact, narrator).await?;
    measured(stage, &grant, &arn, narrator).await?;
    let rows = audited(stage, &run, narrator).await?;
    reconciled(stage, &arn, rows, narrator)?;

    narrator.step("Recap");
    narrator.say(format_args!("grant     {} ({}, {})", grant.status, grant.bucket, grant.region));
    narrator.say(format_args!("role      {} trusts {}", arn, role.principal()));
    narrator.say(format_args!("artifact  {} at {}", artifact.id, artifact.storage_url));
    narrator.say(format_args!("run       {} {}", run.summary.id, run.summary.status));
    narrator.say("next      register further objects; pull the audit into your SIEM; rotate the External ID");
    Ok(grant)
}

async fn grant_and_role(stage: &Stage, narrator: &mut Narrator) -> anyhow::Result<(Grant, RoleArn, ReaderRole)> {
    let byo = stage.workspace.byo();
    let bucket = stage.model.bucket().clone();
    match stage.role.clone() {
        Some(arn) => {
            narrator.step("Register the bucket and the role; EdgeGate mints an External ID");
            narrator.code(SOURCE, "register");
            let region = &stage.region;
            // shown: register
            let grant = byo.register(&arn, &bucket, region).await?;
            // end
            narrator.calls(stage.witness.take());
            narrator.say(format_args!("grant {} is {}, External ID {}", grant.id, grant.status, grant.external_id));
            if let Some(fault) = grant.failure() {
                narrator.say(format_args!("{} as expected: the role cannot know the External ID yet", fault.code()));
            }
            narrator.done(SOURCE);
            narrator.step("The customer puts the External ID into the role's trust policy");
            let role = ReaderRole::new(stage.principal.clone(), grant.external_id.clone(), bucket)
                .name(arn.name().parse().context("the role's name")?);
            narrator.say(role.trust_policy());
            stage.customer.edit_trust_policy(stage.world(), &arn, &role, narrator)?;
            narrator.done(SOURCE);
            Ok((grant, arn, role))
        }
        None => {
            narrator.step("Ask for an External ID first, then make the role with it");
            narrator.code(SOURCE, "setup");
            let region = &stage.region;
            // shown: setup
            let setup = byo.setup(&bucket, region).await?;
            // end
            narrator.calls(stage.witness.take());
            narrator.done(SOURCE);
            narrator.step("The customer makes the role");
            narrator.code(SOURCE, "attach");
            stage.customer.create_role(&setup.role, narrator)?;
            let account = stage.principal.account();
            let arn: RoleArn = format!("arn:aws:iam::{account}:role/{}", setup.role.role_name()).parse()?;
            // shown: attach
            let grant = setup.attach_role(&arn).await?; // probed at once
            // end
            narrator.calls(stage.witness.take());
            narrator.done(SOURCE);
            Ok((grant, arn, setup.role.clone()))
        }
    }
}

async fn verified(stage: &Stage, grant: Grant, narrator: &mut Narrator) -> anyhow::Result<Grant> {
    narrator.step("EdgeGate probes the role until it works");
    narrator.code(SOURCE, "wait");
    let byo = stage.workspace.byo();
    // shown: wait
    let grant = if grant.is_active() { grant } else { byo.wait_until_active().await? };
    // end
    narrator.calls(stage.witness.take());
    narrator.say(format_args!("grant {} is {}", grant.id, grant.status));
    narrator.done(SOURCE);
    Ok(grant)
}

async fn registered(stage: &Stage, narrator: &mut Narrator) -> anyhow::Result<Artifact> {
    narrator.step("Register the model: one HeadObject, no copy");
    narrator.code(SOURCE, "artifact");
    let (byo, model) = (stage.workspace.byo(), &stage.model);
    // shown: artifact
    let mut request = byo.register_artifact(model);
    if let Some(digest) = stage.expected {
        request = request.expected_sha256(digest);
    }
    let artifact = request.await?;
    // end
    narrator.calls(stage.witness.take());
    narrator.say(format_args!("artifact {}, {} bytes, {}", artifact.id, artifact.size_bytes, artifact.storage_url));
    narrator.done(SOURCE);
    Ok(artifact)
}

async fn run(stage: &Stage, artifact: &Artifact, narrator: &mut Narrator) -> anyhow::Result<RunDetail> {
    narrator.step("Run the pipeline: each cell takes a session of its own and streams the model");
    narrator.code(SOURCE, "run");
    // shown: run
    let runs = stage.workspace.runs();
    let started = runs.trigger(stage.pipeline).model(artifact.id).await?;
    let run = runs.wait(started.id).interval(Duration::from_millis(200)).await?;
    // end
    narrator.calls(stage.witness.take().into_iter().take(1).collect()); // the others are looks
    narrator.say(format_args!("run {} {}", run.summary.id, run.summary.status));
    for cell in &run.cells {
        narrator.say(format_args!("cell on {}: {}", cell.device, cell.status));
    }
    ensure!(run.summary.status.as_str() == "passed", "the run ended as {}", run.summary.status);
    Ok(run)
}

/// Reads the large object as a worker does, for figures.
async fn measured(stage: &Stage, grant: &Grant, arn: &RoleArn, narrator: &mut Narrator) -> anyhow::Result<()> {
    let uri = stage.large.clone();
    narrator.say(format_args!("the same reader on {uri}:"));
    let granted = GrantRef::new(arn.clone(), grant.external_id.clone(), uri.bucket().clone(), stage.region.clone());
    narrator.code(SOURCE, "read");
    let started = Instant::now();
    let resumed = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let count = resumed.clone();
    let watch = move |event| {
        if matches!(event, ReaderEvent::Resumed { .. }) {
            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    };
    let storage = &stage.storage;
    // shown: read
    let session = storage.session(&granted, Scope::Object(uri.key().clone()));
    let mut reader = session.open(uri).compute_sha256().progress(watch).await?;
    // end
    let first = reader.try_next().await?.context("the object is empty")?;
    let first_byte = started.elapsed();
    let mut bytes = first.len() as u64;
    while let Some(chunk) = reader.try_next().await? {
        bytes += chunk.len() as u64;
    }
    let took = started.elapsed();
    let digest = reader.sha256().context("the digest was asked for")?;
    narrator.say(format_args!(
        "{bytes} bytes in {}, {}, first byte after {}, {} broken bodies resumed",
        elapsed(took),
        mib_per_s(bytes, took),
        elapsed(first_byte),
        resumed.load(std::sync::atomic::Ordering::Relaxed)
    ));
    narrator.say(format_args!("sha256 {digest}"));
    narrator.done(SOURCE);
    Ok(())
}

async fn audited(stage: &Stage, run: &RunDetail, narrator: &mut Narrator) -> anyhow::Result<Vec<AuditEntry>> {
    narrator.step("Read the audit of the run, and hold it against CloudTrail");
    narrator.code(SOURCE, "audit");
    // shown: audit
    let byo = stage.workspace.byo();
    let of_run: Vec<AuditEntry> = byo.audit().run(run.summary.id).stream().try_collect().await?;
    // end
    narrator.calls(stage.witness.take());
    for row in &of_run {
        narrator.say(format_args!(
            "row {:>3}  {:<12} {:<8} {:>10} bytes  request id {}",
            row.id.unwrap_or_default(),
            row.event_type,
            row.outcome,
            row.bytes_read.unwrap_or_default(),
            row.aws_request_id.as_deref().unwrap_or("none")
        ));
    }
    ensure!(!of_run.is_empty(), "the run left no audit row");
    // Probes and the registration belong to no run: the comparison takes every row there is.
    let mut all: Vec<AuditEntry> = byo.audit().stream().try_collect().await?;
    let _pages = stage.witness.take();
    all.extend(stage.own_rows.entries());
    Ok(all)
}

fn reconciled(stage: &Stage, arn: &RoleArn, rows: Vec<AuditEntry>, narrator: &mut Narrator) -> anyhow::Result<()> {
    let Some(dir) = stage.cloudtrail()? else {
        narrator.say("skipped: no log files");
        return Ok(());
    };
    narrator.code(SOURCE, "reconcile");
    let bucket = stage.model.bucket().as_str();
    // shown: reconcile
    let mut trail = CloudTrail::new();
    trail.add_path(&dir)?;
    let records = trail.records_of(Some(arn.as_str()), bucket);
    let found = reconcile(&rows, &records, Duration::from_secs(2));
    // end
    let denied = rows.iter().filter(|row| row.outcome == AuditOutcome::Denied).count();
    narrator.say(format_args!(
        "{} rows ({denied} denied), {} CloudTrail records: {} matched, {} missing in CloudTrail, {} missing in the audit",
        rows.len(),
        records.len(),
        found.matched.len(),
        found.missing_in_cloudtrail.len(),
        found.missing_in_audit.len()
    ));
    ensure!(found.is_clean(), "the audit and CloudTrail differ");
    narrator.done(SOURCE);
    Ok(())
}
