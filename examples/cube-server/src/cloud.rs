//! `cube-server cloud`, `cube-server keys` and `cube-server users`

use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Clock, SecretString};
use cube_sdk_server::cloud::{CloudService, CloudSettings};
use cube_sdk_server::metrics::Metrics;
#[cfg(feature = "dynamodb")]
use cube_sdk_server::store::CloudStore;

use crate::file::Absent;
use crate::kept::Kept;
#[cfg(feature = "dynamodb")]
use crate::kept::Tables;
use crate::say;
use crate::served::Served;
use crate::stop::Stop;

#[derive(Subcommand)]
pub(crate) enum Cloud {
    /// Serve cube-cloud until SIGINT or SIGTERM.
    Serve(Box<Serve>),
    /// Make the tables of DynamoDB; those that are there stay as they are.
    #[cfg(feature = "dynamodb")]
    CreateTables {
        /// `dynamodb://TABLE`: keys in that table, logins in `TABLE-sessions`.
        #[arg(long, value_name = "URL", value_parser = Tables::parse)]
        store: Tables,
    },
}

#[derive(Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    kept: Kept,
    /// Make the file if it is not there; in its default place it is made at the first start.
    #[arg(long)]
    create: bool,
    /// The settings, in YAML.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    #[command(flatten)]
    served: Served,
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
    #[command(flatten)]
    kept: Kept,
    /// Make the file if it is not there; in its default place it is made at the first start.
    #[arg(long)]
    create: bool,
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
    #[command(flatten)]
    kept: Kept,
    /// Only this owner's.
    #[arg(long)]
    owner: Option<String>,
}

#[derive(Args)]
pub(crate) struct Revoke {
    #[command(flatten)]
    kept: Kept,
    /// The key's id, from `keys list`.
    #[arg(required_unless_present = "owner", conflicts_with = "owner")]
    id: Option<String>,
    /// All of this owner's.
    #[arg(long)]
    owner: Option<String>,
}

#[derive(Subcommand)]
pub(crate) enum Users {
    /// Make a user who signs in with a password, or change one. The password is asked for, or is the first line of what is piped in.
    Add(AddUser),
}

#[derive(Args)]
pub(crate) struct AddUser {
    #[command(flatten)]
    kept: Kept,
    /// Make the file if it is not there; in its default place it is made at the first start.
    #[arg(long)]
    create: bool,
    /// Name or e-mail address.
    name: String,
    /// A group; repeat it in the order that counts.
    #[arg(long = "group")]
    groups: Vec<String>,
}

impl Cloud {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Serve(command) => command.run().await,
            #[cfg(feature = "dynamodb")]
            Self::CreateTables { store } => {
                CloudStore::create_dynamodb_tables(&store.keys, &store.sessions).await?;
                say(&format!("tables {} and {}", store.keys, store.sessions))
            }
        }
    }
}

impl Serve {
    async fn run(self) -> anyhow::Result<()> {
        let mut stop = Stop::new()?;
        let settings = CloudSettings::read(&self.config).await?;
        let (store, metrics) = (self.kept.open_to_begin(self.create).await?, Metrics::new());
        let service = CloudService::builder(store, settings).metrics(metrics.clone()).start()?;
        let serving = self.served.start(service.router(), &metrics).await?;
        stop.asked().await;
        let grace = serving.grace;
        // Answers need the database, which the service closes.
        serving.stop(&mut stop, || service.unready()).await;
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
        let store = self.kept.open_to_begin(self.create).await?;
        let life = self.days.map(|days| Duration::from_secs(u64::from(days) * 24 * 60 * 60));
        let key = store.create_key(&self.owner, &self.groups, &self.label, life, Clock::system()).await?;
        store.close().await;
        say(&format!("id        {}", key.id))?;
        say(&format!("api key   {}  (shown this once: only its hash is kept)", key.api_key.expose_secret()))
    }
}

impl Whose {
    async fn run(self) -> anyhow::Result<()> {
        let store = self.kept.open(Absent::Refuse).await?;
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
        let store = self.kept.open(Absent::Refuse).await?;
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
        let password = password()?;
        let store = command.kept.open_to_begin(command.create).await?;
        store.add_user(&command.name, &command.groups, password, Clock::system()).await?;
        store.close().await;
        say(&format!("user {} may sign in", command.name))
    }
}

/// From a prompt that shows nothing, twice; or the first line of what is piped in.
fn password() -> anyhow::Result<SecretString> {
    if std::io::stdin().is_terminal() {
        let first = SecretString::from(rpassword::prompt_password("Password: ")?);
        let again = SecretString::from(rpassword::prompt_password("Again: ")?);
        anyhow::ensure!(first.expose_secret() == again.expose_secret(), "the two passwords differ");
        return Ok(first);
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(SecretString::from(line.trim_end_matches(['\r', '\n']).to_owned()))
}
