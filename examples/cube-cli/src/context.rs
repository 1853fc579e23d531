//! What every command gets: the facade, and the way in and out.

use std::future::Future;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use cube_sdk::cloud::{Cloud, ToolEvent, ToolReply, ToolStream};
use cube_sdk::{Cube, Error, ErrorKind};

use crate::output::{Format, Output, View};
use crate::progress::Progress;
use crate::{ask, stop};

/// What every command takes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// For people (text), or for programs: one JSON document, or a line of JSON for each row or event
    #[arg(long, short, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
    /// Do what removes, replaces or interrupts without asking
    #[arg(long, short, global = true)]
    yes: bool,
    /// Tell results and errors only: no notes, no progress
    #[arg(long, short, global = true)]
    quiet: bool,
}

pub(crate) struct Context {
    output: Output,
    yes: bool,
    program: fn() -> clap::Command,
}

impl Context {
    pub(crate) fn new(global: Global, program: fn() -> clap::Command) -> Self {
        Self { output: Output::new(global.output, global.quiet), yes: global.yes, program }
    }

    /// The facade, set up by the environment.
    pub(crate) fn cube(&self) -> Cube {
        Cube::builder().application("cube", env!("CARGO_PKG_VERSION")).build()
    }

    /// cube-cloud.
    pub(crate) fn cloud(&self) -> Result<Cloud> {
        Ok(self.cube().cloud()?)
    }

    pub(crate) const fn output(&self) -> &Output {
        &self.output
    }

    /// The whole command line, for what describes it.
    pub(crate) fn program(&self) -> clap::Command {
        (self.program)()
    }

    /// Asks before something is removed, replaced or interrupted: `name` has to be typed.
    pub(crate) fn confirm(&self, what: &str, name: &str) -> Result<()> {
        ask::confirm(what, name, self.yes)
    }

    /// As [`Self::confirm`], but for a dry run.
    pub(crate) fn confirm_unless(&self, dry_run: bool, what: &str, name: &str) -> Result<()> {
        if dry_run { Ok(()) } else { self.confirm(what, name) }
    }

    /// Calls a tool that changes something, telling how far it is, and shows what it answered.
    pub(crate) async fn call(&self, view: &View, stream: ToolStream) -> Result<()> {
        let reply = self.watched(stream).await?;
        self.output.reply(view, &reply)
    }

    async fn watched(&self, mut stream: ToolStream) -> Result<ToolReply> {
        let progress = Progress::new(&self.output);
        while let Some(event) = stream.try_next().await? {
            match event {
                ToolEvent::Progress(told) => progress.tell(told.done, told.total, told.message.as_deref()),
                ToolEvent::Reply(reply) => return Ok(reply),
                _ => {}
            }
        }
        Err(Error::new(ErrorKind::Protocol, "the tool ended without an answer").into())
    }

    /// Shows what a tool answers, once; or again and again, as often as `every` says, until Ctrl-C.
    pub(crate) async fn read<F>(&self, view: &View, every: Option<u64>, ask: impl Fn() -> F) -> Result<()>
    where
        F: Future<Output = cube_sdk::Result<ToolReply>>,
    {
        let Some(seconds) = every else {
            return self.output.reply(view, &ask().await?);
        };
        let mut stopped = std::pin::pin!(stop::asked()?);
        let mut last = None;
        loop {
            let reply = tokio::select! {
                reply = ask() => reply?,
                () = &mut stopped => return Ok(()),
            };
            let now = (reply.text().to_owned(), reply.data().cloned());
            if last.as_ref() != Some(&now) {
                self.output.again(last.is_some())?;
                self.output.reply(view, &reply)?;
                last = Some(now);
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(seconds.max(1))) => {}
                () = &mut stopped => return Ok(()),
            }
        }
    }
}

/// Makes a call with those of its options that were given.
macro_rules! given {
    ($call:expr $(, $option:ident = $value:expr)* $(,)?) => {{
        let mut call = $call;
        $(if let Some(value) = $value {
            call = call.$option(value);
        })*
        call
    }};
}
pub(crate) use given;
