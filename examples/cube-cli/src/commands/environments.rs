//! `cube env`: environments, which are cubes as Apollo sees them.

use anyhow::Result;
use clap::{Args, Subcommand};
use clap_complete::ArgValueCandidates;

use crate::complete;
use crate::context::{Context, given};
use crate::output::{Column, View};

/// Environments: list, create, replicate, delete
#[derive(Subcommand)]
pub(crate) enum Environments {
    Ls(Ls),
    Create(Create),
    Replicate(Replicate),
    Delete(Delete),
    ResetAgents(ResetAgents),
}

pub(super) const LS: View = View::list(
    "env ls",
    "list_environments",
    "environments",
    &[
        Column("NAME", "/name"),
        Column("ACCREDITATION", "/accreditation"),
        Column("TEAMS", "/teams"),
        Column("ID", "/id"),
    ],
);
pub(super) const CREATE: View = View::text("env create", "create_environment");
pub(super) const REPLICATE: View = View::text("env replicate", "replicate_environment");
pub(super) const DELETE: View = View::text("env delete", "delete_environment");
pub(super) const RESET: View = View::text("env reset-agents", "reset_environment_agents");

/// List environments
#[derive(Args)]
#[command(after_help = "Examples:\n  cube env ls\n  cube env ls cube-7\n  cube env ls -o ndjson | jq -r .name")]
pub(crate) struct Ls {
    /// Only those with this in their name, in any case
    search: Option<String>,
}

/// Create an environment with Apollo's control plane on it
#[derive(Args)]
#[command(
    after_help = "Examples:\n  cube env create cube-90\n  cube env create cube-90 --accreditation PROD --dry-run"
)]
pub(crate) struct Create {
    /// Its name, which nothing else may have
    name: String,
    /// Accreditation level [default: DEV]
    #[arg(long)]
    accreditation: Option<String>,
    /// Only show what would be sent
    #[arg(long)]
    dry_run: bool,
}

/// Copy modules, entities and config of one environment into another
///
/// Values of secrets cannot be read: the report names them.
#[derive(Args)]
#[command(after_help = "Examples:\n  cube env replicate cube-7 cube-91\n  cube env replicate cube-7 cube-91 -o json")]
pub(crate) struct Replicate {
    /// The environment to copy
    #[arg(add = ArgValueCandidates::new(complete::environments))]
    source: String,
    /// The environment to fill; made where there is none
    target: String,
    /// Accreditation level of a target that is made [default: DEV]
    #[arg(long)]
    accreditation: Option<String>,
}

/// Open a change request that deletes an environment with all that is on it
#[derive(Args)]
#[command(after_help = "Examples:\n  cube env delete cube-90 --dry-run\n  cube env delete cube-90 --yes")]
pub(crate) struct Delete {
    /// The environment
    #[arg(add = ArgValueCandidates::new(complete::environments))]
    environment: String,
    /// Only show what would be sent
    #[arg(long)]
    dry_run: bool,
}

/// Reset every agent of an environment, so that all entities are looked at anew
#[derive(Args)]
#[command(after_help = "Examples:\n  cube env reset-agents cube-7 --dry-run\n  cube env reset-agents cube-7")]
pub(crate) struct ResetAgents {
    /// The environment
    #[arg(add = ArgValueCandidates::new(complete::environments))]
    environment: String,
    /// Only show what would be sent
    #[arg(long)]
    dry_run: bool,
}

impl Environments {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let cloud = context.cloud()?;
        match self {
            Self::Ls(Ls { search }) => {
                let call = given!(cloud.list_environments(), search = search);
                context.output().reply(&LS, call.await?.reply())
            }
            Self::Create(Create { name, accreditation, dry_run }) => {
                let call = given!(cloud.create_environment(name).dry_run(dry_run), accreditation = accreditation);
                context.call(&CREATE, call.stream()).await
            }
            Self::Replicate(Replicate { source, target, accreditation }) => {
                let call = given!(cloud.replicate_environment(source, target), accreditation = accreditation);
                context.call(&REPLICATE, call.stream()).await
            }
            Self::Delete(Delete { environment, dry_run }) => {
                context.confirm_unless(dry_run, "deletes the environment with all that is on it", &environment)?;
                context.call(&DELETE, cloud.delete_environment(environment).dry_run(dry_run).stream()).await
            }
            Self::ResetAgents(ResetAgents { environment, dry_run }) => {
                context.confirm_unless(dry_run, "interrupts every agent of the environment", &environment)?;
                context.call(&RESET, cloud.reset_environment_agents(environment).dry_run(dry_run).stream()).await
            }
        }
    }
}
