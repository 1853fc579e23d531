//! Strangers: connections that never send a key. Those that the server closes are opened anew.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// How many files this process may have open.
pub(crate) fn files() -> Result<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits")?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).context("no such limit")?;
    Ok(line.split_whitespace().next().and_then(|soft| soft.parse().ok()).unwrap_or(usize::MAX))
}

/// As many of `wanted` as there may be files, beside the clients' and some of the runtime's.
pub(crate) fn possible(wanted: usize, clients: usize) -> Result<usize> {
    Ok(wanted.min(files()?.saturating_sub(clients + 100)))
}

pub(crate) struct Idle {
    open: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Idle {
    /// Opens them, and waits until all are open.
    pub(crate) async fn open(address: SocketAddr, count: usize) -> Self {
        let (open, mut tasks) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
        for _ in 0..count {
            let open = Arc::clone(&open);
            tasks.spawn(async move {
                loop {
                    let Ok(mut stream) = TcpStream::connect(address).await else {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    };
                    open.fetch_add(1, Ordering::Relaxed);
                    let _ = stream.read_u8().await;
                    open.fetch_sub(1, Ordering::Relaxed);
                }
            });
        }
        let idle = Self { open, _tasks: tasks };
        while idle.open_now() < count * 99 / 100 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        idle
    }

    pub(crate) fn open_now(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}
