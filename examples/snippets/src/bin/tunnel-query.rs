//! `tunnel-query --url ws(s)://HOST/tunnel --app NAME --user U --token-file F 'SELECT …'`: asks a PostgreSQL behind a
//! relay, over a stream of the tunnel within this process. There is no local port that others could use.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;
use cube_sdk_core::SecretString;
use cube_sdk_core::config::is_loopback;
use cube_sdk_core::secret::ExposeSecret as _;
use cube_sdk_core::transport::RootCertificates;
use cube_sdk_teleport::{KeyFile, Tunnels};
use snippets::program;
use snippets::tunnel_key::{Key, KeyArguments};
use tokio_postgres::{NoTls, SimpleQueryMessage};

/// Asks a PostgreSQL behind a tunnel relay, without a local port
#[derive(Parser)]
#[command(name = "tunnel-query", version)]
struct Arguments {
    /// The relay, such as wss://cube.example/tunnel.
    #[arg(long)]
    url: url::Url,
    /// The app to reach.
    #[arg(long)]
    app: String,
    #[command(flatten)]
    key: KeyArguments,
    /// Certificate authorities (PEM) to trust beyond the system's.
    #[arg(long)]
    ca: Option<PathBuf>,
    /// The database's user; its password is read from PGPASSWORD.
    #[arg(long, default_value = "postgres")]
    user: String,
    /// The database; that of the user's name if not given.
    #[arg(long)]
    database: Option<String>,
    /// What to ask.
    statement: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    program::run("tunnel-query", query(arguments)).await
}

async fn query(arguments: Arguments) -> Result<()> {
    let loopback = arguments.url.host_str().is_some_and(is_loopback);
    let mut builder = Tunnels::builder().url(arguments.url);
    builder = match arguments.key.read(loopback)? {
        Key::File(path) => builder.key_source(KeyFile::new(path)),
        Key::Text(key) => builder.key(SecretString::from(key)),
    };
    if let Some(path) = arguments.ca {
        builder = builder.extra_ca(RootCertificates::from_file(&path)?);
    }
    let tunnel = builder.build()?.open(arguments.app).await?;

    let mut config = tokio_postgres::Config::new();
    config.dbname(arguments.database.as_deref().unwrap_or(&arguments.user)).user(&arguments.user);
    if let Ok(password) = std::env::var("PGPASSWORD") {
        config.password(SecretString::from(password).expose_secret());
    }
    let (client, connection) = config.connect_raw(tunnel.connect().await?, NoTls).await.context("the database")?;
    let answer = async {
        let rows = client.simple_query(&arguments.statement).await.context("the statement")?;
        drop(client);
        anyhow::Ok(rows)
    };
    let (rows, ended) = tokio::join!(answer, connection);
    for message in rows? {
        if let SimpleQueryMessage::Row(row) = message {
            let cells: Vec<_> = (0..row.len()).map(|at| row.get(at).unwrap_or_default()).collect();
            program::say(&cells.join("\t"))?;
        }
    }
    ended.context("the connection to the database")
}
