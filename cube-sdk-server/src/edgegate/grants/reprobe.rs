//! Every grant with a role is probed again every six hours: drift shows before a run finds it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{FutureExt as _, StreamExt, stream};

use super::state::{Action, Event, decide};
use crate::edgegate::app::App;
use crate::store::{GrantRow, Time};

/// How often the database is made ready for the time to come.
const KEEP_UP_EVERY: Duration = Duration::from_secs(6 * 60 * 60);
/// Probes that run at the same time.
const AT_ONCE: usize = 8;

/// Probes what is due, then sleeps; ends only by being dropped.
pub(crate) async fn reprobe_forever(app: Arc<App>, period: Duration) {
    // A tenth of the period keeps probes near their time however the grants' clocks lie.
    let step = (period / 10).clamp(Duration::from_millis(10), Duration::from_secs(60));
    let mut kept_up_at = Instant::now();
    loop {
        tokio::time::sleep(step).await;
        if kept_up_at.elapsed() >= KEEP_UP_EVERY {
            kept_up_at = Instant::now();
            if let Err(error) = app.store.keep_up().await {
                tracing::error!(%error, "the database could not be made ready for the months to come");
            }
        }
        let before = Time::from(app.clock.now().saturating_sub(period));
        match app.store.grants_to_probe(before).await {
            Ok(due) => {
                let each = |grant: GrantRow| async {
                    let id = grant.id;
                    // One grant's trouble is not the others'.
                    if AssertUnwindSafe(probe_again(&app, grant, before)).catch_unwind().await.is_err() {
                        tracing::error!(grant = %id, "the probe of a grant panicked");
                    }
                };
                stream::iter(due).for_each_concurrent(AT_ONCE, each).await;
            }
            Err(error) => tracing::error!(%error, "the grants to probe could not be listed"),
        }
    }
}

async fn probe_again(app: &Arc<App>, grant: GrantRow, before: Time) {
    let due = decide(Some(grant.status), Event::Reprobe) == Ok(Action::Probe);
    if let (true, Ok(Some(role))) = (due, grant.role()) {
        // A refusal was logged where it arose; the next period tries again.
        let _ = app.probe_if_due(&grant, &role, before).await;
    }
}
