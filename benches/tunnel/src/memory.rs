//! Memory of both ends with 256 streams.

use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::figures::{median, options};
use crate::load::{self, Way};
use crate::peers;

/// What one connection of the tunnel carries.
const STREAMS: u64 = 256;

/// `memory`: 256 streams that have echoed once and wait, then 256 that all move bytes.
///
/// # Errors
/// When the tunnel fails.
#[allow(clippy::print_stdout)]
pub async fn run(given: &[&str]) -> Result<()> {
    let given = options(given, &["--pairs"])?;
    let rounds: usize = given.get("--pairs").map_or(Ok(3), |n| n.parse())?;
    let target = load::target().await?;
    let (mut idle, mut down, mut up) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let Some(peer) = peers::start("tunnel", target).await? else { continue };
        let mut streams = Vec::new();
        for _ in 0..STREAMS {
            let mut stream = TcpStream::connect(peer.address).await?;
            stream.write_all(b"E1").await?;
            stream.read_u8().await?;
            streams.push(stream);
        }
        idle.push(peer.rss_mib()?);
        drop(streams);
        tokio::time::sleep(Duration::from_millis(500)).await;
        load::bulks(peer.address, Way::Down, STREAMS, STREAMS << 22).await?;
        down.push(peer.peak_mib()?);
        let Some(peer) = peers::start("tunnel", target).await? else { continue };
        load::bulks(peer.address, Way::Up, STREAMS, STREAMS << 22).await?;
        up.push(peer.peak_mib()?);
    }
    println!("both ends, {STREAMS} streams, medians of {rounds} in MiB");
    println!("idle RSS {:.1}", median(idle));
    println!("peak RSS, all receiving {:.1}", median(down));
    println!("peak RSS, all sending {:.1}", median(up));
    Ok(())
}
