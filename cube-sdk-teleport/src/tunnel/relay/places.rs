//! How many connections there are, in all and per caller.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;

use crate::refusal::{Refusal, TunnelCode};

#[derive(Default)]
struct Taken {
    total: usize,
    callers: HashMap<Arc<str>, usize>,
}

/// The places of a relay. They are touched when a connection comes and goes, never while bytes move.
pub(super) struct Places {
    per_key: usize,
    total: usize,
    taken: Arc<watch::Sender<Taken>>,
}

/// One connection's place; given back on drop.
pub(super) struct Place {
    caller: Arc<str>,
    taken: Arc<watch::Sender<Taken>>,
}

/// Why there is no place.
pub(super) enum Full {
    /// The caller has all of its own.
    Caller(Refusal),
    /// The relay has no more.
    Relay(Refusal),
}

impl Places {
    pub(super) fn new(per_key: usize, total: usize) -> Self {
        Self { per_key, total, taken: Arc::new(watch::Sender::new(Taken::default())) }
    }

    pub(super) fn taken(&self) -> usize {
        self.taken.borrow().total
    }

    pub(super) fn take(&self, caller: Arc<str>) -> Result<Place, Full> {
        let mut outcome = Ok(());
        self.taken.send_if_modified(|taken| {
            let own = taken.callers.get(&caller).copied().unwrap_or(0);
            outcome = if taken.total >= self.total {
                Err(Full::Relay(Refusal::new(TunnelCode::Busy, "the relay has no room for another connection")))
            } else if own >= self.per_key {
                Err(Full::Caller(Refusal::new(TunnelCode::Busy, format!("the key has {own} connections open"))))
            } else {
                taken.total += 1;
                taken.callers.insert(Arc::clone(&caller), own + 1);
                Ok(())
            };
            outcome.is_ok()
        });
        outcome.map(|()| Place { caller, taken: Arc::clone(&self.taken) })
    }

    /// Waits until every place is free.
    pub(super) async fn empty(&self) {
        // It fails only when the sender is gone, which `self` holds.
        self.taken.subscribe().wait_for(|taken| taken.total == 0).await.ok();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.taken.send_modify(|taken| {
            taken.total -= 1;
            if let Some(own) = taken.callers.get_mut(&self.caller) {
                *own -= 1;
                if *own == 0 {
                    taken.callers.remove(&self.caller);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_limits_hold_and_places_come_back() {
        let places = Places::new(1, 2);
        let first = places.take("a".into());
        assert!(matches!(places.take("a".into()), Err(Full::Caller(_))));
        let second = places.take("b".into());
        assert!(matches!(places.take("c".into()), Err(Full::Relay(_))));
        drop(first);
        assert!(places.take("a".into()).is_ok());
        drop(second);
        assert_eq!(places.taken(), 0);
    }
}
