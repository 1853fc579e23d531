//! `cube apollo`: Apollo itself, with credentials of its own.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use cube_sdk::Idempotency;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::context::Context;
use crate::failure::refused;
use crate::inputs;

/// Apollo itself, with CUBE_APOLLO_CLIENT_ID and CUBE_APOLLO_CLIENT_SECRET
#[derive(Subcommand)]
pub(crate) enum ApolloCommands {
    Execute(Execute),
}

/// Send one GraphQL document to Apollo
///
/// A mutation is sent once, and only with --yes or after a confirmation.
#[derive(Args)]
#[command(after_help = "Examples:\n  cube apollo execute 'query { me { apolloTeams { name } } }'\n  \
                        cube apollo execute --file change.graphql --vars change.json --dry-run")]
pub(crate) struct Execute {
    /// The document
    #[arg(required_unless_present = "file")]
    document: Option<String>,
    /// File with the document; `-` is standard input
    #[arg(long, conflicts_with = "document")]
    file: Option<PathBuf>,
    /// A variable; the value is JSON, else text. What is secret belongs into a file
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = inputs::pair)]
    pairs: Vec<(String, Value)>,
    /// File with variables, a JSON object
    #[arg(long, value_name = "FILE")]
    vars: Option<PathBuf>,
    /// Only show what would be sent, secrets masked
    #[arg(long)]
    dry_run: bool,
}

/// What was answered, or would have been sent.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Executed {
    /// GraphQL's `data`; none in a dry run.
    data: Option<Value>,
    /// The variables that would be sent, secrets masked; none but in a dry run.
    dry_run: Option<Value>,
}

impl ApolloCommands {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let Self::Execute(Execute { document, file, pairs, vars, dry_run }) = self;
        let document = match (document, file) {
            (Some(document), _) => document,
            (None, Some(file)) => inputs::text(&file)?,
            (None, None) => return Err(refused("no document was given").into()),
        };
        let variables = inputs::variables(vars.as_deref(), pairs)?.unwrap_or_else(|| Value::Object(Map::new()));
        let changes = is_mutation(&document);
        if changes {
            context.confirm_unless(dry_run, "changes something in Apollo", "execute")?;
        }
        let idempotency = if changes { Idempotency::Once } else { Idempotency::Read };
        let call = context.cube().apollo()?.execute::<Value>(document, variables, idempotency);
        let done = if dry_run {
            Executed { data: None, dry_run: Some(serde_json::to_value(call.dry_run()?)?) }
        } else {
            Executed { data: Some(call.await?), dry_run: None }
        };
        let text = serde_json::to_string_pretty(done.data.as_ref().or(done.dry_run.as_ref()).unwrap_or(&Value::Null))?;
        context.output().show("apollo execute", &done, || text)
    }
}

/// What is no mutation is sent as a read, which the client refuses where it is none.
fn is_mutation(document: &str) -> bool {
    let lines = document.lines().map(|line| line.split('#').next().unwrap_or_default());
    lines.flat_map(|line| line.split(|c: char| !c.is_alphanumeric())).any(|word| word == "mutation")
}
