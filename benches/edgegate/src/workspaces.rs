//! The workspaces: each with a grant, a model and a pipeline.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use cube_sdk_core::Clock;
use cube_sdk_core::secret::ExposeSecret as _;
use cube_sdk_server::store::{EdgeGateStore, Plan};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::aws::KEY;
use crate::http::Client;

/// As many as three processes execute runs at once.
pub(crate) const COUNT: usize = 12;
const BUCKET: &str = "acme-models";

#[derive(Clone)]
pub(crate) struct Workspace {
    pub(crate) id: Uuid,
    pub(crate) key: String,
}

/// A workspace's model and pipeline, by their ids.
pub(crate) struct Subject {
    pub(crate) model: String,
    pub(crate) pipeline: String,
}

pub(crate) async fn make(store: &EdgeGateStore) -> Result<Vec<Workspace>> {
    let mut made = Vec::with_capacity(COUNT);
    for number in 0..COUNT {
        let owner = format!("o{number}@acme.example");
        let workspace = store.create_workspace("Acme", Plan::Enterprise, &owner, Clock::system()).await?;
        made.push(Workspace { id: workspace.id.parse()?, key: workspace.api_key.expose_secret().to_owned() });
    }
    Ok(made)
}

/// The body that registers an object of its own: one that is known already is only looked up.
pub(crate) fn registration(folder: &str) -> String {
    json!({ "s3_uri": format!("s3://{BUCKET}/{folder}/{KEY}") }).to_string()
}

pub(crate) async fn settle(address: SocketAddr, workspace: &Workspace) -> Result<Subject> {
    let mut client = Client::connect(address).await?;
    let grant = json!({ "bucket": BUCKET, "region": "us-east-1", "role_arn": "arn:aws:iam::111122223333:role/read" });
    client.must(workspace, "POST", "/byo-storage/grants", &grant, 201).await?;
    let model: Value = serde_json::from_str(&registration("run"))?;
    let model = client.must(workspace, "POST", "/artifacts/byo", &model, 201).await?;
    let content = json!({ "promptpack_id": "p", "version": "1.0.0", "name": "P",
        "cases": [{ "case_id": "one", "name": "One", "prompt": "Say one." }] });
    let pack = json!({ "promptpack_id": "p", "version": "1.0.0", "content": content });
    client.must(workspace, "POST", "/promptpacks", &pack, 201).await?;
    client.must(workspace, "PUT", "/promptpacks/p/1.0.0/publish", &Value::Null, 200).await?;
    let pipeline = json!({ "name": "Mine", "device_matrix": [{ "name": "QCS8550 (Proxy)", "enabled": true }],
        "promptpack_ref": { "promptpack_id": "p", "version": "1.0.0" },
        "gates": [{ "metric": "first_load_time_ms", "operator": "lte", "threshold": 600_000 }] });
    let pipeline = client.must(workspace, "POST", "/pipelines", &pipeline, 201).await?;
    let id = |value: &Value| value["id"].as_str().map(str::to_owned).context("no id");
    Ok(Subject { model: id(&model)?, pipeline: id(&pipeline)? })
}
