//! `cube schema`: the JSON Schema of what a command prints.

use anyhow::Result;
use clap::Args;
use cube_render::View as _;
use cube_render::artifacts::ArtifactShown;
use cube_render::audit::Row;
use cube_render::clusters::LoggedIn;
use cube_render::errors::Failure;
use cube_render::grants::GrantShown;
use cube_render::login::{KeyKept, LoggedOut, Status};
use cube_render::publish::Published;
use cube_render::runs::RunShown;
use schemars::schema_for;
use serde_json::Value;

use super::views::{VIEWS, of_tool};
use super::{apollo, byo, clusters, doctor, tunnel};
use crate::context::Context;
use crate::failure::refused;
use crate::output::{ERROR, schema_of};

/// Print the JSON Schema of what a command prints with --output json
///
/// Its name, such as `cube.env.ls/1`, stands in each document: the number is counted up where a change could break a
/// program. Without a command the names of all are printed.
#[derive(Args)]
#[command(after_help = "Examples:\n  cube schema\n  cube schema env ls\n  cube schema error")]
pub(crate) struct Schema {
    /// The command; `error` is the document that a failed command prints on stderr
    command: Vec<String>,
}

impl Schema {
    pub(crate) fn run(self, context: &Context) -> Result<()> {
        let command = self.command.join(" ");
        if command.is_empty() {
            return context.output().say(&names().join("\n"));
        }
        let schema = schema(&command).ok_or_else(|| {
            refused(format!("no document of `{command}` is known")).advice("`cube schema` lists those that are")
        })?;
        context.output().say(&serde_json::to_string_pretty(&schema)?)
    }
}

/// Makes the schema of a document's data.
type Of = fn() -> Value;

/// The documents of commands that are no tool of cube-cloud.
const OWN: [(&str, Of); 23] = [
    (ERROR, Failure::schema),
    ("apollo execute", || schema_for!(apollo::Executed).to_value()),
    ("byo attach", GrantShown::schema),
    ("byo audit", || schema_for!(Vec<Row>).to_value()),
    ("byo check", GrantShown::schema),
    ("byo disconnect", GrantShown::schema),
    ("byo read", || schema_for!(byo::ReadDone).to_value()),
    ("byo reconcile", || schema_for!(byo::Compared).to_value()),
    ("byo register", ArtifactShown::schema),
    ("byo rotate", || schema_for!(byo::RoleShown).to_value()),
    ("byo setup", || schema_for!(byo::RoleShown).to_value()),
    ("cluster login", LoggedIn::schema),
    ("cluster login plan", || schema_for!(clusters::Planned).to_value()),
    ("doctor", || schema_for!(Vec<doctor::Finding>).to_value()),
    ("login", KeyKept::schema),
    ("logout", LoggedOut::schema),
    ("publish", Published::schema),
    ("run trigger", RunShown::schema),
    ("run watch", RunShown::schema),
    ("status", Status::schema),
    ("tunnel ls", || schema_for!(Vec<tunnel::Row>).to_value()),
    ("tunnel open", || schema_for!(tunnel::Event).to_value()),
    ("tunnel stop", || schema_for!(Vec<tunnel::Row>).to_value()),
];

fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = VIEWS.iter().map(|view| view.command).chain(OWN.iter().map(|own| own.0)).collect();
    names.sort_unstable();
    names
}

fn schema(command: &str) -> Option<Value> {
    if let Some((_, of)) = OWN.iter().find(|own| own.0 == command) {
        return Some(schema_of(command, of(), false));
    }
    let view = VIEWS.iter().find(|view| view.command == command)?;
    Some(schema_of(command, of_tool(view.tool), true))
}
