//! A process of this program: what it prints when it is ready. It is killed when dropped.

use std::io::Read as _;
use std::net::SocketAddr;
use std::process::Stdio;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::say;

pub(crate) struct Process {
    _child: Child,
    pub(crate) address: SocketAddr,
}

impl Process {
    pub(crate) async fn start(which: &str, environment: &[(&str, &str)]) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(which).envs(environment.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("starting {which}"))?;
        let stdout = child.stdout.take().context("no stdout")?;
        let line =
            BufReader::new(stdout).lines().next_line().await?.with_context(|| format!("{which} said nothing"))?;
        let address = line.strip_prefix("listening ").context("an odd first line")?.parse()?;
        Ok(Self { _child: child, address })
    }
}

/// Says where it listens, and resolves when its owner is gone.
pub(crate) async fn listening(address: SocketAddr) -> Result<()> {
    say(&format!("listening {address}"));
    let read = || std::io::stdin().read_to_end(&mut Vec::new()).map(drop);
    Ok(tokio::task::spawn_blocking(read).await??)
}
