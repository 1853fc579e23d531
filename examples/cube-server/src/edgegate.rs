//! `cube-server edgegate`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use cube_sdk_byo::Storage;
use cube_sdk_core::Clock;
use cube_sdk_core::config::Environment;
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_server::edgegate::{EdgeGateService, OperatorSettings};
use cube_sdk_server::metrics::Metrics;
use cube_sdk_server::store::{Plan, Role, Store};

use crate::say;
use crate::served::Served;
use crate::stop::Stop;

#[derive(Subcommand)]
pub(crate) enum EdgeGate {
    /// Make a workspace, its owner and one API key, which is printed this once.
    Init(Init),
    /// Make someone a member of a workspace, and print a key for them.
    Member(Member),
    /// Move a workspace to another plan.
    Plan(SetPlan),
    /// Serve the database until SIGINT or SIGTERM.
    Serve(Serve),
}

#[derive(Args)]
pub(crate) struct Init {
    /// The database; made if absent.
    #[arg(long, value_name = "FILE")]
    db: PathBuf,
    /// Name of the workspace.
    #[arg(long, default_value = "Default")]
    name: String,
    /// E-mail address of its owner.
    #[arg(long, default_value = "owner@localhost")]
    owner: String,
    /// Its plan: free, pro, team or enterprise.
    #[arg(long, default_value = "enterprise")]
    plan: Plan,
}

#[derive(Args)]
pub(crate) struct Member {
    #[arg(long, value_name = "FILE")]
    db: PathBuf,
    /// The workspace's id.
    #[arg(long)]
    workspace: String,
    /// The member's e-mail address.
    #[arg(long)]
    email: String,
    /// owner, admin or viewer.
    #[arg(long)]
    role: Role,
}

#[derive(Args)]
pub(crate) struct SetPlan {
    #[arg(long, value_name = "FILE")]
    db: PathBuf,
    /// The workspace's id.
    #[arg(long)]
    workspace: String,
    /// free, pro, team or enterprise.
    #[arg(long)]
    plan: Plan,
}

#[derive(Args)]
pub(crate) struct Serve {
    /// The database; made if absent.
    #[arg(long, value_name = "FILE")]
    db: PathBuf,
    /// Name of this host in audit rows; default: the system's.
    #[arg(long)]
    hostname: Option<String>,
    #[command(flatten)]
    served: Served,
}

impl EdgeGate {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Init(command) => command.run().await,
            Self::Member(command) => command.run().await,
            Self::Plan(command) => command.run().await,
            Self::Serve(command) => command.run().await,
        }
    }
}

impl Init {
    async fn run(self) -> anyhow::Result<()> {
        let store = Store::open(&self.db).await?;
        let made = store.create_workspace(&self.name, self.plan, &self.owner, Clock::system()).await?;
        store.close().await;
        say(&format!("workspace {}", made.id))?;
        say(&format!("api key   {}  (shown this once: only its hash is kept)", made.api_key.expose_secret()))
    }
}

impl Member {
    async fn run(self) -> anyhow::Result<()> {
        let store = Store::open(&self.db).await?;
        let key = store.add_member(&self.workspace, &self.email, self.role, Clock::system()).await?;
        store.close().await;
        say(&format!("api key   {}  (shown this once: only its hash is kept)", key.expose_secret()))
    }
}

impl SetPlan {
    async fn run(self) -> anyhow::Result<()> {
        let store = Store::open(&self.db).await?;
        store.set_plan(&self.workspace, self.plan).await?;
        store.close().await;
        Ok(())
    }
}

impl Serve {
    async fn run(self) -> anyhow::Result<()> {
        let mut stop = Stop::new()?;
        let settings = OperatorSettings::from_env(&Environment::process())?;
        // Keys and endpoints of AWS are found as AWS's own tools find them.
        let storage = Storage::builder().build()?;
        let store = Store::open(&self.db).await?;
        let mut service = EdgeGateService::builder(store, storage).settings(settings);
        if let Some(name) = self.hostname.or_else(system_hostname) {
            service = service.hostname(name);
        }
        let metrics = Metrics::new();
        let service = service.metrics(metrics.clone()).start().await?;
        let serving = self.served.start(service.router(), &metrics).await?;
        stop.asked().await;
        let grace = serving.grace;
        serving.stop(&mut stop, || service.unready()).await;
        service.shutdown(grace).await;
        Ok(())
    }
}

fn system_hostname() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}
