//! Holds on to a run that other processes would take: a heartbeat, and an end well before the lease's own.

use std::time::{Duration, Instant};

use cube_sdk_core::Result;

use crate::edgegate::app::App;
use crate::store::Held;

/// How often a lease is renewed.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// So long before the end of its lease a holder stops, by its own monotonic clock: two clocks never run quite alike.
const MARGIN: Duration = Duration::from_secs(3);

/// Renews the lease of a run; resolves when the run is no longer this process's to execute.
pub(super) async fn lost(app: &App, held: Held, claimed_at: Instant) {
    let Some(lease) = app.store.lease() else { return std::future::pending().await };
    let mut renewed_at = claimed_at;
    loop {
        let left =
            |renewed_at: Instant| (renewed_at + lease.saturating_sub(MARGIN)).checked_duration_since(Instant::now());
        let Some(remaining) = left(renewed_at) else { break };
        tokio::time::sleep(HEARTBEAT.saturating_sub(renewed_at.elapsed()).min(remaining)).await;
        // A process that was stopped meanwhile finds its time over here, and writes no more.
        let Some(remaining) = left(renewed_at) else { break };
        let sent_at = Instant::now();
        match tokio::time::timeout(remaining, app.store.renew_lease(held)).await {
            Ok(Ok(true)) => renewed_at = sent_at,
            // Cancelled, ended or taken.
            Ok(Ok(false)) => break,
            Ok(Err(error)) => {
                tracing::warn!(run = %held.run, %error, "a lease could not be renewed");
                tokio::time::sleep(HEARTBEAT / 10).await;
            }
            Err(_) => break,
        }
    }
    tracing::warn!(run = %held.run, "a run is no longer this process's");
}

/// Gives up what this process still holds, so that nobody waits for its leases.
pub(crate) async fn give_up(app: &App) -> Result<()> {
    app.store.give_up_leases(Some(app.holder)).await
}
