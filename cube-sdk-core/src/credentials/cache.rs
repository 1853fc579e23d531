//! Keeps a grant until shortly before its end; one refresh at a time.

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Mutex, RwLock};

use super::{Credentials, Grant};
use crate::clock::{Clock, Timestamp};
use crate::error::Result;

/// Puts a cache before a source that is expensive to ask.
///
/// The grant is renewed early, at a moment drawn once per grant, so that many clients do not come
/// back together. While a refresh fails the old grant is served as long as it is valid. Callers
/// that need a new grant at the same time share one refresh.
#[derive(Debug)]
pub struct CachedCredentials<C> {
    source: C,
    clock: Clock,
    early: Duration,
    held: RwLock<Option<Held>>,
    refreshing: Mutex<()>,
}

#[derive(Clone, Debug)]
struct Held {
    grant: Grant,
    renew_at: Option<Timestamp>,
}

impl<C: Credentials> CachedCredentials<C> {
    /// Renews between one and two `early` before the end; half of the lifetime when it is shorter.
    pub fn new(source: C, early: Duration, clock: Clock) -> Self {
        Self { source, clock, early, held: RwLock::new(None), refreshing: Mutex::new(()) }
    }

    async fn fresh(&self) -> Option<Grant> {
        let now = self.clock.now();
        let held = self.held.read().await;
        held.as_ref().filter(|held| held.renew_at.is_none_or(|at| now < at)).map(|held| held.grant.clone())
    }

    async fn still_valid(&self) -> Option<Grant> {
        let now = self.clock.now();
        let held = self.held.read().await;
        held.as_ref().filter(|held| held.grant.expires_at.is_none_or(|at| now < at)).map(|held| held.grant.clone())
    }

    fn renewal(&self, grant: &Grant) -> Option<Timestamp> {
        let expires_at = grant.expires_at?;
        let left = expires_at.since(self.clock.now());
        let early = self.early.mul_f64(1.0 + fastrand::f64()).min(left / 2);
        Some(expires_at.saturating_sub(early))
    }
}

#[async_trait]
impl<C: Credentials> Credentials for CachedCredentials<C> {
    async fn grant(&self) -> Result<Grant> {
        if let Some(grant) = self.fresh().await {
            return Ok(grant);
        }
        let _one_at_a_time = self.refreshing.lock().await;
        if let Some(grant) = self.fresh().await {
            return Ok(grant);
        }
        match self.source.grant().await {
            Ok(grant) => {
                let renew_at = self.renewal(&grant);
                *self.held.write().await = Some(Held { grant: grant.clone(), renew_at });
                Ok(grant)
            }
            Err(error) => match self.still_valid().await {
                Some(grant) => {
                    tracing::debug!(kind = %error.kind(), "early refresh failed, the old credentials still hold");
                    Ok(grant)
                }
                None => Err(error),
            },
        }
    }

    async fn refused(&self, grant: &Grant) -> bool {
        let mut held = self.held.write().await;
        // Another call may have renewed it already: then the replay simply takes the new one.
        if held.as_ref().is_some_and(|held| held.grant.authorization == grant.authorization) {
            *held = None;
        }
        true
    }
}
