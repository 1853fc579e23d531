//! `cube channel`: release channels.

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::context::{Context, given};
use crate::output::{Column, View};

/// Release channels: list, add a release, remove a release
#[derive(Subcommand)]
pub(crate) enum Channels {
    Ls(Ls),
    Add(Add),
    Remove(Remove),
}

pub(super) const LS: View = View::list(
    "channel ls",
    "list_release_channels",
    "channels",
    &[Column("NAME", "/name"), Column("DESCRIPTION", "/description"), Column("RID", "/rid")],
);
pub(super) const ADD: View = View::text("channel add", "add_product_to_release_channel");
pub(super) const REMOVE: View = View::text("channel remove", "remove_product_from_release_channel");

/// List release channels
#[derive(Args)]
#[command(after_help = "Examples:\n  cube channel ls\n  cube channel ls prod --all")]
pub(crate) struct Ls {
    /// Only those with this in their name, in any case
    search: Option<String>,
    /// Those of single environments too
    #[arg(long)]
    all: bool,
}

/// A release and channels.
#[derive(Args)]
pub(crate) struct Release {
    /// The product, `group:artifact`
    product: String,
    /// The release's version
    #[arg(value_name = "VERSION")]
    release: String,
    /// The channels
    #[arg(required = true)]
    channels: Vec<String>,
    /// Why
    #[arg(long)]
    rationale: Option<String>,
    /// Only show what would be sent
    #[arg(long)]
    dry_run: bool,
}

/// Add a release to release channels
#[derive(Args)]
#[command(
    after_help = "Examples:\n  cube channel add com.example:mosquitto 2.0.1 BETA STABLE --rationale 'soaked a week'"
)]
pub(crate) struct Add {
    #[command(flatten)]
    release: Release,
}

/// Take a release out of release channels
#[derive(Args)]
#[command(after_help = "Examples:\n  cube channel remove com.example:mosquitto 2.0.1 STABLE --rationale 'leaks'")]
pub(crate) struct Remove {
    #[command(flatten)]
    release: Release,
}

impl Channels {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let cloud = context.cloud()?;
        match self {
            Self::Ls(Ls { search, all }) => {
                let all = all.then_some(true);
                let call = given!(cloud.list_release_channels(), search = search, include_env_specific = all);
                context.output().reply(&LS, call.await?.reply())
            }
            Self::Add(Add { release: Release { product, release, channels, rationale, dry_run } }) => {
                let call = cloud.add_product_to_release_channel(product, release, channels).dry_run(dry_run);
                context.call(&ADD, given!(call, rationale = rationale).stream()).await
            }
            Self::Remove(Remove { release: Release { product, release, channels, rationale, dry_run } }) => {
                context.confirm_unless(dry_run, "takes the release out of its channels", &product)?;
                let call = cloud.remove_product_from_release_channel(product, release, channels).dry_run(dry_run);
                context.call(&REMOVE, given!(call, rationale = rationale).stream()).await
            }
        }
    }
}
