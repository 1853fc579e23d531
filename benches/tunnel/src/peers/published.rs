//! The published agent as a black box, our relay behind it. The agent's process alone counts.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result};
use tokio::process::Command;

use super::missing;
use crate::ends::{APP, KEY};
use crate::process::{Peer, first_line, own};

const INSTALL: &str =
    "python3 -m venv target/real && target/real/bin/pip install -r tests/real/requirements.txt, then CUBE_REAL_BIN=…";

pub(super) async fn start(target: SocketAddr) -> Result<Option<Peer>> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let bin = std::env::var_os("CUBE_REAL_BIN").map_or_else(|| workspace.join("target/real/bin"), PathBuf::from);
    let python = bin.join("python3");
    let known = std::process::Command::new(&python)
        .args(["-c", "import cube_agent.tunnel.agent_tunnel"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !known {
        missing("the published agent", INSTALL)?;
        return Ok(None);
    }
    let (relay, address) = own(&["relay", &target.to_string()]).await?;
    let mut command = Command::new(python);
    command.arg(workspace.join("tests/real/published_agent.py")).arg(APP);
    command.env("CUBE_API_KEY", KEY).env("CUBE_CLOUD_URL", format!("http://{address}")).env("NO_PROXY", "127.0.0.1");
    command.stdin(Stdio::piped()).stderr(Stdio::null());
    let (agent, port) = first_line(command).await?;
    let port: u16 = port.parse().context("the agent prints its port first")?;
    Ok(Some(Peer::new(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), vec![agent]).beside(vec![relay])))
}
