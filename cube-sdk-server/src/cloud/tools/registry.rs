//! The registry: publishing a product release's manifest.

use cube_sdk_core::Result;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::call::{Call, Reply};
use super::tool::Tool;
use crate::cloud::profiles::{Effect, Needs};

#[derive(Deserialize, JsonSchema)]
struct Publish {
    /// The manifest, as YAML.
    manifest_yaml: String,
}

pub(super) fn tools() -> Vec<Tool> {
    vec![
        Tool::new("apollo_publish_manifest", Effect::Write, Needs::Apollo, publish)
            .about("Publish a manifest", "Publishes a product release's manifest: metadata only, not the chart.")
            .gives(&[("release", "object")]),
    ]
}

async fn publish(call: Call, args: Publish) -> Result<Reply> {
    let release = call.apollo()?.manifests().create_release(args.manifest_yaml).await?;
    let text = format!("{} was published: {}\n", release.coordinate, release.rid);
    Ok(Reply::new(text, json!({ "release": release })))
}
