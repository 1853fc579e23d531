//! `publish-chart CHART --registry HOST:PORT [--plain-http] [--repository R] [--user U --password-stdin | --token-stdin]`:
//! packs a chart and pushes it, then prints one JSON line that says where it is.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the result goes to stdout, warnings to stderr")]

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;
use cube_sdk::SecretString;
use cube_sdk::apollo::publish::{Chart, DEFAULT_GROUP, Registry, RegistryHost, Repository};
use cube_sdk::core::transport::RootCertificates;
use snippets::program;

/// Packs a chart and pushes it to an OCI registry
#[derive(Parser)]
#[command(name = "publish-chart", version)]
struct Arguments {
    /// The chart's folder, or its Chart.yaml.
    chart: PathBuf,
    /// The registry: host or host:port.
    #[arg(long)]
    registry: RegistryHost,
    /// Go by http:// instead of https://: to this machine only.
    #[arg(long)]
    plain_http: bool,
    /// The repository, the chart's own name included. Default: charts/com.edgescaleai-cube/NAME.
    #[arg(long)]
    repository: Option<Repository>,
    /// The user, whose password is read from standard input. Default: what docker and helm know.
    #[arg(long, requires = "password_stdin")]
    user: Option<String>,
    /// Read the user's password from standard input.
    #[arg(long, requires = "user")]
    password_stdin: bool,
    /// Read a bearer token from standard input.
    #[arg(long, conflicts_with = "user")]
    token_stdin: bool,
    /// Move the tag where it names something else.
    #[arg(long)]
    overwrite: bool,
    /// Compare what the registry holds afterwards with what was packed.
    #[arg(long)]
    verify: bool,
    /// Certificate authorities (PEM) to trust beyond the system's.
    #[arg(long)]
    ca: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    program::run("publish-chart", publish(arguments)).await
}

/// A secret on standard input, without the line's end.
fn secret() -> Result<SecretString> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("reading standard input")?;
    let text = SecretString::from(text);
    Ok(SecretString::from(cube_sdk::core::secret::ExposeSecret::expose_secret(&text).trim_end_matches(['\r', '\n'])))
}

async fn publish(arguments: Arguments) -> Result<()> {
    let mut builder = Registry::builder(arguments.registry);
    if arguments.plain_http {
        builder = builder.plain_http();
    }
    if let Some(path) = arguments.ca {
        builder = builder.extra_ca(RootCertificates::from_file(&path)?);
    }
    builder = match arguments.user {
        Some(user) => builder.user(user, secret()?),
        None if arguments.token_stdin => builder.token(secret()?),
        None => builder,
    };
    let registry = builder.build()?;
    let chart = Chart::find(Some(&arguments.chart))?;
    let repository = match arguments.repository {
        Some(repository) => repository,
        None => Repository::parse("charts")?.child(DEFAULT_GROUP)?.child(chart.name().as_str())?,
    };
    let contents = chart.contents()?;
    for warning in contents.warnings() {
        eprintln!("warning: {warning}");
    }
    let folder = tempfile::tempdir()?;
    let package = contents.package(folder.path())?;
    let push = registry.push_chart(&repository, &package);
    let pushed = if arguments.overwrite { push.overwrite() } else { push }.await?;
    if arguments.verify {
        registry.verify_chart(&repository, &package).await?;
    }
    println!("{}", serde_json::to_string(&pushed)?);
    Ok(())
}
