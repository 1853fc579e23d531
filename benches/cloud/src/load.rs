//! Many clients at once, at a rate or as fast as it goes.

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinSet;

use crate::Options;
use crate::client::Client;
use crate::process::Server;

/// What came of a round.
#[derive(Default)]
pub(crate) struct Figures {
    /// Sorted.
    times: Vec<Duration>,
    pub(crate) answered: usize,
    pub(crate) failed: usize,
    took: Duration,
}

impl Figures {
    pub(crate) fn rate(&self) -> f64 {
        self.answered as f64 / self.took.as_secs_f64()
    }

    pub(crate) fn micros(&self, percent: usize) -> f64 {
        let at = (self.times.len() * percent / 100).min(self.times.len().saturating_sub(1));
        self.times.get(at).map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
    }
}

/// Every client calls before it is measured, so that connections and keys are known.
pub(crate) async fn run(server: &Server, options: Options) -> Result<Figures> {
    let mut clients = Vec::with_capacity(options.clients);
    for _ in 0..options.clients {
        let mut client = Client::connect(server.address, &server.key).await?;
        client.call().await?;
        clients.push(client);
    }
    let every = options.rate.map(|rate| Duration::from_secs_f64(options.clients as f64 / rate));
    let began = Instant::now();
    let mut running = JoinSet::new();
    for (at, client) in clients.into_iter().enumerate() {
        // Spread over the period, as clients that do not know each other are.
        let first = every.unwrap_or_default().mul_f64(at as f64 / options.clients as f64);
        running.spawn(one(client, began + first, every, began + options.time));
    }
    let mut all = Figures::default();
    while let Some(done) = running.join_next().await {
        let (times, failed) = done?;
        all.answered += times.len();
        all.failed += failed;
        all.times.extend(times);
    }
    all.took = began.elapsed();
    all.times.sort_unstable();
    Ok(all)
}

/// At a rate, a call's time begins when it was due, so that a server that falls behind does not look fast.
async fn one(mut client: Client, mut due: Instant, every: Option<Duration>, end: Instant) -> (Vec<Duration>, usize) {
    let (mut times, mut failed) = (Vec::new(), 0);
    while due < end && Instant::now() < end {
        match every {
            Some(_) => tokio::time::sleep_until(due.into()).await,
            None => due = Instant::now(),
        }
        match client.call().await {
            Ok((200, true)) => times.push(due.elapsed()),
            Ok(_) => failed += 1,
            Err(_) => return (times, failed + 1),
        }
        due += every.unwrap_or_default();
    }
    (times, failed)
}
