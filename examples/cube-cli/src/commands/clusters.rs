//! `cube cluster`: Kubernetes clusters by way of cube-cloud.

use anyhow::Result;
use clap::{Args, Subcommand};
use clap_complete::ArgValueCandidates;
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
/// Entries of the same names are replaced, everything else stays byte for byte; what could not be kept is refused unless
/// --accept-losses is given.
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

/// A kubeconfig that was merged, or would be.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Merged {
    cluster: String,
    /// The files that were changed, or would be.
    files: Vec<String>,
    /// Where their old text is.
    backups: Vec<String>,
    /// The context of the new entries; none in a dry run.
    context: Option<String>,
    /// What was not kept, or would not be.
    losses: Vec<String>,
    /// When the credentials end: RFC 3339, or `unknown`.
    expires_at: String,
    dry_run: bool,
}

impl Login {
    async fn run(self, context: &Context) -> Result<()> {
        let kube = context.cube().kube()?;
        let credentials = kube.credentials(self.cluster).await?;
        let merge = kube.merge(&credentials)?;
        let merge = if self.backup { merge.backup() } else { merge };
        let merge = if self.keep_context { merge.keep_context() } else { merge };
        let merge = if self.accept_losses { merge.accept_losses() } else { merge };
        let paths = |paths: Vec<std::path::PathBuf>| paths.iter().map(|path| path.display().to_string()).collect();
        let (files, backups, named, losses) = if self.dry_run {
            let plan = merge.plan().await?;
            (plan.files, Vec::new(), None, plan.losses)
        } else {
            let merged = merge.await?;
            (merged.files, merged.backups, Some(merged.context), merged.losses)
        };
        let shown = Merged {
            cluster: credentials.cluster,
            files: paths(files),
            backups: paths(backups),
            context: named,
            losses,
            expires_at: credentials.expires_at,
            dry_run: self.dry_run,
        };
        context.output().show("cluster login", &shown, || shown.text())
    }
}

impl Merged {
    fn text(&self) -> String {
        let files = if self.files.is_empty() { "nothing".to_owned() } else { self.files.join(", ") };
        let mut text = match &self.context {
            Some(named) => format!("Changed: {files}\nThe context {named} lasts until {}.\n", self.expires_at),
            None => format!("Would change: {files}\n"),
        };
        self.backups.iter().for_each(|path| text += &format!("The old text is in {path}.\n"));
        self.losses.iter().for_each(|loss| text += &format!("not kept: {loss}\n"));
        if let Some(named) = &self.context {
            text += &format!("Try: kubectl --context {named} get nodes\n");
        }
        text
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
