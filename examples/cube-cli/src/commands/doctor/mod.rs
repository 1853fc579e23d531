//! `cube doctor`: what could be in the way, and what to do about it.

mod local;
mod services;

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use cube_render::Table;
use cube_sdk::ErrorKind;
use schemars::JsonSchema;
use serde::Serialize;

use crate::context::Context;
use crate::progress::Progress;

/// Check network, proxy, TLS trust, clock, keys, docker and kubectl, and say what to do
///
/// The exit code is 0 where nothing is wrong, 2 where something is. What is not set up is told, and no fault.
#[derive(Args)]
#[command(after_help = "Examples:\n  cube doctor\n  cube doctor -o json | jq '.data[] | select(.state == \"bad\")'")]
pub(crate) struct Doctor {}

/// One check.
#[derive(Clone, JsonSchema, Serialize)]
pub(crate) struct Finding {
    /// What was looked at.
    pub(super) check: String,
    pub(super) state: State,
    /// What was found.
    pub(super) found: String,
    /// What to do.
    pub(super) fix: Option<String>,
}

/// How it stands.
#[derive(Clone, Copy, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Good,
    /// Not set up, or not needed.
    Skipped,
    /// It works, but not for long or not as well as it could.
    Warning,
    Bad,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Skipped => "-",
            Self::Warning => "warning",
            Self::Bad => "BAD",
        }
    }
}

impl Finding {
    fn new(check: impl Into<String>, state: State, found: impl Into<String>) -> Self {
        Self { check: check.into(), state, found: found.into(), fix: None }
    }

    fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// What an error says, and what it advises.
    fn bad(check: impl Into<String>, error: &cube_sdk::Error) -> Self {
        // Its line ends with its advice, which stands by itself here.
        let line = error.to_string();
        let found = Self::new(check, State::Bad, line.split("; next: ").next().unwrap_or(&line));
        match error.next_step() {
            Some(step) => found.fix(step),
            None => found,
        }
    }
}

impl Doctor {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode> {
        let progress = Progress::new(context.output());
        let cube = context.cube();
        let mut found = local::settings(&cube);
        for (what, checks) in [("keys", local::keys(&cube).await), ("programs", local::programs().await)] {
            progress.tell(0.0, None, Some(what));
            found.extend(checks);
        }
        progress.tell(0.0, None, Some("services"));
        found.extend(services::all(&cube).await);
        drop(progress);
        context.output().rows("doctor", &found, "", || table(&found))?;
        let bad = found.iter().any(|finding| finding.state == State::Bad);
        if !bad {
            context.output().note("Nothing is wrong.");
        }
        Ok(ExitCode::from(if bad { ErrorKind::Config.exit_code() } else { 0 }))
    }
}

fn table(found: &[Finding]) -> Table {
    let cells = |finding: &Finding| {
        let fix = finding.fix.as_ref().map(|fix| format!("\n-> {fix}")).unwrap_or_default();
        [finding.check.clone(), finding.state.word().to_owned(), format!("{}{fix}", finding.found)]
    };
    Table::new(["CHECK", "STATE", "FOUND"], found.iter().map(cells))
}
