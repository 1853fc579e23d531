//! `cube app`: apps in clusters.

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::context::{Context, given};
use crate::output::{Column, View};

/// Apps in clusters, reached through tunnels
#[derive(Subcommand)]
pub(crate) enum Apps {
    Ls(Ls),
}

pub(super) const LS: View = View::list("app ls", "app_list", "apps", &[Column("APP", "")]);

/// List the apps that tunnels reach
#[derive(Args)]
#[command(after_help = "Examples:\n  cube app ls\n  cube tunnel open \"$(cube app ls -o ndjson | jq -r . | fzf)\"")]
pub(crate) struct Ls {
    /// Only apps of this company
    #[arg(long)]
    company: Option<String>,
}

impl Apps {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let Self::Ls(Ls { company }) = self;
        let call = given!(context.cloud()?.app_list(), company = company);
        context.output().reply(&LS, call.await?.reply())
    }
}
