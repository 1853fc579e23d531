//! A hop that keeps back each request: what is asked over it has its first byte late, as from a store far away.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// How late.
pub(crate) const DELAY: Duration = Duration::from_millis(20);

/// Bytes handed on at once.
const STEP: usize = 256 << 10;

/// The hop's process; ended when dropped.
pub(crate) struct Late {
    child: Child,
    pub(crate) address: SocketAddr,
}

/// Arguments of the process.
#[derive(Args, Clone, Debug)]
pub(crate) struct Hop {
    /// Where to.
    #[arg(long)]
    to: SocketAddr,
}

impl Late {
    /// Starts it in front of `to`.
    pub(crate) fn start(to: SocketAddr) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["late", "--to", &to.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("its output")?).read_line(&mut line)?;
        let address = line.trim().parse().with_context(|| format!("the late hop said {line:?}"))?;
        Ok(Self { child, address })
    }
}

impl Drop for Late {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves until it is killed; its first line is its address.
pub(crate) fn serve(hop: &Hop) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        loop {
            let (near, _) = listener.accept().await?;
            tokio::spawn(connection(near, hop.to));
        }
    })
}

async fn connection(near: TcpStream, to: SocketAddr) -> std::io::Result<()> {
    near.set_nodelay(true)?;
    let far = TcpStream::connect(to).await?;
    far.set_nodelay(true)?;
    let ((mut from_near, mut to_near), (mut from_far, mut to_far)) = (near.into_split(), far.into_split());
    let requests = async move {
        let mut step = vec![0; 16 << 10];
        loop {
            let count = from_near.read(&mut step).await?;
            if count == 0 {
                return to_far.shutdown().await;
            }
            tokio::time::sleep(DELAY).await;
            to_far.write_all(&step[..count]).await?;
        }
    };
    let answers = async move {
        let mut step = vec![0; STEP];
        loop {
            let count = from_far.read(&mut step).await?;
            if count == 0 {
                return to_near.shutdown().await;
            }
            to_near.write_all(&step[..count]).await?;
        }
    };
    tokio::try_join!(requests, answers).map(drop)
}
