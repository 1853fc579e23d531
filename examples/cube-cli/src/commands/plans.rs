//! `cube plan`: what Apollo does to an entity.

use anyhow::Result;
use clap::{Args, Subcommand};
use clap_complete::ArgValueCandidates;

use crate::complete;
use crate::context::Context;
use crate::output::View;

/// Plans of entities: show, cancel
#[derive(Subcommand)]
pub(crate) enum Plans {
    Show(Show),
    Cancel(Cancel),
}

pub(super) const SHOW: View = View::text("plan show", "plan_details");
pub(super) const CANCEL: View = View::text("plan cancel", "cancel_active_plan");

/// Show a plan of an entity with its tasks, events and error texts
#[derive(Args)]
#[command(after_help = "Examples:\n  cube plan show cube-7 mosquitto\n  cube plan show cube-7 mosquitto --watch\n  \
                        cube plan show cube-7 mosquitto --back 1")]
pub(crate) struct Show {
    /// The environment
    #[arg(add = ArgValueCandidates::new(complete::environments))]
    environment: String,
    /// The entity
    entity: String,
    /// How many plans back: 0 is the most recent
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=9))]
    back: u32,
    /// Show it anew when it changes, asked every so many seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "5")]
    watch: Option<u64>,
}

/// Interrupt the running plan of an entity
///
/// The agent that runs it is deleted, and comes back by itself.
#[derive(Args)]
#[command(after_help = "Examples:\n  cube plan cancel cube-7 mosquitto")]
pub(crate) struct Cancel {
    /// The environment
    #[arg(add = ArgValueCandidates::new(complete::environments))]
    environment: String,
    /// The entity
    entity: String,
}

impl Plans {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let cloud = context.cloud()?;
        match self {
            Self::Show(Show { environment, entity, back, watch }) => {
                let ask =
                    || async { Ok(cloud.plan_details(&environment, &entity).plan_index(back).await?.reply().clone()) };
                context.read(&SHOW, watch, ask).await
            }
            Self::Cancel(Cancel { environment, entity }) => {
                context.confirm("interrupts the running plan of the entity", &entity)?;
                context.call(&CANCEL, cloud.cancel_active_plan(environment, entity).stream()).await
            }
        }
    }
}
