//! `cube status`: whether there is a key, and whether cube-cloud takes it.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use cube_sdk::auth::{self, Connectivity};
use cube_sdk::{Error, ErrorKind};
use schemars::JsonSchema;
use serde::Serialize;

use crate::context::Context;

/// Show where the key comes from, and whether cube-cloud takes it
///
/// The exit code is 0 where all is well, 4 without a key or with one that is refused, 10 where the service does not answer.
#[derive(Args)]
#[command(after_help = "Examples:\n  cube status\n  cube status --offline\n  cube status --quiet || cube login")]
pub(crate) struct Status {
    /// Send nothing: tell what this machine knows
    #[arg(long)]
    offline: bool,
}

/// What was found.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Found {
    /// Where cube-cloud is.
    url: String,
    /// Where the key that counts comes from; none without a key.
    key: Option<String>,
    /// Where keys are kept.
    place: Option<String>,
    /// A key is kept there.
    kept: bool,
    service: Service,
    /// What the service said, where not all is well.
    reason: Option<String>,
}

/// What cube-cloud says to the key.
#[derive(Clone, Copy, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
enum Service {
    Connected,
    /// It knows the key, whose profile may not do what was tried.
    Limited,
    KeyRefused,
    NotAsked,
    Unreachable,
}

impl Status {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode> {
        let cube = context.cube();
        let auth = cube.auth()?;
        let status = if self.offline { auth.status_offline().await? } else { auth.status().await? };
        let url = cube.cloud()?.base_url().to_string();
        let (service, error) = said(&status);
        let found = Found {
            url,
            key: status.key.as_ref().map(ToString::to_string),
            place: status.place.clone(),
            kept: status.kept,
            service,
            reason: error.map(ToString::to_string),
        };
        let shown = if self.offline { "cube-cloud: not asked (--offline)".to_owned() } else { String::new() };
        context.output().show("status", &found, || match shown.is_empty() {
            true => format!("{status}\nurl: {}", found.url),
            false => format!("{}\n{shown}\nurl: {}", status.to_string().lines().next().unwrap_or_default(), found.url),
        })?;
        let code = match (error, &status.key) {
            (_, None) => ErrorKind::Credentials.exit_code(),
            (Some(error), _) if !status.is_connected() => error.kind().exit_code(),
            _ => 0,
        };
        Ok(ExitCode::from(code))
    }
}

fn said(status: &auth::Status) -> (Service, Option<&Error>) {
    match &status.service {
        Connectivity::Connected => (Service::Connected, None),
        Connectivity::Limited(error) => (Service::Limited, Some(error)),
        Connectivity::KeyRefused(error) => (Service::KeyRefused, Some(error)),
        Connectivity::Unreachable(error) => (Service::Unreachable, Some(error)),
        _ => (Service::NotAsked, None),
    }
}
