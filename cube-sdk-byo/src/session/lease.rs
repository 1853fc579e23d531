//! Credentials with an end, held once per grant, External ID and scope, and renewed before they run out.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use cube_sdk_core::{Result, Timestamp};
use tokio::sync::Mutex;

/// A session with less time left is renewed before a part starts.
const MARGIN: Duration = Duration::from_secs(60);

/// A usable S3 client and when its credentials end.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) issued: Timestamp,
    pub(crate) expires: Option<Timestamp>,
}

impl Lease {
    /// Short sessions cannot keep a minute in reserve: they are renewed at half their life.
    pub(crate) fn is_fresh(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|end| {
            let margin = MARGIN.min(end.since(self.issued) / 2);
            end.since(now) > margin
        })
    }
}

/// Holds one lease; whoever finds it stale renews it while the others wait.
#[derive(Debug, Default)]
pub(crate) struct LeaseCell(Mutex<Option<Arc<Lease>>>);

impl LeaseCell {
    /// The lease in hand, or the one that `renew` brings. One renewal runs at a time.
    pub(crate) async fn get<'a, F>(&self, now: Timestamp, renew: F) -> Result<Arc<Lease>>
    where
        F: FnOnce() -> Pin<Box<dyn Future<Output = Result<Lease>> + Send + 'a>>,
    {
        let mut held = self.0.lock().await;
        if let Some(lease) = held.as_ref().filter(|lease| lease.is_fresh(now)) {
            return Ok(Arc::clone(lease));
        }
        let lease = Arc::new(renew().await?);
        *held = Some(Arc::clone(&lease));
        Ok(lease)
    }

    /// Forgets a lease that S3 called expired, unless another has taken its place.
    pub(crate) async fn forget(&self, stale: &Arc<Lease>) {
        let mut held = self.0.lock().await;
        if held.as_ref().is_some_and(|lease| Arc::ptr_eq(lease, stale)) {
            *held = None;
        }
    }

    /// True when nothing useful is held: the cell may leave a cache.
    pub(crate) fn is_idle(&self, now: Timestamp) -> bool {
        self.0.try_lock().is_ok_and(|held| held.as_ref().is_none_or(|lease| !lease.is_fresh(now)))
    }
}
