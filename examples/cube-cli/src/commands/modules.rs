//! `cube module`: modules of an environment.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use clap_complete::ArgValueCandidates;
use serde_json::Value;

use crate::context::{Context, given};
use crate::failure::refused;
use crate::output::{Column, View};
use crate::{complete, inputs};

/// Modules of environments: list, install, set variables, uninstall
#[derive(Subcommand)]
pub(crate) enum Modules {
    Ls(Ls),
    Install(Install),
    Set(Set),
    Uninstall(Uninstall),
}

pub(super) const LS: View = View::list(
    "module ls",
    "list_modules",
    "modules",
    &[
        Column("NAME", "/display_name"),
        Column("COORDINATE", "/coordinate"),
        Column("STATE", "/state"),
        Column("RID", "/rid"),
    ],
);
pub(super) const INSTALL: View = View::text("module install", "install_module");
pub(super) const SET: View = View::text("module set", "update_module_variables");
pub(super) const UNINSTALL: View = View::text("module uninstall", "uninstall_module");

/// Variables of a module.
#[derive(Args)]
pub(crate) struct Variables {
    /// A variable; the value is JSON, else text. What is secret belongs into a file or standard input
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = inputs::pair)]
    pairs: Vec<(String, Value)>,
    /// File with variables, a JSON object; `-` is standard input
    #[arg(long = "vars", value_name = "FILE")]
    file: Option<PathBuf>,
    /// Only show what would be sent
    #[arg(long)]
    dry_run: bool,
}

/// List the modules of an environment
#[derive(Args)]
#[command(after_help = "Examples:\n  cube module ls cube-7\n  cube module ls cube-7 control -o json")]
pub(crate) struct Ls {
    /// The environment
    #[arg(add = ArgValueCandidates::new(complete::environments))]
    environment: String,
    /// Only those with this in their name or coordinate, in any case
    search: Option<String>,
}

/// Install a module on an environment
#[derive(Args)]
#[command(after_help = "Examples:\n  cube module install cube-8 com.example:broker:1.2.3 --var tier=edge\n  \
                        cube module install cube-8 com.example:broker:1.2.3 --vars vars.json --dry-run")]
pub(crate) struct Install {
    /// The environment
    #[arg(add = ArgValueCandidates::new(complete::environments))]
    environment: String,
    /// The module, `group:artifact:version`
    coordinate: String,
    /// Display name of the installation
    #[arg(long)]
    name: Option<String>,
    /// Install although secrets that it needs are unset
    #[arg(long)]
    ignore_secret_requirements: bool,
    #[command(flatten)]
    variables: Variables,
}

/// Set variables of an installed module; the others stay as they are
#[derive(Args)]
#[command(after_help = "Examples:\n  cube module set cube-8 broker --var tier=core\n  \
                        cube module set cube-8 broker --vars vars.json --dry-run")]
pub(crate) struct Set {
    /// The environment
    #[arg(add = ArgValueCandidates::new(complete::environments))]
    environment: String,
    /// The module's display name
    module: String,
    #[command(flatten)]
    variables: Variables,
}

/// Unlink a module; its entities go on running
#[derive(Args)]
#[command(
    after_help = "Examples:\n  cube module uninstall cube-8 broker --dry-run\n  cube module uninstall cube-8 broker"
)]
pub(crate) struct Uninstall {
    /// The environment
    #[arg(add = ArgValueCandidates::new(complete::environments))]
    environment: String,
    /// The module's display name
    module: String,
    /// Only show what would be sent
    #[arg(long)]
    dry_run: bool,
}

impl Modules {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let cloud = context.cloud()?;
        match self {
            Self::Ls(Ls { environment, search }) => {
                let call = given!(cloud.list_modules(environment), search = search);
                context.output().reply(&LS, call.await?.reply())
            }
            Self::Install(Install { environment, coordinate, name, ignore_secret_requirements, variables }) => {
                let Variables { pairs, file, dry_run } = variables;
                let call = given!(
                    cloud.install_module(environment, coordinate).dry_run(dry_run),
                    variables = inputs::variables(file.as_deref(), pairs)?,
                    display_name = name,
                    ignore_secret_requirements = ignore_secret_requirements.then_some(true),
                );
                context.call(&INSTALL, call.stream()).await
            }
            Self::Set(Set { environment, module, variables: Variables { pairs, file, dry_run } }) => {
                let variables = inputs::variables(file.as_deref(), pairs)?
                    .ok_or_else(|| refused("no variable was given").advice("give --var NAME=VALUE or --vars FILE"))?;
                let call = cloud.update_module_variables(environment, module, variables).dry_run(dry_run);
                context.call(&SET, call.stream()).await
            }
            Self::Uninstall(Uninstall { environment, module, dry_run }) => {
                context.confirm_unless(dry_run, "unlinks the module", &module)?;
                context.call(&UNINSTALL, cloud.uninstall_module(environment, module).dry_run(dry_run).stream()).await
            }
        }
    }
}
