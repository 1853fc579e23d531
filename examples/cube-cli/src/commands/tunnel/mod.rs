//! `cube tunnel`: local ports that lead to apps in clusters.

mod control;
mod live;
mod open;
mod others;
mod run;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::context::Context;

pub(super) use open::Event;

/// Local ports that lead to apps in clusters
#[derive(Subcommand)]
pub(crate) enum Tunnels {
    Open(open::Open),
    Run(run::Run),
    Ls(others::Ls),
    Stop(others::Stop),
}

/// A tunnel of any process of this user.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Row {
    /// The app that it leads to.
    pub(super) app: String,
    /// Where it listens.
    pub(super) address: String,
    /// `running (version 2)`, `reconnecting: …`.
    pub(super) state: String,
    /// Open streams.
    pub(super) streams: u64,
    /// Streams ever opened.
    pub(super) opened: u64,
    /// Bytes sent to the app.
    pub(super) sent: u64,
    /// Bytes that came from the app.
    pub(super) received: u64,
    /// The last round trip to the relay, in milliseconds.
    pub(super) round_trip_ms: Option<f64>,
    /// The process that holds it.
    pub(super) pid: u32,
    /// What a program connects to, for apps whose name tells what they speak.
    pub(super) url: Option<String>,
}

impl Tunnels {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode> {
        match self {
            Self::Open(command) => command.run(context).await?,
            Self::Run(command) => return command.run(context).await,
            Self::Ls(command) => command.run(context).await?,
            Self::Stop(command) => command.run(context).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
