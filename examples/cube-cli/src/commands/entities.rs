//! `cube entity`: what is installed on an environment.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use clap_complete::ArgValueCandidates;

use crate::context::{Context, given};
use crate::output::View;
use crate::{complete, inputs};

/// Entities, which are installed charts: health, install, configure, uninstall
#[derive(Subcommand)]
pub(crate) enum Entities {
    Health(Health),
    Install(Install),
    Configure(Configure),
    Enforce(Enforce),
    Uninstall(Uninstall),
}

pub(super) const HEALTH: View = View::text("entity health", "entity_health");
pub(super) const INSTALL: View = View::text("entity install", "install_entity");
pub(super) const CONFIGURE: View = View::text("entity configure", "update_entity_config");
pub(super) const ENFORCE: View = View::text("entity enforce", "enforce_entity_config");
pub(super) const UNINSTALL: View = View::text("entity uninstall", "uninstall_entity");

/// Where an entity is.
#[derive(Args)]
pub(crate) struct Place {
    /// The environment
    #[arg(add = ArgValueCandidates::new(complete::environments))]
    environment: String,
    /// The entity
    entity: String,
    /// Only show what would be sent
    #[arg(long)]
    dry_run: bool,
}

/// Show health, rollout, config and plans of the entities of an environment
#[derive(Args)]
#[command(after_help = "Examples:\n  cube entity health cube-7\n  cube entity health cube-7 mosquitto --watch 5")]
pub(crate) struct Health {
    /// The environment
    #[arg(add = ArgValueCandidates::new(complete::environments))]
    environment: String,
    /// Only entities with this in their name
    entity: Option<String>,
    /// Show it anew when it changes, asked every so many seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "5")]
    watch: Option<u64>,
}

/// Open a change request that installs a chart as an entity
#[derive(Args)]
#[command(after_help = "Examples:\n  cube entity install cube-7 mosquitto com.example:mosquitto --namespace mqtt\n  \
                        cube entity install cube-7 mosquitto com.example:mosquitto --config values.json --dry-run")]
pub(crate) struct Install {
    #[command(flatten)]
    place: Place,
    /// The product, `group:artifact`
    product: String,
    /// Kubernetes namespace [default: default]
    #[arg(long)]
    namespace: Option<String>,
    /// File with the config overrides, a JSON object; `-` is standard input
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Version label of the override block [default: 0.0.0]
    #[arg(long)]
    config_version: Option<String>,
    /// Write the config although a module manages the entity of that name
    #[arg(long)]
    force: bool,
}

/// Open a change request that replaces all config overrides of an entity
#[derive(Args)]
#[command(after_help = "Examples:\n  cube entity configure cube-7 mosquitto --config values.json --dry-run\n  \
                        jq .persistence=true values.json | cube entity configure cube-7 mosquitto --config - --yes")]
pub(crate) struct Configure {
    #[command(flatten)]
    place: Place,
    /// File with all config overrides, a JSON object; `-` is standard input
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Version label of the override block [default: the reported version]
    #[arg(long)]
    config_version: Option<String>,
    /// Write although a module manages the entity
    #[arg(long)]
    force: bool,
}

/// Open a change request that has the current config applied again
#[derive(Args)]
#[command(after_help = "Examples:\n  cube entity enforce cube-7 mosquitto")]
pub(crate) struct Enforce {
    #[command(flatten)]
    place: Place,
}

/// Open a change request that removes an entity
#[derive(Args)]
#[command(
    after_help = "Examples:\n  cube entity uninstall cube-7 mosquitto\n  cube entity uninstall cube-7 mosquitto --yes"
)]
pub(crate) struct Uninstall {
    #[command(flatten)]
    place: Place,
}

impl Entities {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let cloud = context.cloud()?;
        match self {
            Self::Health(Health { environment, entity, watch }) => {
                let ask = || async {
                    let call = given!(cloud.entity_health(&environment), entity_id = entity.as_deref());
                    Ok(call.await?.reply().clone())
                };
                context.read(&HEALTH, watch, ask).await
            }
            Self::Install(Install { place, product, namespace, config, config_version, force }) => {
                let Place { environment, entity, dry_run } = place;
                let config = config.as_deref().map(inputs::object).transpose()?;
                let call = given!(
                    cloud.install_entity(environment, entity, product).dry_run(dry_run),
                    k8s_namespace = namespace,
                    config_overrides = config,
                    version = config_version,
                    force = force.then_some(true),
                );
                context.call(&INSTALL, call.stream()).await
            }
            Self::Configure(Configure { place, config, config_version, force }) => {
                let Place { environment, entity, dry_run } = place;
                let config = inputs::object(&config)?;
                context.confirm_unless(dry_run, "replaces all config overrides of the entity", &entity)?;
                let call = given!(
                    cloud.update_entity_config(environment, entity, config).dry_run(dry_run),
                    version = config_version,
                    force = force.then_some(true),
                );
                context.call(&CONFIGURE, call.stream()).await
            }
            Self::Enforce(Enforce { place: Place { environment, entity, dry_run } }) => {
                context.call(&ENFORCE, cloud.enforce_entity_config(environment, entity).dry_run(dry_run).stream()).await
            }
            Self::Uninstall(Uninstall { place: Place { environment, entity, dry_run } }) => {
                context.confirm_unless(dry_run, "removes the entity", &entity)?;
                context.call(&UNINSTALL, cloud.uninstall_entity(environment, entity).dry_run(dry_run).stream()).await
            }
        }
    }
}
