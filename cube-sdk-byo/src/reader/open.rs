//! Opening an object: what is expected of it, and how much may be spent on it.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use cube_sdk_core::names::taken;
use cube_sdk_core::retry::Deadline;
use cube_sdk_core::{Error, ErrorKind, Result};

use super::pin::Pin;
use super::plan::GRAIN;
use super::progress::ReaderEvent;
use super::source::EventSink;
use crate::audit::Recorder;
use crate::digest::Sha256;
use crate::s3_uri::S3Uri;
use crate::session::Session;
use crate::stored_checksum::StoredChecksum;

/// The default memory budget: 64 MiB.
pub const DEFAULT_BUDGET: u64 = 64 * 1024 * 1024;

/// So much may be filled from a store far away of any budget that has it, but for its sixteenth.
const NEARLY_ALL: u64 = 48 * 1024 * 1024;

/// An object about to be opened. Awaiting it makes the first request, which is already the first part.
#[derive(Clone)]
#[must_use = "nothing is sent until this is awaited"]
pub struct OpenObject {
    pub(super) session: Session,
    pub(super) uri: Result<S3Uri>,
    pub(super) sha256: Option<Sha256>,
    pub(super) digest: bool,
    pub(super) size: Option<u64>,
    pub(super) pin: Option<Pin>,
    pub(super) range: Option<Range<u64>>,
    pub(super) budget: u64,
    pub(super) part_size: Option<u64>,
    pub(super) concurrency: Option<usize>,
    pub(super) verify_stored: bool,
    /// What S3 stores, once it was asked.
    pub(super) checksum: Option<StoredChecksum>,
    limit: Option<Duration>,
    until: Option<Deadline>,
    pub(super) events: Option<EventSink>,
}

impl Session {
    /// Reads an object of the session's bucket.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let world = cube_sdk_testkit::aws::AwsWorld::builder().start().await?;
    /// # let card = world.card();
    /// # let storage = cube_sdk_byo::Storage::builder()
    /// #     .keys(&card.admin.access_key_id, card.admin.secret_access_key.clone(), None)
    /// #     .endpoint_url(card.endpoint_url.parse()?)
    /// #     .build()?;
    /// # let session = storage.own_session(&card.bucket, &card.region)?;
    /// # let uri = format!("s3://{}/{}", card.bucket, card.object_key);
    /// let mut model = session.open(uri).expect_sha256(&card.object_sha256).await?;
    /// let bytes = tokio::io::copy(&mut model, &mut tokio::io::sink()).await?;
    /// assert_eq!(bytes, card.object_size);
    /// # Ok(())
    /// # }
    /// ```
    pub fn open(&self, uri: impl TryInto<S3Uri, Error: Into<Error>>) -> OpenObject {
        OpenObject {
            session: self.clone(),
            uri: taken(uri),
            sha256: None,
            digest: false,
            size: None,
            pin: None,
            range: None,
            budget: DEFAULT_BUDGET,
            part_size: None,
            concurrency: None,
            verify_stored: false,
            checksum: None,
            limit: None,
            until: None,
            events: None,
        }
    }
}

impl OpenObject {
    /// The digest that the whole object must have. The last chunk is held back until it is checked.
    pub fn expect_sha256(mut self, digest: impl TryInto<Sha256, Error: Into<Error>>) -> Self {
        match taken(digest) {
            Ok(digest) => self.sha256 = Some(digest),
            Err(refusal) => self.uri = self.uri.and(Err(refusal)),
        }
        self.digest = true;
        self
    }

    /// Computes the digest of what is delivered: [`ObjectReader::sha256`](super::ObjectReader::sha256).
    pub fn compute_sha256(mut self) -> Self {
        self.digest = true;
        self
    }

    /// The size that the whole object must have, in bytes.
    pub fn expect_size(mut self, bytes: u64) -> Self {
        self.size = Some(bytes);
        self
    }

    /// The ETag that the object must still have, as [`inspect`](Session::inspect) showed it. Every answer is compared with
    /// it; a strong one is also sent as a condition. An empty one pins nothing.
    pub fn if_match(mut self, etag: impl AsRef<str>) -> Self {
        self.pin = Some(etag.as_ref()).filter(|etag| !etag.trim().is_empty()).map(Pin::new);
        self
    }

    /// Only these bytes. An end behind the object's end stands for its end.
    pub fn range(mut self, range: Range<u64>) -> Self {
        self.range = Some(range);
        self
    }

    /// The most memory between sockets and caller, in bytes. Default 64 MiB, at least 256 KiB. Three quarters of it
    /// are filled with bytes, from a store far away nearly all of less than 64 MiB; the rest is for what the heap keeps
    /// between allocations of several threads.
    pub fn budget(mut self, bytes: u64) -> Self {
        self.budget = bytes;
        self
    }

    /// Parts of this size instead of 2 to 4 MiB by what pays. At most half the budget is taken.
    pub fn part_size(mut self, bytes: u64) -> Self {
        self.part_size = Some(bytes);
        self
    }

    /// At most this many parts in flight, instead of 32, or of 64 small ones where a small budget reads from far away.
    pub fn concurrency(mut self, most: usize) -> Self {
        self.concurrency = Some(most);
        self
    }

    /// Until when all bytes must be there. Default: no limit, but those of each request.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Told of what happens, on the reader's own tasks.
    pub fn progress(mut self, told: impl Fn(ReaderEvent) + Send + Sync + 'static) -> Self {
        self.events = Some(Arc::new(told));
        self
    }

    /// Another recorder for the audit rows of this read, such as one that names run and artifact.
    pub fn audit(mut self, recorder: Recorder) -> Self {
        self.session = self.session.audit(recorder);
        self
    }

    /// What is to be read, once nothing speaks against it.
    pub(super) fn check(&self) -> Result<S3Uri> {
        let uri = self.uri.clone()?;
        self.session.check_bucket(&uri)?;
        let refuse = |why: &str| Err(Error::new(ErrorKind::InvalidInput, why).with_target(uri.to_string()));
        if self.budget < 4 * GRAIN {
            return refuse("the budget must be at least 256 KiB");
        }
        if self.part_size == Some(0) || self.concurrency == Some(0) {
            return refuse("part size and concurrency must be at least 1");
        }
        if self.range.is_some() && (self.sha256.is_some() || self.verify_stored) {
            return refuse("a digest or checksum of the whole object says nothing about a range of it");
        }
        if self.range.as_ref().is_some_and(Range::is_empty) {
            return refuse("the range is empty");
        }
        Ok(uri)
    }

    /// What may be filled of the budget.
    pub(super) const fn room(&self) -> u64 {
        self.budget / 4 * 3
    }

    /// What may be filled of it from a store far away: of a small budget nearly all.
    pub(super) fn room_far(&self) -> u64 {
        self.room().max(NEARLY_ALL.min(self.budget / 16 * 15))
    }

    /// When the read ends, counted from the first time that this is asked for: tries of one read share it.
    pub(super) fn ends(&mut self) -> Deadline {
        let limit = self.limit;
        *self.until.get_or_insert_with(|| limit.map_or(Deadline::none(), Deadline::after))
    }
}
