//! The command line: what is common to every command, and the list of them.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::commands::{
    apollo, apps, byo, completions, doctor, login, man, plans, products, publish, runs, schema, secrets,
};
use crate::commands::{change_requests, channels, clusters, entities, environments, kubectl, modules};
use crate::commands::{status, token, tunnel};
use crate::context::{Context, Global};

/// Operate edge Cubes: environments, clusters, tunnels, and bring-your-own model storage.
#[derive(Parser)]
#[command(
    name = "cube",
    version,
    about,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Examples:\n  cube login\n  cube env ls\n  cube tunnel open postgres-cube7\n  \
                        cube env ls --output json | jq .data\n\n\
                  Exit codes: 2 input or settings, 4 credentials, 5 not permitted, 6 not found, 7 conflict,\n\
                  8 busy, 9 server, 10 network, 11 time-out, 130 cancelled."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    Login(login::Login),
    Logout(login::Logout),
    Status(status::Status),
    #[command(subcommand)]
    Env(environments::Environments),
    #[command(subcommand)]
    Entity(entities::Entities),
    #[command(subcommand)]
    Plan(plans::Plans),
    #[command(subcommand)]
    Module(modules::Modules),
    #[command(subcommand)]
    Secret(secrets::Secrets),
    #[command(subcommand)]
    Product(products::Products),
    #[command(subcommand)]
    Channel(channels::Channels),
    #[command(subcommand)]
    Cr(change_requests::ChangeRequests),
    Publish(publish::Publish),
    #[command(subcommand)]
    Cluster(clusters::Clusters),
    Kubectl(kubectl::Kubectl),
    #[command(subcommand)]
    App(apps::Apps),
    #[command(subcommand)]
    Tunnel(tunnel::Tunnels),
    #[command(subcommand)]
    Byo(byo::ByoCommands),
    #[command(subcommand)]
    Run(runs::RunCommands),
    #[command(subcommand)]
    Apollo(apollo::ApolloCommands),
    Token(token::Token),
    Doctor(doctor::Doctor),
    Completions(completions::Completions),
    Man(man::Man),
    Schema(schema::Schema),
}

impl Command {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode> {
        match self {
            Self::Login(command) => command.run(context).await?,
            Self::Logout(command) => command.run(context).await?,
            Self::Status(command) => return command.run(context).await,
            Self::Env(command) => command.run(context).await?,
            Self::Entity(command) => command.run(context).await?,
            Self::Plan(command) => command.run(context).await?,
            Self::Module(command) => command.run(context).await?,
            Self::Secret(command) => command.run(context).await?,
            Self::Product(command) => command.run(context).await?,
            Self::Channel(command) => command.run(context).await?,
            Self::Cr(command) => command.run(context).await?,
            Self::Publish(command) => command.run(context).await?,
            Self::Cluster(command) => command.run(context).await?,
            Self::Kubectl(command) => command.run(context).await?,
            Self::App(command) => command.run(context).await?,
            Self::Tunnel(command) => return command.run(context).await,
            Self::Byo(command) => return command.run(context).await,
            Self::Run(command) => return command.run(context).await,
            Self::Apollo(command) => command.run(context).await?,
            Self::Token(command) => command.run(context).await?,
            Self::Doctor(command) => return command.run(context).await,
            Self::Completions(command) => command.run(context)?,
            Self::Man(command) => command.run(context)?,
            Self::Schema(command) => command.run(context)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
