//! Connections that have not shown a key yet: only so many, so that they leave descriptors to those who have.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::AbortHandle;

/// How many there may be where the process may open many files.
const MOST: usize = 256;

/// One connection's place in the lobby.
#[derive(Clone, Debug, Default)]
pub(super) struct Pass(Arc<AtomicBool>);

impl Pass {
    /// The key was good.
    pub(super) fn admit(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_in(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The lobby of one server.
#[derive(Debug)]
pub(super) struct Lobby {
    most: usize,
    waiting: VecDeque<(SocketAddr, Pass, AbortHandle)>,
}

impl Lobby {
    /// With room for `most`.
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(1), waiting: VecDeque::new() }
    }

    /// A quarter of the files that the process may open, since each stream of a good caller needs one too.
    pub(super) fn usual() -> usize {
        (open_files() / 4).clamp(8, MOST)
    }

    /// Takes one in. When there are too many, the one that has been here longest leaves: nobody who has a key takes so
    /// long.
    pub(super) fn enter(&mut self, peer: SocketAddr, pass: Pass, task: AbortHandle) -> Option<SocketAddr> {
        self.waiting.retain(|(_, pass, task)| !pass.is_in() && !task.is_finished());
        let left = if self.waiting.len() >= self.most { self.evict() } else { None };
        self.waiting.push_back((peer, pass, task));
        left
    }

    /// Sends the one away that has been here longest.
    pub(super) fn evict(&mut self) -> Option<SocketAddr> {
        while let Some((peer, pass, task)) = self.waiting.pop_front() {
            if !pass.is_in() && !task.is_finished() {
                task.abort();
                return Some(peer);
            }
        }
        None
    }
}

/// The soft limit of open files; a cautious guess where the system does not tell.
fn open_files() -> usize {
    let told = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = told.lines().find_map(|line| line.strip_prefix("Max open files"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(256)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_has_been_here_longest_leaves_and_who_has_a_key_does_not_count() {
        let mut lobby = Lobby::new(2);
        let peer = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let mut tasks = tokio::task::JoinSet::new();
        let mut passes = Vec::new();
        let mut evicted = Vec::new();
        for port in 1..=5 {
            let pass = Pass::default();
            evicted.extend(lobby.enter(peer(port), pass.clone(), tasks.spawn(std::future::pending::<()>())));
            if port == 2 {
                pass.admit();
            }
            passes.push(pass);
        }
        assert_eq!(evicted, [peer(1), peer(3)]);
        for _ in 0..2 {
            assert!(tasks.join_next().await.is_some_and(|done| done.is_err_and(|error| error.is_cancelled())));
        }
        assert_eq!((lobby.evict(), lobby.evict(), lobby.evict()), (Some(peer(4)), Some(peer(5)), None));
        assert!(Lobby::usual() >= 8);
    }
}
