//! What a reader that takes nothing costs the echoes of others.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::figures::{Figures, Rounds, micros, options};
use crate::load;
use crate::peers;

/// Few, because beside 15 busy streams one takes milliseconds.
const ECHOES: usize = 300;

async fn endless(address: SocketAddr) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_u8(b'D').await?;
    stream.write_u64(u64::MAX).await?;
    Ok(stream)
}

async fn measure(address: SocketAddr) -> Result<Figures> {
    let mut busy = JoinSet::new();
    for _ in 0..15 {
        let mut stream = endless(address).await?;
        busy.spawn(async move {
            let mut buffer = vec![0; 128 * 1024];
            while stream.read(&mut buffer).await.is_ok_and(|n| n > 0) {}
        });
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let without = load::echoes(address, ECHOES).await?;
    let _stalled = endless(address).await?;
    // Until its window is used up.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let with = load::echoes(address, ECHOES).await?;
    busy.shutdown().await;
    let mut out = Figures::new();
    for percent in [50, 99] {
        out.insert(format!("echo p{percent} us, 15 busy"), micros(&without, percent));
        out.insert(format!("echo p{percent} us, +stalled"), micros(&with, percent));
        out.insert(format!("p{percent}, stalled : not"), micros(&with, percent) / micros(&without, percent));
    }
    Ok(out)
}

/// `stalled`: echoes beside 15 busy streams, without and with a stalled one.
///
/// # Errors
/// When a peer fails.
pub async fn run(given: &[&str]) -> Result<()> {
    let given = options(given, &["--pairs"])?;
    let pairs: usize = given.get("--pairs").map_or(Ok(5), |n| n.parse())?;
    let target = load::target().await?;
    let names = ["proxy2", "tunnel"];
    let mut rounds = Rounds::default();
    for _ in 0..pairs {
        for name in names {
            let Some(peer) = peers::start(name, target).await? else { continue };
            rounds.add(name, measure(peer.address).await?, None)?;
        }
    }
    rounds.print(&names, "proxy2");
    Ok(())
}
