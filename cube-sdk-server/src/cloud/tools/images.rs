//! Images that are built on the server.

use std::collections::BTreeMap;

use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::arguments::Hidden;
use super::call::{Call, Reply};
use super::tool::Tool;
use crate::cloud::images::{Build, Jobs, check_name};
use crate::cloud::profiles::{Effect, Needs};

#[derive(Deserialize, JsonSchema)]
struct Prepare {
    /// Bare name of the image: no registry, no prefix, no tag.
    image_name: String,
    /// The image's tag.
    tag: String,
}

#[derive(Deserialize, JsonSchema)]
struct Start {
    /// The job, from `build_image_prepare`.
    job_id: String,
    /// The Dockerfile's path in the context, `Dockerfile` unless told otherwise.
    dockerfile: Option<String>,
    /// The stage to build up to.
    target: Option<String>,
    /// Build arguments: an object of texts.
    build_args: Option<BTreeMap<String, Hidden>>,
    /// What it is built for, `linux/amd64` unless told otherwise.
    platform: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct OfJob {
    /// The job, from `build_image_prepare`.
    job_id: String,
}

pub(super) fn tools() -> Vec<Tool> {
    vec![
        Tool::new("build_image_prepare", Effect::Write, Needs::Images, prepare)
            .about(
                "Prepare a build",
                "Opens a job that builds an image on the server. The context, a tar of at most 512 MiB, is PUT to the upload \
                 URL, once and within 15 minutes.",
            )
            .gives(&[("job_id", "string"), ("upload_url", "string"), ("s3_key", "string")]),
        Tool::new("build_image_start", Effect::Write, Needs::Images, start)
            .about("Start a build", "Builds and pushes the image of a job whose context was uploaded.")
            .gives(&[("task_arn", "string")]),
        Tool::new("build_image_status", Effect::Read, Needs::Images, status)
            .about("State of a build", "PENDING, RUNNING, SUCCEEDED with the image, or FAILED with the end of the log.")
            .gives(&[("state", "string")]),
    ]
}

fn jobs(call: &Call) -> Result<&Jobs> {
    call.app.images.as_deref().ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, "building images is off on this server")
            .advice("build with a Docker of your own, or ask the one who runs the service to set `images`")
    })
}

/// Programs read the text as JSON.
fn reply(data: Value) -> Reply {
    Reply::new(format!("{data}\n"), data)
}

async fn prepare(call: Call, args: Prepare) -> Result<Reply> {
    let jobs = jobs(&call)?;
    check_name(&args.image_name, &args.tag)?;
    let prepared = jobs.prepare(call.caller.owner(), &args.image_name, &args.tag)?;
    let mut url = cube_sdk_core::config::join(&call.app.settings.url, &["builds", &prepared.job]);
    url.query_pairs_mut().append_pair("proof", prepared.proof.expose_secret());
    Ok(reply(json!({ "job_id": prepared.job, "upload_url": url.as_str(), "s3_key": format!("{}.tar", prepared.job) })))
}

async fn start(call: Call, args: Start) -> Result<Reply> {
    let arguments = args.build_args.unwrap_or_default();
    let arguments = arguments.into_iter().map(|(name, value)| (name, SecretString::from(value))).collect();
    jobs(&call)?.start(call.caller.owner(), &args.job_id, |image, context| Build {
        image,
        context,
        dockerfile: args.dockerfile.unwrap_or_else(|| "Dockerfile".to_owned()),
        target: args.target,
        platform: args.platform.unwrap_or_else(|| "linux/amd64".to_owned()),
        arguments,
    })?;
    Ok(reply(json!({ "task_arn": args.job_id })))
}

async fn status(call: Call, args: OfJob) -> Result<Reply> {
    let status = jobs(&call)?.status(call.caller.owner(), &args.job_id)?;
    let mut data = json!({ "state": status.state });
    if let Some(image) = status.image {
        data["image_uri"] = json!(image);
    }
    if let Some(built) = status.built {
        data["logs_tail"] = json!(built.log);
        if let Some(reason) = built.reason {
            data["stopped_reason"] = json!(reason);
            data["exit_code"] = json!(built.exit_code);
        }
    }
    Ok(reply(data))
}
