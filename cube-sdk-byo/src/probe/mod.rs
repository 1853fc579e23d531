//! Is a grant ready to be read from? Tells every code apart, a line per check, with AWS's request ids.

mod report;
mod steps;

use std::time::Duration;

use cube_sdk_core::names::taken;
use cube_sdk_core::retry::Deadline;
use cube_sdk_core::{Error, ErrorKind, Result, WhichClock, awaitable};

pub use report::{CheckName, CheckStatus, ProbeCheck, ProbeReport};
use steps::Steps;

use crate::audit::{ProbeId, Recorder};
use crate::s3_uri::ObjectKey;
use crate::session::{GrantRef, Identity, Scope, Session, session_name_of};
use crate::storage::Storage;

/// A probe ends within this.
const LIMIT: Duration = Duration::from_secs(20);

/// The sessions of probes are short.
const SESSION: Duration = Duration::from_secs(900);

/// A probe about to be made; awaiting it makes it.
///
/// AssumeRole with the grant's External ID; HEAD of the bucket; HEAD of a key that does not exist. Reading and
/// decrypting are proved only on a known object ([`Probe::sample_key`]): without one they are `not checked`.
///
/// ```
/// use cube_sdk_byo::{ByoCode, GrantRef};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let world = cube_sdk_testkit::aws::AwsWorld::builder().start().await?;
/// # let card = world.card();
/// # let storage = cube_sdk_byo::Storage::builder()
/// #     .keys(&card.worker.access_key_id, card.worker.secret_access_key.clone(), None)
/// #     .endpoint_url(card.endpoint_url.parse()?)
/// #     .build()?;
/// let external_id = "c2b7a6d4-93e1-4f0a-b1d8-6a1e5d2f7c90".parse()?;
/// let grant =
///     GrantRef::new(card.role_arn.parse()?, external_id, card.bucket.parse()?, card.region.parse()?);
/// // The key of this object is not for the role: `storage` may assume it, and cannot read.
/// let report = storage.probe(&grant).sample_key(&card.kms_denied_key).await?;
/// assert_eq!(report.code(), Some(&ByoCode::KmsAccessDenied));
/// println!("{}", report.fix().unwrap_or_default());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until this is awaited"]
pub struct Probe {
    session: Session,
    sample: Option<Result<ObjectKey>>,
    strict: bool,
}

impl Storage {
    /// Probes a grant under a session of its own. Each call leaves an audit row of event `verify_probe`.
    ///
    /// ```
    /// use cube_sdk_byo::GrantRef;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let world = cube_sdk_testkit::aws::AwsWorld::builder().start().await?;
    /// # let card = world.card();
    /// # let storage = cube_sdk_byo::Storage::builder()
    /// #     .keys(&card.worker.access_key_id, card.worker.secret_access_key.clone(), None)
    /// #     .endpoint_url(card.endpoint_url.parse()?)
    /// #     .build()?;
    /// // `storage` is a `Storage` with the keys that the role admits.
    /// let external_id = "c2b7a6d4-93e1-4f0a-b1d8-6a1e5d2f7c90".parse()?;
    /// let grant =
    ///     GrantRef::new(card.role_arn.parse()?, external_id, card.bucket.parse()?, card.region.parse()?);
    /// let report = storage.probe(&grant).sample_key(&card.object_key).await?;
    /// println!("{report}"); // a line per check, with AWS's request ids
    /// assert!(report.is_ready());
    /// # Ok(())
    /// # }
    /// ```
    pub fn probe(&self, grant: &GrantRef) -> Probe {
        let id = grant.id.as_deref().unwrap_or(grant.external_id.as_str());
        let short: String = id.chars().take(8).collect();
        let mut session = self.fresh_session(grant, Scope::Bucket);
        if let Identity::Role { name, duration, .. } = &mut session.identity {
            *name = session_name_of(&format!("edgegate-probe-{short}"));
            *duration = SESSION.min(*duration);
        }
        Probe { session, sample: None, strict: false }
    }
}

impl Probe {
    /// A key that is known to exist: the newest registered artifact.
    pub fn sample_key(mut self, key: impl TryInto<ObjectKey, Error: Into<Error>>) -> Self {
        self.sample = Some(taken(key));
        self
    }

    /// A role without ListBucket fails as BYO_OBJECT_ACCESS_DENIED instead of passing with a warning.
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Another recorder for the audit rows.
    pub fn audit(mut self, recorder: Recorder) -> Self {
        self.session = self.session.audit(recorder);
        self
    }

    async fn run(mut self) -> Result<ProbeReport> {
        let id = ProbeId::mint();
        self.session.audit.probe_id = Some(id.clone());
        let sample = self.sample.transpose()?;
        let steps = Steps::new(&self.session, id, Deadline::after(LIMIT));
        match tokio::time::timeout(LIMIT, steps.run(sample, self.strict)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Error::new(ErrorKind::Timeout, "the probe took longer than 20 s")
                .with_clock(WhichClock::Deadline)
                .advice("probe again later: the grant's status says nothing new, since AWS did not answer in time")),
        }
    }
}

awaitable! {
    /// Makes the probe. An error means that nothing was learned (network, throttling, 5xx, bad keys of one's
    /// own): a grant's status must then stay as it was.
    Probe => ProbeReport, run
}
