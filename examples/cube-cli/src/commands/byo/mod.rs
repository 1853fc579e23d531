//! `cube byo`: model storage that customers bring, by way of EdgeGate.

mod artifact;
mod audit;
mod grant;
mod read;
mod shown;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use cube_sdk::byo::rest::Byo;

use crate::context::Context;

pub(super) use audit::Compared;
pub(super) use read::ReadDone;
pub(super) use shown::RoleShown;

/// Bring-your-own storage: a customer's bucket, its role, its models, its audit
#[derive(Subcommand)]
pub(crate) enum ByoCommands {
    Setup(grant::Setup),
    Attach(grant::Attach),
    Check(grant::Check),
    Rotate(grant::Rotate),
    Disconnect(grant::Disconnect),
    Register(artifact::Register),
    Read(read::Read),
    Audit(audit::Audit),
    Reconcile(audit::Reconcile),
}

/// Which workspace.
#[derive(Args)]
pub(crate) struct Workspace {
    /// The EdgeGate workspace, a UUID
    #[arg(long, env = "EDGEGATE_WORKSPACE_ID", value_name = "UUID", hide_env_values = true)]
    workspace: String,
}

impl Workspace {
    fn byo(&self, context: &Context) -> Result<Byo> {
        Ok(context.cube().edgegate()?.workspace(&self.workspace).byo())
    }
}

impl ByoCommands {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode> {
        match self {
            Self::Setup(command) => command.run(context).await?,
            Self::Attach(command) => return command.run(context).await,
            Self::Check(command) => return command.run(context).await,
            Self::Rotate(command) => command.run(context).await?,
            Self::Disconnect(command) => command.run(context).await?,
            Self::Register(command) => command.run(context).await?,
            Self::Read(command) => command.run(context).await?,
            Self::Audit(command) => command.run(context).await?,
            Self::Reconcile(command) => return command.run(context).await,
        }
        Ok(ExitCode::SUCCESS)
    }
}
