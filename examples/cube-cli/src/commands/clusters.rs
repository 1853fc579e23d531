//! `cube cluster`: Kubernetes clusters by way of cube-cloud.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use clap_complete::ArgValueCandidates;
use cube_render::clusters::LoggedIn;
use schemars::JsonSchema;
use serde::Serialize;

use crate::complete;
use crate::context::{Context, given};
use crate::output::{Column, View};

/// Kubernetes clusters: list, status, services, log in
#[derive(Subcommand)]
pub(crate) enum Clusters {
    Ls(Ls),
    Status(Status),
    Services(Services),
    Login(Login),
}

pub(super) const LS: View = View::list("cluster ls", "cube_list", "clusters", &[Column("CLUSTER", "")]);
pub(super) const STATUS: View = View::list(
    "cluster status",
    "cube_status",
    "nodes",
    &[
        Column("NODE", "/name"),
        Column("READY", "/ready"),
        Column("VERSION", "/version"),
        Column("CPU", "/cpu"),
        Column("MEMORY", "/memory"),
        Column("PODS", "/pods"),
        Column("PROBLEMS", "/problems"),
    ],
);
pub(super) const SERVICES: View = View::list(
    "cluster services",
    "list_services",
    "services",
    &[
        Column("NAMESPACE", "/namespace"),
        Column("SERVICE", "/name"),
        Column("PORT", "/port"),
        Column("ADDRESS", "/app_uri"),
    ],
);

/// List the clusters that you may see
#[derive(Args)]
#[command(after_help = "Examples:\n  cube cluster ls\n  cube cluster ls -o ndjson")]
pub(crate) struct Ls {}

/// Show the nodes of a cluster
#[derive(Args)]
#[command(after_help = "Examples:\n  cube cluster status cube-7\n  cube cluster status cube-7 --watch 10")]
pub(crate) struct Status {
    /// The cluster
    #[arg(add = ArgValueCandidates::new(complete::clusters))]
    cluster: String,
    /// Show it anew when it changes, asked every so many seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "5")]
    watch: Option<u64>,
}

/// List the Services of a cluster with their in-cluster addresses
#[derive(Args)]
#[command(
    after_help = "Examples:\n  cube cluster services cube-7\n  cube cluster services cube-7 --namespace kube-system"
)]
pub(crate) struct Services {
    /// The cluster
    #[arg(add = ArgValueCandidates::new(complete::clusters))]
    cluster: String,
    /// Only this namespace, one of the system's too
    #[arg(long, short)]
    namespace: Option<String>,
}

/// Put the credentials of a cluster into your kubeconfig
///
/// Entries of the same names are replaced, everything else stays byte for byte; what could not be kept is refused
/// unless --accept-losses is given.
#[derive(Args)]
#[command(after_help = "Examples:\n  cube cluster login cube-7\n  cube cluster login cube-7 --dry-run\n  \
                        KUBECONFIG=./cube-7.yaml cube cluster login cube-7")]
pub(crate) struct Login {
    /// The cluster
    #[arg(add = ArgValueCandidates::new(complete::clusters))]
    cluster: String,
    /// Keep the old text of each file that is changed beside it
    #[arg(long)]
    backup: bool,
    /// Leave the current context as it is
    #[arg(long)]
    keep_context: bool,
    /// Go on though comments or unknown fields would be lost
    #[arg(long)]
    accept_losses: bool,
    /// Only tell what would be changed
    #[arg(long)]
    dry_run: bool,
}

/// What a login would change.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Planned {
    /// The cluster.
    cluster: String,
    /// The files that would be changed.
    files: Vec<String>,
    /// What of them would not be kept.
    losses: Vec<String>,
}

impl Login {
    async fn run(self, context: &Context) -> Result<()> {
        let kube = context.cube().kube()?;
        let credentials = kube.credentials(self.cluster).await?;
        let merge = kube.merge(&credentials)?;
        let merge = if self.backup { merge.backup() } else { merge };
        let merge = if self.keep_context { merge.keep_context() } else { merge };
        let merge = if self.accept_losses { merge.accept_losses() } else { merge };
        let paths = |paths: Vec<PathBuf>| paths.iter().map(|path| path.display().to_string()).collect();
        let cluster = credentials.cluster;
        if self.dry_run {
            let plan = merge.plan().await?;
            let planned = Planned { cluster, files: paths(plan.files), losses: plan.losses };
            return context.output().show("cluster login plan", &planned, || planned.text());
        }
        let merged = merge.await?;
        let done = LoggedIn {
            cluster,
            context: merged.context,
            files: paths(merged.files),
            backups: paths(merged.backups),
            losses: merged.losses,
            expires_at: credentials.expires_at,
        };
        context.output().view("cluster login", &done)
    }
}

impl Planned {
    fn text(&self) -> String {
        let mut lines = vec!["Nothing was done. This would be changed:".to_owned()];
        lines.extend(self.files.clone());
        lines.extend(self.losses.iter().map(|loss| format!("not kept: {loss}")));
        lines.join("\n")
    }
}

impl Clusters {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let cloud = context.cloud()?;
        match self {
            Self::Ls(Ls {}) => context.output().reply(&LS, cloud.cube_list().await?.reply()),
            Self::Status(Status { cluster, watch }) => {
                let ask = || async { Ok(cloud.cube_status(&cluster).await?.reply().clone()) };
                context.read(&STATUS, watch, ask).await
            }
            Self::Services(Services { cluster, namespace }) => {
                let call = given!(cloud.list_services(cluster), namespace = namespace);
                context.output().reply(&SERVICES, call.await?.reply())
            }
            Self::Login(command) => command.run(context).await,
        }
    }
}
