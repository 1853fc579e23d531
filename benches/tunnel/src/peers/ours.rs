//! Our own peers: the tunnel in its forms, and the yardsticks.

use std::net::SocketAddr;

use anyhow::Result;

use crate::ends;
use crate::process::{Peer, own};

/// Starts one of ours; none when the name is not ours.
pub(super) async fn start(name: &str, target: SocketAddr) -> Result<Option<Peer>> {
    let target_text = target.to_string();
    let peer = match name {
        "direct" => Peer::new(target, Vec::new()),
        "proxy2" => proxies(&target_text, ends::PROXY_KIB).await?,
        "proxy2-64k" => proxies(&target_text, 64).await?,
        "null" => {
            let (hop, address) = own(&["null", &target_text]).await?;
            Peer::new(address, vec![hop])
        }
        // What an agent and a relay cost at least.
        "null2" => {
            let (far, address) = own(&["null", &target_text]).await?;
            let (near, address) = own(&["null", &address.to_string()]).await?;
            Peer::new(address, vec![far, near])
        }
        "tunnel" | "tunnel-v1" => {
            let (relay, agent, address) = both_ends(&target_text, version(name)).await?;
            Peer::new(address, vec![relay, agent])
        }
        // Its agent alone counts.
        "agent-v1" => {
            let (relay, agent, address) = both_ends(&target_text, "1").await?;
            Peer::new(address, vec![agent]).beside(vec![relay])
        }
        "tunnel-tls" => over_tls(&target_text).await?,
        _ => return Ok(None),
    };
    Ok(Some(peer))
}

/// Two of them in a row.
async fn proxies(target: &str, kib: usize) -> Result<Peer> {
    let kib = kib.to_string();
    let (far, address) = own(&["proxy", target, &kib]).await?;
    let (near, address) = own(&["proxy", &address.to_string(), &kib]).await?;
    Ok(Peer::new(address, vec![far, near]))
}

fn version(name: &str) -> &'static str {
    if name == "tunnel-v1" { "1" } else { "2" }
}

async fn both_ends(target: &str, version: &str) -> Result<(tokio::process::Child, tokio::process::Child, SocketAddr)> {
    let (relay, address) = own(&["relay", target]).await?;
    let (agent, address) = own(&["agent", &format!("ws://{address}/tunnel"), version]).await?;
    Ok((relay, agent, address))
}

/// Both ends over TLS, with a certificate of its own.
async fn over_tls(target: &str) -> Result<Peer> {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()])?;
    let files = tempfile::tempdir()?;
    let file = |name: &str| files.path().join(name).display().to_string();
    let (chain, key) = (file("chain.pem"), file("key.pem"));
    std::fs::write(&chain, made.cert.pem())?;
    std::fs::write(&key, made.signing_key.serialize_pem())?;
    let (relay, address) = own(&["relay", target, &chain, &key]).await?;
    let (agent, address) = own(&["agent", &format!("wss://{address}/tunnel"), "2", &chain]).await?;
    Ok(Peer::new(address, vec![relay, agent]).with_files(files))
}
