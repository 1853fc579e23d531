//! What the world's EdgeGate holds at the start. Ids and keys follow from the seed, so that a world whose directory is
//! kept opens with the same keys again.

use cube_sdk_core::{Clock, Error, ErrorKind, Result, SecretString};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::card::EdgeGateCard;
use crate::edgegate::promptpacks;
use crate::store::definition::{Definition, Gate, Metric, RunPolicy};
use crate::store::{EdgeGateStore, Id, Json, PipelineRow, Plan, Role, Time};

const PACK: &str = "smoke";
const PACK_VERSION: &str = "1.0.0";

fn digest(seed: u64, name: &str) -> [u8; 32] {
    Sha256::digest(format!("cube-local:{seed}:{name}")).into()
}

fn id(seed: u64, name: &str) -> Id {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest(seed, name)[..16]);
    Id(uuid::Builder::from_random_bytes(bytes).into_uuid())
}

fn key(seed: u64, name: &str) -> SecretString {
    let digits: String = digest(seed, name).iter().map(|byte| format!("{byte:02x}")).collect();
    SecretString::from(format!("egk_live_{digits}"))
}

/// Fills the database; what is there already stays as it is.
pub(super) async fn fill(store: &EdgeGateStore, seed: u64, url: String, clock: Clock) -> Result<EdgeGateCard> {
    let now = Time::from(clock.now());
    let owner = store.user("owner@acme.example", now).await?;
    let (workspace, free) = (id(seed, "workspace"), id(seed, "free workspace"));
    store.keep_workspace(workspace, "Acme Robotics", Plan::Enterprise, owner, now).await?;
    store.keep_workspace(free, "Acme Lab", Plan::Free, owner, now).await?;
    let api_key = store.keep_key(workspace, owner, "local owner", key(seed, "owner"), None, now).await?.plaintext;
    let mut members = Vec::new();
    for role in [Role::Admin, Role::Viewer] {
        let user = store.user(&format!("{role}@acme.example"), now).await?;
        store.keep_membership(workspace, user, role).await?;
        let name = format!("local {role}");
        members.push(store.keep_key(workspace, user, &name, key(seed, role.as_str()), None, now).await?.plaintext);
    }
    let content = json!({
        "promptpack_id": PACK, "version": PACK_VERSION, "name": "Smoke",
        "cases": [{ "case_id": "hello", "name": "Hello", "prompt": "Say hello.", "expected": { "type": "none" } }],
    });
    let pack = promptpacks::checked(PACK, PACK_VERSION, &content, now)
        .map_err(|issues| Error::new(ErrorKind::InvalidInput, issues.join("; ")))?;
    store.insert_promptpack(workspace, &pack, &content).await?;
    store.publish_promptpack(workspace, PACK, PACK_VERSION).await?;
    let pipeline = id(seed, "pipeline");
    let row = PipelineRow {
        id: pipeline,
        name: "Vision on three devices".to_owned(),
        definition: Json(definition()),
        created_at: now,
        updated_at: now,
    };
    store.insert_pipeline(workspace, &row).await?;
    let mut members = members.into_iter();
    let (Some(admin_api_key), Some(viewer_api_key)) = (members.next(), members.next()) else {
        return Err(Error::new(ErrorKind::Config, "the world lacks its members"));
    };
    Ok(EdgeGateCard {
        url,
        api_key,
        admin_api_key,
        viewer_api_key,
        workspace: workspace.to_string(),
        free_workspace: free.to_string(),
        pipeline: pipeline.to_string(),
        promptpack: PACK.to_owned(),
    })
}

fn definition() -> Definition {
    Definition {
        devices: ["Samsung Galaxy S24", "QCS8550 (Proxy)", "SA8775P ADP"].map(str::to_owned).to_vec(),
        promptpack_id: PACK.to_owned(),
        promptpack_version: PACK_VERSION.to_owned(),
        gates: vec![Gate {
            on: Metric::Named("first_load_time_ms".to_owned()),
            operator: "lte".to_owned(),
            threshold: 600_000.0,
            description: Some("the model loads within ten minutes".to_owned()),
        }],
        models: Vec::new(),
        run_policy: RunPolicy::default(),
        input_specs: std::collections::BTreeMap::new(),
    }
}

/// A seed that nobody can guess: keys follow from it.
pub(super) fn random_seed() -> u64 {
    let (high, _) = Uuid::new_v4().as_u64_pair();
    high ^ Uuid::new_v4().as_u64_pair().1
}
