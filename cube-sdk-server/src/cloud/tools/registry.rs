//! The registry: its token, and publishing a product release's manifest.

use cube_sdk_core::Result;
use cube_sdk_core::secret::ExposeSecret;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::arguments::Nothing;
use super::call::{Call, Reply, sent};
use super::tool::Tool;
use crate::cloud::profiles::{Effect, Needs};

/// Whom docker logs in as where the password is Apollo's token, as the published agent has it.
const DOCKER_USER: &str = "apollo";

#[derive(Deserialize, JsonSchema)]
struct Publish {
    /// The manifest, as YAML.
    manifest_yaml: String,
}

pub(super) fn tools() -> Vec<Tool> {
    vec![
        Tool::new("acr_get_token", Effect::Credential, Needs::Apollo, token)
            .about("Get a registry token", "An access token for Apollo's container registry, alone on its line.")
            .gives(&[("token", "string"), ("registry", "string"), ("username", "string")]),
        Tool::new("apollo_publish_manifest", Effect::Write, Needs::Apollo, publish)
            .about("Publish a manifest", "Publishes a product release's manifest, after its product where there is none: metadata only, not the chart.")
            .gives(&[("release", "object")])
            .dry_run(),
    ]
}

async fn token(call: Call, _: Nothing) -> Result<Reply> {
    let apollo = call.apollo()?;
    let token = apollo.access_token().await?;
    let host = apollo.url().host_str().unwrap_or_default();
    let registry = apollo.url().port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    // The published agent takes the longest line without a blank.
    Ok(Reply::new(
        format!("{}\n", token.expose_secret()),
        json!({ "token": token.expose_secret(), "registry": registry, "username": DOCKER_USER }),
    ))
}

async fn publish(call: Call, args: Publish) -> Result<Reply> {
    let release = sent!(call, call.apollo()?.manifests().publish(args.manifest_yaml));
    let text = format!("{} was published: {}\n", release.coordinate, release.rid);
    Ok(Reply::new(text, json!({ "release": release })))
}
