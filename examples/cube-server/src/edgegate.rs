//! `cube-server edgegate`

use clap::{Args, Subcommand};
use cube_sdk_byo::Storage;
use cube_sdk_core::Clock;
use cube_sdk_core::config::Environment;
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_server::edgegate::settings::ACCOUNT_ID;
use cube_sdk_server::edgegate::{EdgeGateService, OperatorSettings, WorkspaceLimits};
use cube_sdk_server::metrics::Metrics;
use cube_sdk_server::store::{Plan, Role};

use crate::database::Database;
use crate::doctor::Doctor;
use crate::file::Absent;
use crate::moving::{ExportAudit, MigrateDb};
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
    Serve(Box<Serve>),
    /// Check what the service needs, and say what to do where it lacks.
    Doctor(Doctor),
    /// Copy a file into an empty database of PostgreSQL, row by row compared.
    MigrateDb(MigrateDb),
    /// Write old months of the audit to files, then detach them from PostgreSQL.
    ExportAudit(ExportAudit),
}

#[derive(Args)]
pub(crate) struct Init {
    /// A file that is not there is made.
    #[command(flatten)]
    database: Database,
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
    #[command(flatten)]
    database: Database,
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
    #[command(flatten)]
    database: Database,
    /// The workspace's id.
    #[arg(long)]
    workspace: String,
    /// free, pro, team or enterprise.
    #[arg(long)]
    plan: Plan,
}

#[derive(Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    database: Database,
    /// Make the file if it is not there; in its default place it is made at the first start.
    #[arg(long)]
    create: bool,
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
            Self::Doctor(command) => command.run().await,
            Self::MigrateDb(command) => command.run().await,
            Self::ExportAudit(command) => command.run().await,
        }
    }
}

impl Init {
    async fn run(self) -> anyhow::Result<()> {
        let store = self.database.open(Absent::Make).await?;
        let made = store.create_workspace(&self.name, self.plan, &self.owner, Clock::system()).await?;
        store.close().await;
        say(&format!("workspace {}", made.id))?;
        say(&format!("api key   {}  (shown this once: only its hash is kept)", made.api_key.expose_secret()))
    }
}

impl Member {
    async fn run(self) -> anyhow::Result<()> {
        let store = self.database.open(Absent::Refuse).await?;
        let key = store.add_member(&self.workspace, &self.email, self.role, Clock::system()).await?;
        store.close().await;
        say(&format!("api key   {}  (shown this once: only its hash is kept)", key.expose_secret()))
    }
}

impl SetPlan {
    async fn run(self) -> anyhow::Result<()> {
        let store = self.database.open(Absent::Refuse).await?;
        store.set_plan(&self.workspace, self.plan).await?;
        store.close().await;
        Ok(())
    }
}

impl Serve {
    async fn run(self) -> anyhow::Result<()> {
        let mut stop = Stop::new()?;
        let environment = Environment::process();
        let settings = OperatorSettings::from_env(&environment)?;
        if !settings.names_account() {
            tracing::warn!(
                "{} is not set: customers are shown a placeholder where their trust policies need the account",
                ACCOUNT_ID.env
            );
        }
        let limits = WorkspaceLimits::from_env(&environment)?;
        // Keys and endpoints of AWS are found as AWS's own tools find them.
        let storage = Storage::builder().build()?;
        let store = self.database.open_to_serve(self.create).await?;
        let mut service = EdgeGateService::builder(store, storage).settings(settings).limits(limits);
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
