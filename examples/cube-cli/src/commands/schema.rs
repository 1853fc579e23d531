//! `cube schema`: the JSON Schema of what a command prints.

use anyhow::Result;
use clap::Args;
use schemars::schema_for;
use serde_json::Value;

use super::views::{VIEWS, of_tool};
use super::{apollo, byo, clusters, doctor, login, runs, status, tunnel};
use crate::context::Context;
use crate::failure::{Failure, refused};
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

/// The documents of commands that are no tool of cube-cloud.
const OWN: [(&str, fn() -> Value); 21] = [
    (ERROR, || schema_for!(Failure).to_value()),
    ("apollo execute", || schema_for!(apollo::Executed).to_value()),
    ("byo attach", || schema_for!(byo::GrantShown).to_value()),
    ("byo audit", || schema_for!(Vec<byo::AuditRow>).to_value()),
    ("byo check", || schema_for!(byo::GrantShown).to_value()),
    ("byo disconnect", || schema_for!(byo::GrantShown).to_value()),
    ("byo read", || schema_for!(byo::ReadDone).to_value()),
    ("byo reconcile", || schema_for!(byo::Compared).to_value()),
    ("byo register", || schema_for!(byo::Registered).to_value()),
    ("byo rotate", || schema_for!(byo::RoleShown).to_value()),
    ("byo setup", || schema_for!(byo::RoleShown).to_value()),
    ("cluster login", || schema_for!(clusters::Merged).to_value()),
    ("doctor", || schema_for!(Vec<doctor::Finding>).to_value()),
    ("login", || schema_for!(login::LoggedIn).to_value()),
    ("logout", || schema_for!(login::LoggedOut).to_value()),
    ("run trigger", || schema_for!(runs::RunShown).to_value()),
    ("run watch", || schema_for!(runs::RunShown).to_value()),
    ("status", || schema_for!(status::Found).to_value()),
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
