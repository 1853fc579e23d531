//! A server as a process: where it listens, its key, its CPU time. It is killed when dropped.

use std::net::SocketAddr;
use std::process::Stdio;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) key: String,
}

impl Server {
    pub(crate) async fn start(which: &str) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(which).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("starting {which}"))?;
        let stdout = child.stdout.take().context("no stdout")?;
        let line =
            BufReader::new(stdout).lines().next_line().await?.with_context(|| format!("{which} said nothing"))?;
        let (address, key) =
            line.strip_prefix("listening ").and_then(|rest| rest.split_once(' ')).context("an odd first line")?;
        Ok(Self { address: address.parse()?, key: key.to_owned(), child })
    }

    /// CPU seconds so far, user and system. Linux counts in 1/100 s for every program.
    pub(crate) fn cpu(&self) -> Result<f64> {
        let id = self.child.id().context("the server has ended")?;
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
        let fields: Vec<&str> = stat.rsplit_once(')').context("an odd stat line")?.1.split_whitespace().collect();
        let times = fields.get(11..13).context("an odd stat line")?;
        let ticks = times.iter().map(|time| time.parse::<u64>()).sum::<Result<u64, _>>()?;
        Ok(ticks as f64 / 100.0)
    }
}
