//! `cube tunnel ls` and `stop`: tunnels of every process of this user.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use cube_render::Table;
use cube_sdk::{Error, ErrorKind};
use indicatif::HumanBytes;

use super::Row;
use super::control::ask;
use crate::context::Context;
use crate::stop;

/// How long a tunnel gets to be gone once it was told to stop: its streams have five seconds.
const TRIES: u32 = 100;

/// List the tunnels of every `cube` of this user
#[derive(Args)]
#[command(after_help = "Examples:\n  cube tunnel ls\n  cube tunnel ls --watch 1\n  cube tunnel ls -o json")]
pub(crate) struct Ls {
    /// Show them anew, every so many seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "1")]
    watch: Option<u64>,
}

/// Stop tunnels, of other `cube` processes too
#[derive(Args)]
#[command(after_help = "Examples:\n  cube tunnel stop postgres-cube7\n  cube tunnel stop --all")]
pub(crate) struct Stop {
    /// The app
    #[arg(required_unless_present = "all")]
    app: Option<String>,
    /// Every tunnel
    #[arg(long, conflicts_with = "app")]
    all: bool,
}

impl Ls {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let output = context.output();
        let mut stopped = std::pin::pin!(stop::asked()?);
        loop {
            let rows = ask("status", |_| true).await?;
            if self.watch.is_some() {
                output.again(false)?;
            }
            output.rows("tunnel ls", &rows, "No tunnel is open.", || table(&rows))?;
            let Some(seconds) = self.watch else { return Ok(()) };
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(seconds.max(1))) => {}
                () = &mut stopped => return Ok(()),
            }
        }
    }
}

fn table(rows: &[Row]) -> Table {
    let cells = |row: &Row| {
        [
            row.app.clone(),
            row.address.clone(),
            row.state.clone(),
            format!("{} of {}", row.streams, row.opened),
            HumanBytes(row.sent).to_string(),
            HumanBytes(row.received).to_string(),
            row.pid.to_string(),
        ]
    };
    Table::new(["APP", "ADDRESS", "STATE", "STREAMS", "UP", "DOWN", "PID"], rows.iter().map(cells))
}

impl Stop {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let Self { app, all } = self;
        let wanted = |row: &Row| all || app.as_deref() == Some(row.app.as_str());
        let told = ask("stop", wanted).await?;
        if let (Some(app), true) = (&app, told.is_empty()) {
            let words = format!("no tunnel to {app} is open");
            return Err(Error::new(ErrorKind::NotFound, words).advice("`cube tunnel ls` lists those that are").into());
        }
        for _ in 0..TRIES {
            if ask("status", wanted).await?.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let output = context.output();
        output.rows("tunnel stop", &told, "No tunnel is open.", || {
            let cells = |row: &Row| [row.app.clone(), row.address.clone(), row.pid.to_string()];
            Table::new(["STOPPED", "ADDRESS", "PID"], told.iter().map(cells))
        })
    }
}
