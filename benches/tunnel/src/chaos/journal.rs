//! Every stream's end as the handles of both ends tell it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, ensure};
use cube_sdk_teleport::tunnel::{Ending, RelayEvent, StreamReport, TunnelEvent};
use futures_util::{Stream, StreamExt as _};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::world::World;

/// Endings with how many streams met them.
type Endings = BTreeMap<String, u64>;

pub(super) struct Journal {
    agent: JoinHandle<Result<Endings>>,
    relay: JoinHandle<Result<Endings>>,
    refused: Arc<AtomicU64>,
    over: watch::Sender<bool>,
}

/// One event, as far as it matters here.
enum Note {
    Ended(StreamReport),
    Missed(u64),
    Other,
}

impl Journal {
    pub(super) fn open(world: &World) -> Self {
        let refused = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&refused);
        let agent = world.tunnel.events().map(move |event| match event {
            TunnelEvent::StreamEnded { report } => Note::Ended(report),
            TunnelEvent::Missed(number) => Note::Missed(number),
            TunnelEvent::LocalRefused { .. } => {
                counted.fetch_add(1, Ordering::Relaxed);
                Note::Other
            }
            _ => Note::Other,
        });
        let relay = world.relay.events().map(|event| match event {
            RelayEvent::StreamEnded { report, .. } => Note::Ended(report),
            RelayEvent::Missed(number) => Note::Missed(number),
            _ => Note::Other,
        });
        let (over, heard) = watch::channel(false);
        let agent = tokio::spawn(collect(agent, heard.clone()));
        Self { agent, relay: tokio::spawn(collect(relay, heard)), refused, over }
    }

    /// Local connections that got no stream and were told to the agent's watchers.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// The endings of agent and relay, once all that were opened have ended.
    pub(super) async fn close(self, opened: [u64; 2]) -> Result<[Endings; 2]> {
        self.over.send_replace(true);
        let ends = [self.agent.await??, self.relay.await??];
        for (end, opened) in ends.iter().zip(opened) {
            let told: u64 = end.values().sum();
            ensure!(told == opened, "{opened} streams were opened, {told} ends were told: {end:?}");
        }
        Ok(ends)
    }
}

/// Collects until it is over and nothing more waits.
async fn collect(notes: impl Stream<Item = Note>, mut over: watch::Receiver<bool>) -> Result<Endings> {
    let mut notes = std::pin::pin!(notes);
    let mut endings = Endings::new();
    loop {
        let note = tokio::select! {
            biased;
            note = notes.next() => note,
            _ = over.wait_for(|over| *over) => None,
        };
        let Some(note) = note else { break };
        match note {
            Note::Ended(StreamReport { ending: Ending::Completed, .. }) => {
                *endings.entry("completed".to_owned()).or_default() += 1;
            }
            Note::Ended(StreamReport { ending, stream, .. }) => {
                let why = ending.to_string();
                ensure!(why.contains(": "), "stream {stream} ended with no more reason than `{why}`");
                *endings.entry(why).or_default() += 1;
            }
            Note::Missed(number) => anyhow::bail!("{number} events were missed"),
            Note::Other => {}
        }
    }
    Ok(endings)
}
