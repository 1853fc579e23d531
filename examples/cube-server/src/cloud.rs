//! `cube-server cloud`, `cube-server keys` and `cube-server users`

use std::io::BufRead;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Clock, SecretString};
use cube_sdk_server::cloud::{CloudService, CloudSettings};
use cube_sdk_server::listener::Listener;
use cube_sdk_server::store::Store;

use crate::connections::Connections;
use crate::say;
use crate::stop::Stop;

#[derive(Subcommand)]
pub(crate) enum Cloud {
    /// Serve cube-cloud until SIGINT or SIGTERM.
    Serve(Serve),
}

#[derive(Args)]
pub(crate) struct Serve {
    /// The database; made if absent.
    #[arg(long, value_name = "FILE")]
    db: PathBuf,
    /// The settings, in YAML.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Where to listen. Put a TLS terminator in front of anything but loopback.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    #[command(flatten)]
    limits: Connections,
    /// Seconds that answers and tunnels in progress may take after a signal.
    #[arg(long, default_value_t = 30)]
    grace: u64,
}

#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Make a key, which is printed this once.
    Create(Create),
    /// List keys, newest first.
    List(Whose),
    /// Revoke a key, or all of an owner's.
    Revoke(Revoke),
}

#[derive(Args)]
pub(crate) struct Create {
    /// The database; made if absent.
    #[arg(long, value_name = "FILE")]
    db: PathBuf,
    /// Whom it belongs to.
    #[arg(long)]
    owner: String,
    /// A group of an owner who is new; repeat it in the order that counts.
    #[arg(long = "group")]
    groups: Vec<String>,
    /// What it is for.
    #[arg(long, default_value = "")]
    label: String,
    /// Days until it ends; without it, it does not.
    #[arg(long)]
    days: Option<u32>,
}

#[derive(Args)]
pub(crate) struct Whose {
    #[arg(long, value_name = "FILE")]
    db: PathBuf,
    /// Only this owner's.
    #[arg(long)]
    owner: Option<String>,
}

#[derive(Args)]
pub(crate) struct Revoke {
    #[arg(long, value_name = "FILE")]
    db: PathBuf,
    /// The key's id, from `keys list`.
    #[arg(required_unless_present = "owner", conflicts_with = "owner")]
    id: Option<String>,
    /// All of this owner's.
    #[arg(long)]
    owner: Option<String>,
}

#[derive(Subcommand)]
pub(crate) enum Users {
    /// Make a user who signs in with a password, or change one. The password is the first line of stdin.
    Add(AddUser),
}

#[derive(Args)]
pub(crate) struct AddUser {
    #[arg(long, value_name = "FILE")]
    db: PathBuf,
    /// Name or e-mail address.
    name: String,
    /// A group; repeat it in the order that counts.
    #[arg(long = "group")]
    groups: Vec<String>,
}

impl Cloud {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let Self::Serve(command) = self;
        let mut stop = Stop::new()?;
        let settings = CloudSettings::read(&command.config).await?;
        let store = Store::open(&command.db).await?;
        let service = CloudService::builder(store, settings).start()?;
        let listener = Listener::bind_with(command.listen, service.router(), command.limits.limits()).await?;
        if !command.listen.ip().is_loopback() {
            tracing::warn!("serving plain HTTP on {}: put a TLS terminator in front", listener.address());
        }
        say(&format!("listening {}", listener.address()))?;
        stop.asked().await;
        let grace = Duration::from_secs(command.grace);
        // Answers need the database, which the service closes.
        listener.shutdown(grace).await;
        service.shutdown(grace).await;
        Ok(())
    }
}

impl Keys {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Create(command) => command.run().await,
            Self::List(command) => command.run().await,
            Self::Revoke(command) => command.run().await,
        }
    }
}

impl Create {
    async fn run(self) -> anyhow::Result<()> {
        let store = Store::open(&self.db).await?;
        let life = self.days.map(|days| Duration::from_secs(u64::from(days) * 24 * 60 * 60));
        let key = store.create_key(&self.owner, &self.groups, &self.label, life, Clock::system()).await?;
        store.close().await;
        say(&format!("id        {}", key.id))?;
        say(&format!("api key   {}  (shown this once: only its hash is kept)", key.api_key.expose_secret()))
    }
}

impl Whose {
    async fn run(self) -> anyhow::Result<()> {
        let store = Store::open(&self.db).await?;
        let keys = store.list_keys(self.owner.as_deref()).await?;
        store.close().await;
        let time =
            |time: Option<cube_sdk_core::Timestamp>| time.map_or_else(|| "-".to_owned(), |time| time.to_string());
        for key in keys {
            let (ends, revoked, used) = (time(key.expires_at), time(key.revoked_at), time(key.last_used_at));
            let groups = key.groups.join(",");
            say(&format!(
                "{}  {}  owner {}  groups {groups}  ends {ends}  revoked {revoked}  used {used}  {}",
                key.id, key.prefix, key.owner, key.label
            ))?;
        }
        Ok(())
    }
}

impl Revoke {
    async fn run(self) -> anyhow::Result<()> {
        let store = Store::open(&self.db).await?;
        let revoked = match (self.id, self.owner) {
            (Some(id), _) => store.revoke_key_by_id(&id, Clock::system()).await.map(|()| 1)?,
            (None, owner) => store.revoke_keys_of(&owner.unwrap_or_default(), Clock::system()).await?,
        };
        store.close().await;
        say(&format!("revoked {revoked}"))
    }
}

impl Users {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let Self::Add(command) = self;
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        let password = SecretString::from(line.trim_end_matches(['\r', '\n']).to_owned());
        let store = Store::open(&command.db).await?;
        store.add_user(&command.name, &command.groups, password, Clock::system()).await?;
        store.close().await;
        say(&format!("user {} may sign in", command.name))
    }
}
