//! Keeps a grant until shortly before its end; one refresh at a time.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{Credentials, Grant};
use crate::cached::{Cached, Fresh, Renewal};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result, Sent};

/// Puts a [`Cached`] before a source that is expensive to ask.
///
/// The grant is renewed early, at a moment drawn once per grant, so that many clients do not come back together. A
/// grant that still holds is served at once, whatever becomes of the refresh; who needs a new one shares one refresh,
/// and its failure too.
#[derive(Debug)]
pub struct CachedCredentials<C> {
    source: Arc<C>,
    cached: Cached<Grant>,
}

impl<C: Credentials> CachedCredentials<C> {
    /// Renews between one and two `early` before the end; half of the lifetime when it is shorter.
    pub fn new(source: C, early: Duration, clock: Clock) -> Self {
        Self { source: Arc::new(source), cached: Cached::new(clock).renewal(Renewal::spread(early)) }
    }

    /// How long a failure is the answer. Default 1 s.
    #[must_use]
    pub fn pause(mut self, pause: Duration) -> Self {
        self.cached = self.cached.pause(pause);
        self
    }
}

#[async_trait]
impl<C: Credentials> Credentials for CachedCredentials<C> {
    async fn grant(&self) -> Result<Grant> {
        let source = Arc::clone(&self.source);
        let fetch = || async move {
            let grant = source.grant().await?;
            let expires = grant.expires_at;
            Ok(Fresh::new(grant, expires))
        };
        self.cached.get(fetch).await.map_err(|error| match error.kind() {
            // The refresh itself came to no end: no word of the source.
            ErrorKind::Timeout | ErrorKind::Cancelled => {
                Error::new(ErrorKind::Credentials, format!("no credentials: {}", error.message()))
                    .with_retry_after(error.retry_after())
                    .with_transient(error.is_transient())
                    .with_sent(Sent::No)
                    .cause(error)
            }
            _ => error,
        })
    }

    async fn refused(&self, grant: &Grant) -> bool {
        // Another call may have renewed it already: then the replay simply takes the new one.
        self.cached.forget(|held| held.authorization == grant.authorization);
        true
    }
}

#[cfg(test)]
mod tests;
