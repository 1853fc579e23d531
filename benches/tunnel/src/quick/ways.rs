//! Peers with the line in their midst.

use std::net::SocketAddr;

use anyhow::Result;
use tokio::process::Child;

use super::ssh;
use crate::process::{Peer, own};

/// A peer, and the line that all its connections share.
pub(super) struct Way {
    pub(super) peer: Peer,
    /// Where the line listens.
    pub(super) line: SocketAddr,
    /// Where it leads to.
    pub(super) behind: SocketAddr,
}

pub(super) async fn line(to: SocketAddr, mbit: u32) -> Result<(Child, SocketAddr)> {
    own(&["delay", &to.to_string(), &mbit.to_string()]).await
}

/// Starts a peer; none when it is somebody else's and not installed.
pub(super) async fn start(name: &str, target: SocketAddr, mbit: u32) -> Result<Option<Way>> {
    let far = match name {
        "sockets" => None,
        "null" => Some(own(&["null", &target.to_string()]).await?),
        "tunnel" | "tunnel-v1" => Some(own(&["relay", &target.to_string()]).await?),
        "ssh" => return ssh::start(target, mbit).await,
        other => anyhow::bail!("no peer `{other}`"),
    };
    let (mut children, behind) = far.map_or_else(|| (Vec::new(), target), |(child, address)| (vec![child], address));
    let (child, line) = line(behind, mbit).await?;
    let address = match name {
        "sockets" => line,
        "null" => {
            let (near, address) = own(&["null", &line.to_string()]).await?;
            children.push(near);
            address
        }
        name => {
            let version = if name == "tunnel-v1" { "1" } else { "2" };
            let (near, address) = own(&["agent", &format!("ws://{line}/tunnel"), version]).await?;
            children.push(near);
            address
        }
    };
    Ok(Some(Way { peer: Peer::new(address, children).beside(vec![child]), line, behind }))
}
