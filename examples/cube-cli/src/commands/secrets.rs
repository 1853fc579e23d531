//! `cube secret`: secrets of entities. Their values come from a prompt or standard input, never from the command line.

use anyhow::Result;
use clap::{Args, Subcommand};
use clap_complete::ArgValueCandidates;

use crate::context::{Context, given};
use crate::output::View;
use crate::{ask, complete};

/// Secrets of entities: create, update
#[derive(Subcommand)]
pub(crate) enum Secrets {
    Create(Create),
    Update(Update),
}

pub(super) const CREATE: View = View::text("secret create", "create_secret");
pub(super) const UPDATE: View = View::text("secret update", "update_secret");

/// Which secret.
#[derive(Args)]
pub(crate) struct Place {
    /// The environment
    #[arg(add = ArgValueCandidates::new(complete::environments))]
    environment: String,
    /// The entity
    entity: String,
    /// The secret
    secret: String,
    /// What it is for
    #[arg(long)]
    description: Option<String>,
    /// Only show what would be sent, values masked
    #[arg(long)]
    dry_run: bool,
}

/// Make a secret for an entity
///
/// Without --key it has one value, under its own name: asked for at a terminal, else all of standard input. With
/// --key each is asked for, or standard input is one JSON object of texts.
#[derive(Args)]
#[command(after_help = "Examples:\n  cube secret create cube-7 mosquitto admin\n  \
                        cube secret create cube-7 mosquitto admin < password.txt\n  \
                        cube secret create cube-7 mosquitto tls --key crt --key key < tls.json")]
pub(crate) struct Create {
    #[command(flatten)]
    place: Place,
    /// A key that gets a value of its own
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<String>,
}

/// Overwrite a value of a secret
#[derive(Args)]
#[command(after_help = "Examples:\n  cube secret update cube-7 mosquitto admin\n  \
                        cube secret update cube-7 mosquitto tls --key crt --yes < new.crt")]
pub(crate) struct Update {
    #[command(flatten)]
    place: Place,
    /// The key to set [default: the one that is called like the secret]
    #[arg(long)]
    key: Option<String>,
}

impl Secrets {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let cloud = context.cloud()?;
        match self {
            Self::Create(Create { place: Place { environment, entity, secret, description, dry_run }, keys }) => {
                let call = cloud.create_secret(environment, entity, &secret).dry_run(dry_run);
                let call = given!(call, description = description);
                let call = match keys.as_slice() {
                    [] => call.secret_value(ask::secret(&secret)?),
                    keys => call.secret_keys(ask::secrets(keys)?),
                };
                context.call(&CREATE, call.stream()).await
            }
            Self::Update(Update { place: Place { environment, entity, secret, description, dry_run }, key }) => {
                context.confirm_unless(dry_run, "overwrites a value of the secret", &secret)?;
                let call = cloud.update_secret(environment, entity, &secret).dry_run(dry_run);
                let call = given!(call, description = description);
                let call = match key {
                    Some(key) => {
                        let value = ask::secret(&key)?;
                        call.secret_key(key).secret_key_value(value)
                    }
                    None => call.secret_value(ask::secret(&secret)?),
                };
                context.call(&UPDATE, call.stream()).await
            }
        }
    }
}
