//! `cube status`: whether there is a key, and whether cube-cloud takes it.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use cube_render::login::Status as Found;
use cube_sdk::ErrorKind;

use crate::context::Context;

/// Show where the key comes from, and whether cube-cloud takes it
///
/// The exit code is 0 where all is well, 4 without a key or with one that is refused, 10 where the service does not
/// answer.
#[derive(Args)]
#[command(after_help = "Examples:\n  cube status\n  cube status --offline\n  cube status --quiet || cube login")]
pub(crate) struct Status {
    /// Send nothing: tell what this machine knows
    #[arg(long)]
    offline: bool,
}

impl Status {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode> {
        let auth = context.cube().auth()?;
        let status = if self.offline { auth.status_offline().await? } else { auth.status().await? };
        let found = Found::from(&status);
        context.output().view("status", &found)?;
        let code = match (&found.failure, &found.key) {
            (_, None) => ErrorKind::Credentials.exit_code(),
            (Some(failure), _) if !found.connected => failure.exit_code,
            _ => 0,
        };
        Ok(ExitCode::from(code))
    }
}
