//! Open a tunnel to an app in a cluster, and push bytes.

use std::time::{Duration, Instant};

use cube_sdk::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::narrator::{Narrator, elapsed, mib_per_s};
use crate::shown::{Source, source};

const SOURCE: Source = source!("tour/tunnel.rs");
const BYTES: usize = 16 << 20;

pub(crate) async fn tell(cube: &Cube, narrator: &mut Narrator) -> anyhow::Result<()> {
    narrator.step("Open a tunnel to an app in the cluster, and push bytes");
    narrator.code(SOURCE, "open");
    let sent: Vec<u8> = (0..BYTES).map(|at| (at % 251) as u8).collect();
    let mut back = vec![0; BYTES];
    // shown: open
    let apps = cube.apps()?;
    let tunnel = apps.open("echo").await?;
    let (mut from, mut to) = TcpStream::connect(tunnel.local_addr()).await?.into_split();
    // end
    let began = Instant::now();
    let pushing = async {
        to.write_all(&sent).await?;
        to.shutdown().await
    };
    tokio::try_join!(pushing, from.read_exact(&mut back))?;
    let took = began.elapsed();
    anyhow::ensure!(back == sent, "other bytes came back");
    let rate = mib_per_s(2 * BYTES as u64, took);
    narrator.say(format_args!("echo at {}", tunnel.local_addr()));
    narrator.say(format_args!("{BYTES} bytes there and back in {}, {rate}, every one as sent", elapsed(took)));
    tunnel.shutdown(Duration::from_secs(1)).await;
    narrator.done(SOURCE);
    Ok(())
}
