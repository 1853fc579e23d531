//! `cube tunnel run`: one command through a tunnel.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use clap_complete::ArgValueCandidates;
use cube_render::known;
use cube_sdk::Error;

use crate::context::Context;
use crate::{complete, stop};

/// Run a command while a tunnel to an app is open
///
/// The command finds the tunnel in CUBE_TUNNEL_HOST, CUBE_TUNNEL_PORT, CUBE_TUNNEL_ADDRESS and, for apps whose name
/// tells what they speak, CUBE_TUNNEL_URL and the variables of its own programs, such as PGHOST and PGPORT. {host},
/// {port}, {address} and {url} in its arguments are replaced. The exit code is the command's.
#[derive(Args)]
#[command(after_help = "Examples:\n  cube tunnel run postgres-cube7 -- psql -U app telemetry\n  \
                        cube tunnel run grafana-cube7 -- curl -s http://{address}/api/health")]
pub(crate) struct Run {
    /// The app, from `cube app ls`
    #[arg(add = ArgValueCandidates::new(complete::apps))]
    app: String,
    /// The command and its arguments
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

impl Run {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode> {
        // The command gets the terminal's Ctrl-C as well, and says itself what it means.
        let stopped = stop::asked()?;
        let tunnel = context.cube().apps()?.open(&self.app).await?;
        let address = tunnel.local_addr();
        let url = known::url(&self.app, address).unwrap_or_else(|| address.to_string());
        let filled = |text: &String| {
            text.replace("{host}", &address.ip().to_string())
                .replace("{port}", &address.port().to_string())
                .replace("{address}", &address.to_string())
                .replace("{url}", &url)
        };
        let mut words = self.command.iter().map(filled);
        let name = words.next().unwrap_or_default();
        let mut command = tokio::process::Command::new(&name);
        command.args(words).envs(known::variables(&self.app, address)).kill_on_drop(true);
        let mut child = command.spawn().map_err(|cause| Error::io(format!("starting {name}"), cause))?;
        let mut stopped = std::pin::pin!(stopped);
        let mut asked = false;
        let status = loop {
            tokio::select! {
                status = child.wait() => break status,
                () = &mut stopped, if !asked => asked = true,
            }
        };
        tunnel.shutdown(Duration::from_secs(1)).await;
        let status = status.map_err(|cause| Error::io(format!("waiting for {name}"), cause))?;
        Ok(code(status))
    }
}

/// As shells tell it.
fn code(status: std::process::ExitStatus) -> ExitCode {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return ExitCode::from(u8::try_from(128 + signal).unwrap_or(1));
    }
    ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
