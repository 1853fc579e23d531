//! The life of a grant: both ways to make one, drift, rotation, races.

use std::collections::HashMap;
use std::time::Duration;

use cube_sdk_server::local::World;
use cube_sdk_testkit::aws::{Effect, Fault};
use serde_json::{Value, json};

use crate::iam;
use crate::support::{Client, GRANTS, bucket, with_role, world};

const VERIFY: &str = "/byo-storage/grants/verify";
const ATTACH: &str = "/byo-storage/grants/attach-role";

/// Makes a role anew that admits the worker with this External ID and may read everything.
fn admit(world: &World, role_arn: &str, external_id: &Value) {
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "AWS": world.card().aws.principal_arn }, "Action": "sts:AssumeRole",
        "Condition": { "StringLike": { "sts:ExternalId": external_id } } }] });
    let read = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*" }] });
    let name = role_arn.rsplit('/').next().unwrap();
    world.aws().put_role(name, &trust.to_string(), Some(&read.to_string())).unwrap();
}

#[tokio::test]
async fn role_first_fails_until_the_external_id_is_in_the_trust_policy() {
    let world = world().await.start().await.unwrap();
    let (owner, card) = (Client::owner(&world), world.card().aws.clone());
    let (status, grant) = owner.post(GRANTS, with_role(&world, &card.drift_role_arn)).await;
    assert_eq!((status, &grant["status"]), (201, &json!("failed")));
    assert!(grant["last_verify_error"].as_str().unwrap().starts_with("BYO_ASSUME_ROLE_FAILED"));
    assert!(grant["last_verified_at"].is_null(), "only a good probe sets it");
    assert_eq!(grant["role_arn"], card.drift_role_arn);
    let (status, still) = owner.post_empty(VERIFY).await;
    assert_eq!((status, &still["status"]), (200, &json!("failed")), "a failed probe is still 200");

    admit(&world, &card.drift_role_arn, &grant["external_id"]);
    let (status, healed) = owner.post_empty(VERIFY).await;
    assert_eq!((status, &healed["status"]), (200, &json!("active")));
    assert!(healed["last_verify_error"].is_null() && healed["last_verified_at"].is_string());
    assert_eq!(healed["external_id"], grant["external_id"]);
}

#[tokio::test]
async fn two_phases_pending_then_attached() {
    let world = world().await.start().await.unwrap();
    let (owner, card) = (Client::owner(&world), world.card().aws.clone());
    let pending = owner.pending(&world).await;
    assert_eq!(owner.post_empty(VERIFY).await, (200, pending.clone()), "no role, no call, no change");
    assert!(owner.audit("").await.is_empty());

    // A role that does not admit answers 200 with status failed, and is kept.
    let (status, failed) = owner.post(ATTACH, json!({ "role_arn": card.bad_role_arn })).await;
    assert_eq!((status, &failed["status"], &failed["role_arn"]), (200, &json!("failed"), &json!(card.bad_role_arn)));
    // Another role may take its place; then no other.
    let (status, active) = owner.post(ATTACH, json!({ "role_arn": card.role_arn })).await;
    assert_eq!((status, &active["status"], &active["role_arn"]), (200, &json!("active"), &json!(card.role_arn)));
    assert_eq!(active["external_id"], pending["external_id"]);
    assert_eq!(owner.post(ATTACH, json!({ "role_arn": card.role_arn })).await.0, 409);
}

#[tokio::test]
async fn each_probe_code_is_told_apart() {
    let world = world().await.start().await.unwrap();
    let (owner, card) = (Client::owner(&world), world.card().aws.clone());
    let elsewhere = json!({ "bucket": card.other_region_bucket, "region": card.region, "role_arn": card.role_arn });
    let gone = json!({ "bucket": card.gone_bucket, "region": card.region, "role_arn": card.role_arn });
    admit(&world, &card.role_arn, &json!("*"));
    for (body, code) in [(elsewhere, "BYO_REGION_MISMATCH"), (gone, "BYO_BUCKET_GONE")] {
        let (_, grant) = owner.post(GRANTS, body).await;
        let error = grant["last_verify_error"].as_str().unwrap();
        assert!(error.starts_with(&format!("{code}: ")), "{error}");
        assert_eq!(owner.delete(GRANTS).await.0, 204);
    }
    let (_, grant) = owner.post(GRANTS, with_role(&world, &card.no_list_role_arn)).await;
    assert_eq!(grant["status"], "active", "a role without ListBucket can still read: {grant}");
}

#[tokio::test]
async fn a_kms_denial_shows_once_an_object_is_known() {
    let world = world().await.start().await.unwrap();
    let (owner, card) = (Client::owner(&world), world.card().aws.clone());
    let mut body = with_role(&world, &card.kms_role_arn);
    body["kms_key_id"] = json!(card.kms_key_arn);
    let (status, grant) = owner.post(GRANTS, body).await;
    assert_eq!((status, &grant["status"], &grant["kms_key_id"]), (201, &json!("active"), &json!(card.kms_key_arn)));
    let uri = format!("s3://{}/{}", card.bucket, card.kms_denied_key);
    assert_eq!(owner.post("/artifacts/byo", json!({ "s3_uri": uri })).await.0, 201);
    assert_eq!(owner.post_empty(VERIFY).await.1["status"], "active");
    // Without kms:Decrypt the same probe says so.
    admit(&world, &card.kms_role_arn, &grant["external_id"]);
    let error = owner.post_empty(VERIFY).await.1["last_verify_error"].clone();
    assert!(error.as_str().unwrap().starts_with("BYO_KMS_ACCESS_DENIED"), "{error}");
}

#[tokio::test]
async fn rotation_keeps_the_grant_and_needs_the_trust_policy_edited() {
    let world = world().await.start().await.unwrap();
    let (owner, card) = (Client::owner(&world), world.card().aws.clone());
    let pending = owner.pending(&world).await;
    let rotate = format!("{GRANTS}/{}/rotate-external-id", pending["id"].as_str().unwrap());
    let (_, rotated) = owner.post_empty(&rotate).await;
    assert_eq!(rotated["status"], "pending_role");
    assert_ne!(rotated["external_id"], pending["external_id"]);

    admit(&world, &card.drift_role_arn, &rotated["external_id"]);
    let (_, active) = owner.post(ATTACH, json!({ "role_arn": card.drift_role_arn })).await;
    assert_eq!(active["status"], "active");
    let (status, drifted) = owner.post_empty(&rotate).await;
    assert_eq!((status, &drifted["status"], &drifted["id"]), (200, &json!("failed"), &active["id"]));
    assert!(drifted["last_verify_error"].as_str().unwrap().starts_with("BYO_ASSUME_ROLE_FAILED"));
    assert_eq!(drifted["last_verified_at"], active["last_verified_at"]);
    admit(&world, &card.drift_role_arn, &drifted["external_id"]);
    assert_eq!(owner.post_empty(VERIFY).await.1["status"], "active");
    let other = format!("{GRANTS}/00000000-0000-4000-8000-000000000000/rotate-external-id");
    assert_eq!(owner.post_empty(&other).await.0, 404);
}

#[tokio::test]
async fn a_new_grant_after_disconnecting_has_a_new_identity() {
    let world = world().await.start().await.unwrap();
    let owner = Client::owner(&world);
    let first = owner.active(&world).await;
    assert_eq!(owner.delete(GRANTS).await.0, 204);
    assert_eq!(owner.get(GRANTS).await.0, 404);
    let second = owner.active(&world).await;
    assert_ne!(first["id"], second["id"]);
    assert_ne!(first["external_id"], second["external_id"]);
    assert!(owner.audit("").await.len() >= 4, "rows of the first grant stay");
}

#[tokio::test]
async fn of_many_concurrent_posts_one_wins() {
    let world = world().await.start().await.unwrap();
    let owner = Client::owner(&world);
    let role = world.card().aws.role_arn.clone();
    let bodies = (0..8).map(|n| if n % 2 == 0 { bucket(&world) } else { with_role(&world, &role) });
    let replies = futures_util::future::join_all(bodies.map(|body| owner.post(GRANTS, body))).await;
    let mut statuses: HashMap<u16, usize> = HashMap::new();
    for (status, _) in &replies {
        *statuses.entry(*status).or_default() += 1;
    }
    assert_eq!(statuses, HashMap::from([(201, 1), (409, 7)]));
    let winner = replies.into_iter().find(|(status, _)| *status == 201).unwrap().1;
    assert_eq!(owner.get(GRANTS).await.1["external_id"], winner["external_id"]);
}

#[tokio::test]
async fn who_asks_for_a_probe_that_runs_gets_its_outcome() {
    let world = world().await.start().await.unwrap();
    let owner = Client::owner(&world);
    owner.active(&world).await;
    let before = owner.audit("").await.len();
    world.aws().faults().add(Fault::new(Effect::Latency(Duration::from_millis(500))).on("AssumeRole"));
    let replies = futures_util::future::join_all((0..5).map(|_| owner.post_empty(VERIFY))).await;
    for (status, grant) in &replies {
        assert_eq!((*status, &grant["status"]), (200, &json!("active")), "{grant}");
    }
    let rows = owner.audit("").await;
    let probes: std::collections::HashSet<_> =
        rows[..rows.len() - before].iter().map(|row| row["probe_id"].as_str().unwrap()).collect();
    assert!((1..5).contains(&probes.len()), "{} probes for five callers at once", probes.len());

    // One that comes afterwards has a probe of its own.
    let before = owner.audit("").await.len();
    assert_eq!(owner.post_empty(VERIFY).await.0, 200);
    assert!(owner.audit("").await.len() > before);
}

/// A good grant whose role admits its present External ID alone.
async fn strict(world: &World, owner: &Client) -> Value {
    let role = world.card().aws.drift_role_arn.clone();
    let (_, grant) = owner.post(GRANTS, with_role(world, &role)).await;
    admit(world, &role, &grant["external_id"]);
    let (_, active) = owner.post_empty(VERIFY).await;
    assert_eq!(active["status"], "active", "{active}");
    active
}

/// Probes and rotations side by side: who loses a race asks again, and nobody is told of it.
#[tokio::test]
async fn verify_beside_rotate_knows_no_conflict() {
    let world = world().await.start().await.unwrap();
    let owner = Client::owner(&world);
    let id = strict(&world, &owner).await["id"].as_str().unwrap().to_owned();
    let rotate = format!("{GRANTS}/{id}/rotate-external-id");
    world.aws().faults().add(Fault::new(Effect::Latency(Duration::from_millis(30))).on("AssumeRole"));
    for _ in 0..10 {
        let verifies = futures_util::future::join_all((0..4u64).map(async |n| {
            tokio::time::sleep(Duration::from_millis(n * 9)).await;
            owner.post_empty(VERIFY).await
        }));
        let (verified, rotated) = tokio::join!(verifies, owner.post_empty(&rotate));
        assert_eq!(rotated.0, 200, "{}", rotated.1);
        for (status, reply) in verified {
            assert_eq!(status, 200, "{reply}");
        }
    }
    let (_, now) = owner.get(GRANTS).await;
    assert_eq!(now["status"], "failed", "the trust policy names none of the new External IDs");
}

/// Each of them is an order of the owner's: none is refused, and none is told an External ID that was never kept.
#[tokio::test]
async fn rotations_side_by_side_know_no_conflict() {
    let world = world().await.start().await.unwrap();
    let owner = Client::owner(&world);
    let grant = owner.active(&world).await;
    let rotate = format!("{GRANTS}/{}/rotate-external-id", grant["id"].as_str().unwrap());
    for _ in 0..10 {
        let all = futures_util::future::join_all((0..3).map(|_| owner.post_empty(&rotate))).await;
        for (status, rotated) in &all {
            assert_eq!((*status, &rotated["status"]), (200, &json!("active")), "{rotated}");
        }
        let (_, now) = owner.get(GRANTS).await;
        assert!(all.iter().any(|(_, rotated)| rotated["external_id"] == now["external_id"]), "{now}: {all:?}");
    }
}

/// The new External ID is stored, the caller is gone: the probe goes on, so that the grant does not stay `active`.
#[tokio::test]
async fn a_rotation_outlives_its_caller() {
    let world = world().await.start().await.unwrap();
    let owner = Client::owner(&world);
    let grant = strict(&world, &owner).await;
    let rotate = format!("{GRANTS}/{}/rotate-external-id", grant["id"].as_str().unwrap());
    world.aws().faults().add(Fault::new(Effect::Latency(Duration::from_millis(400))).on("AssumeRole"));
    tokio::select! {
        _ = owner.post_empty(&rotate) => panic!("the probe was to take longer"),
        () = async {
            while owner.get(GRANTS).await.1["external_id"] == grant["external_id"] {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        } => {}
    }
    until(&owner, "failed").await;
}

#[tokio::test]
async fn bad_input_is_422() {
    let world = world().await.start().await.unwrap();
    let owner = Client::owner(&world);
    let good = with_role(&world, &world.card().aws.role_arn);
    for (field, value) in [
        ("role_arn", json!("arn:aws:iam::2109876543210:role/reader")),
        ("role_arn", json!("arn:aws:iam::210987654321:user/x")),
        ("role_arn", json!("arn:aws-cn:iam::210987654321:role/x")),
        ("role_arn", json!("arn:aws:iam::210987654321:role/")),
        ("bucket", json!("ab")),
        ("bucket", json!("-abc")),
        ("bucket", json!("Abc")),
        ("bucket", json!("a_bc")),
        ("bucket", json!("s3://abc")),
        ("bucket", json!("a".repeat(64))),
        ("region", json!("eu1")),
        ("region", json!("a".repeat(65))),
        ("kms_key_id", json!("alias/models")),
        ("bucket", Value::Null),
    ] {
        let mut body = good.clone();
        body[field] = value.clone();
        let (status, refusal) = owner.post(GRANTS, body).await;
        assert_eq!(status, 422, "{field} {value}");
        let named = if value.is_null() { "body" } else { field };
        assert!(refusal["detail"].as_str().unwrap().starts_with(named), "{refusal}");
    }
    assert_eq!(owner.get(GRANTS).await.0, 404, "nothing was made");
    // A null role is a missing one.
    let mut body = good;
    body["role_arn"] = Value::Null;
    assert_eq!(owner.post(GRANTS, body).await.1["status"], "pending_role");
}

#[tokio::test]
async fn a_sample_that_was_deleted_says_nothing_against_the_grant() {
    let world = world().await.start().await.unwrap();
    let (owner, card) = (Client::owner(&world), world.card().aws.clone());
    owner.active(&world).await;
    owner.registered(&world).await;
    assert!(world.aws().delete_object(&card.bucket, &card.object_key));
    assert_eq!(owner.post_empty(VERIFY).await.1["status"], "active");
}

#[tokio::test]
async fn a_probe_without_a_verdict_changes_nothing() {
    let world = world().await.start().await.unwrap();
    let owner = Client::owner(&world);
    let active = owner.active(&world).await;
    world.aws().faults().add(Fault::new(Effect::InternalError).on("AssumeRole"));
    let (status, _) = owner.post_empty(VERIFY).await;
    assert_eq!(status, 503);
    let (_, after) = owner.get(GRANTS).await;
    assert_eq!((&after["status"], &after["last_verify_error"]), (&active["status"], &Value::Null));
}

#[tokio::test]
async fn drift_shows_by_itself_and_heals_by_itself() {
    let world = world().await.reprobe_every(Duration::from_millis(50)).start().await.unwrap();
    let owner = Client::owner(&world);
    owner.active(&world).await;
    iam::close_trust(&world).await;
    until(&owner, "failed").await;
    iam::open_trust(&world).await;
    until(&owner, "active").await;
    let rows = owner.audit("").await;
    assert!(rows.iter().all(|row| row["event_type"] == "verify_probe" && row["run_id"].is_null()));
}

async fn until(client: &Client, status: &str) {
    for _ in 0..400 {
        if client.get(GRANTS).await.1["status"] == status {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the grant did not become {status}");
}
