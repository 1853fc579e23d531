//! The whole tour. Cube: sign in, environments, a plan, a tunnel, a chart. BYO storage: from a grant over a verified role
//! and a run that streams the model to an audit that is reconciled with CloudTrail, then one failure with its typed code and
//! fix.
//!
//! It plays on the embedded world, whatever the environment says. With `--endpoint-url` it plays the storage half against
//! another S3, STS and IAM.

mod customer;
mod drift;
mod narrator;
mod shown;
mod stage;
mod story;
mod tour;
#[cfg(test)]
mod trace;
mod witness;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use narrator::Narrator;
use stage::Stage;

/// Where the story plays.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// An S3, STS and IAM endpoint in place of the embedded one. Keys come from the environment, as for AWS's own tools.
    #[arg(long, requires_all = ["bucket", "key"])]
    endpoint_url: Option<String>,

    /// The bucket with the model.
    #[arg(long, requires = "endpoint_url")]
    bucket: Option<String>,

    /// The model's key.
    #[arg(long, requires = "endpoint_url")]
    key: Option<String>,

    /// The bucket's region.
    #[arg(long, default_value = "us-east-1")]
    region: String,

    /// The ARN that the role must trust: the one behind the keys in the environment.
    #[arg(long, requires = "endpoint_url")]
    principal_arn: Option<String>,

    /// A role that exists and whose trust policy you edit yourself when the story asks for it.
    #[arg(long, requires = "endpoint_url", conflicts_with = "admin_profile")]
    role_arn: Option<String>,

    /// A profile of the `aws` command whose user may make roles: the story then runs the commands that it prints.
    #[arg(long, requires = "endpoint_url")]
    admin_profile: Option<String>,

    /// A directory with CloudTrail log files, for the reconciliation.
    #[arg(long, requires = "endpoint_url")]
    cloudtrail: Option<PathBuf>,

    /// Ids and bytes of the embedded world, repeatable.
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "error,s3s=off".into()),
        )
        .init();
    let mut narrator = Narrator::stdout();
    match play(Arguments::parse(), &mut narrator).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            narrator.failed(&error);
            let kind = error.downcast_ref::<cube_sdk::Error>().map(|error| error.kind().exit_code());
            ExitCode::from(kind.unwrap_or(1))
        }
    }
}

async fn play(arguments: Arguments, narrator: &mut Narrator) -> anyhow::Result<()> {
    let stage = Stage::set(arguments, narrator).await?;
    let told = tell(&stage, narrator).await;
    stage.strike().await;
    told
}

async fn tell(stage: &Stage, narrator: &mut Narrator) -> anyhow::Result<()> {
    if let Some(world) = stage.world() {
        tour::tell(world, narrator).await?;
    }
    let grant = story::tell(stage, narrator).await?;
    drift::tell(stage, grant, narrator).await
}
