//! Credentials with an end, held once per grant, External ID and scope, and renewed before they run out.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use cube_sdk_core::cached::{Cached, Fresh, Renewal};
use cube_sdk_core::retry::Deadline;
use cube_sdk_core::{Clock, Error, ErrorKind, Result, WhichClock};

use super::assume::assume_role;
use super::{Identity, Session};

/// A session with less time left is renewed, beside the calls that it still serves. Shorter ones cannot keep a minute in
/// reserve: they are renewed at half their life.
const MARGIN: Duration = Duration::from_secs(60);

/// Longer than any patience of the policy's: an AssumeRole that is throttled is waited for.
const PATIENCE: Duration = Duration::from_secs(180);

/// A usable S3 client.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) s3: aws_sdk_s3::Client,
    /// Whether S3 took it once: one that it never took speaks against the next one too.
    pub(super) served: AtomicBool,
}

/// Where sessions of one grant, External ID and scope find their lease.
pub(crate) type LeaseCell = Cached<Arc<Lease>>;

/// An empty cell.
pub(crate) fn cell(clock: Clock) -> LeaseCell {
    Cached::new(clock).renewal(Renewal::before_end(MARGIN)).patience(PATIENCE)
}

impl Session {
    /// A lease that holds. One renewal runs at a time, for everyone who waits.
    pub(crate) async fn lease(&self, deadline: Deadline) -> Result<Arc<Lease>> {
        let lease = self.cell.get(|| renew(self.clone()));
        let Some(left) = deadline.left() else { return lease.await };
        tokio::time::timeout(left, lease).await.unwrap_or_else(|_| {
            let words = "the call's deadline passed while its session was opened";
            Err(Error::new(ErrorKind::Timeout, words)
                .with_clock(WhichClock::Deadline)
                .with_sent(cube_sdk_core::error::Sent::No)
                .advice("allow more time with a longer deadline"))
        })
    }
}

async fn renew(session: Session) -> Result<Fresh<Arc<Lease>>> {
    let base = session.account.base();
    let own = base.keys(&session.region).await?;
    let (keys, expires) = match &session.identity {
        Identity::Own => (own.keys, own.expires),
        Identity::Role { .. } => {
            let (keys, expires) = assume_role(&session, own.keys).await?;
            (keys, Some(expires))
        }
    };
    let s3 = base.s3(&session.region, session.bucket.as_str(), keys).await?;
    Ok(Fresh::new(Arc::new(Lease { s3, served: AtomicBool::new(false) }), expires))
}
