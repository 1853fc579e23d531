//! Opening an object: what is expected of it, and how much may be spent on it.

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cube_sdk_core::retry::Deadline;
use cube_sdk_core::{Error, ErrorKind, Result, awaitable};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::budget::Budget;
use super::checksum::hashing;
use super::concurrency::Concurrency;
use super::file::{self, FileReport};
use super::object::{ObjectReader, Task};
use super::ordered::Ordered;
use super::part::part;
use super::plan::{GRAIN, Plan, part_size};
use super::progress::ReaderEvent;
use super::seek::SeekableObject;
use super::source::{Answer, Counters, Digested, EventSink, Got, Source};
use super::window::{MOST, START, Window};
use crate::audit::Recorder;
use crate::code::ByoCode;
use crate::digest::Sha256;
use crate::fault::ByoFault;
use crate::s3_uri::S3Uri;
use crate::session::{GET_OBJECT, Session};

/// The default memory budget: 64 MiB.
pub const DEFAULT_BUDGET: u64 = 64 * 1024 * 1024;

/// The first part is small: nothing else can start before its answer is there.
const FIRST_PART: u64 = 1024 * 1024;

/// An object about to be opened. Awaiting it makes the first request, which is already the first part.
#[derive(Clone)]
#[must_use = "nothing is sent until this is awaited"]
pub struct OpenObject {
    session: Session,
    uri: S3Uri,
    sha256: Option<Sha256>,
    digest: bool,
    size: Option<u64>,
    etag: Option<String>,
    range: Option<Range<u64>>,
    budget: u64,
    part_size: Option<u64>,
    concurrency: Option<usize>,
    deadline: Option<Duration>,
    events: Option<EventSink>,
}

impl Session {
    /// Reads an object of the session's bucket.
    ///
    /// ```no_run
    /// # async fn demo(session: cube_sdk_byo::Session) -> Result<(), Box<dyn std::error::Error>> {
    /// let digest = "a".repeat(64).parse()?;
    /// let mut model = session.open("s3://acme-edge-models/vision/net.onnx".parse()?).expect_sha256(digest).await?;
    /// tokio::io::copy(&mut model, &mut tokio::io::sink()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn open(&self, uri: S3Uri) -> OpenObject {
        OpenObject {
            session: self.clone(),
            uri,
            sha256: None,
            digest: false,
            size: None,
            etag: None,
            range: None,
            budget: DEFAULT_BUDGET,
            part_size: None,
            concurrency: None,
            deadline: None,
            events: None,
        }
    }
}

impl OpenObject {
    /// The digest that the whole object must have. The last chunk is held back until it is checked.
    pub fn expect_sha256(mut self, digest: Sha256) -> Self {
        self.sha256 = Some(digest);
        self.digest = true;
        self
    }

    /// Computes the digest of what is delivered: [`ObjectReader::sha256`].
    pub fn compute_sha256(mut self) -> Self {
        self.digest = true;
        self
    }

    /// The size that the whole object must have, in bytes.
    pub fn expect_size(mut self, bytes: u64) -> Self {
        self.size = Some(bytes);
        self
    }

    /// The ETag that the object must still have, as [`inspect`](Session::inspect) showed it.
    pub fn if_match(mut self, etag: impl Into<String>) -> Self {
        self.etag = Some(etag.into());
        self
    }

    /// Only these bytes. An end behind the object's end stands for its end.
    pub fn range(mut self, range: Range<u64>) -> Self {
        self.range = Some(range);
        self
    }

    /// The most memory between sockets and caller, in bytes. Default 64 MiB, at least 256 KiB. Three quarters of it
    /// are filled with bytes; the rest is for what the heap keeps between allocations of several threads.
    pub fn budget(mut self, bytes: u64) -> Self {
        self.budget = bytes;
        self
    }

    /// Parts of this size instead of 2 to 4 MiB by what pays. At most half the budget is taken.
    pub fn part_size(mut self, bytes: u64) -> Self {
        self.part_size = Some(bytes);
        self
    }

    /// At most this many parts in flight, instead of 32.
    pub fn concurrency(mut self, most: usize) -> Self {
        self.concurrency = Some(most);
        self
    }

    /// Until when all bytes must be there. Default: no limit, but those of each request.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = Some(limit);
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

    /// Reads everything into a file: written beside it under another name, verified, synced, then renamed.
    /// An existing file is replaced, or untouched when anything fails.
    ///
    /// Bytes that are not the expected ones are read once more from scratch, since nobody has seen them: an object
    /// that was overwritten in the middle of the read is then read in its new version, unless a digest or ETag
    /// says otherwise.
    ///
    /// # Errors
    /// As [`OpenObject::into_future`] and reading, and `Io` for the file.
    ///
    /// # Cancel safety
    /// Dropping the future removes what was written.
    pub async fn read_to_file(mut self, path: impl AsRef<Path>) -> Result<FileReport> {
        self.digest = true;
        match file::read_to_file(self.clone(), path.as_ref()).await {
            Err(error) if error.kind() == ErrorKind::Integrity => {
                tracing::debug!(error = %error, "reading once more from scratch");
                file::read_to_file(self, path.as_ref()).await
            }
            outcome => outcome,
        }
    }

    /// A view for model headers: reads small ranges where the caller seeks, pinned to one version.
    ///
    /// # Errors
    /// As [`OpenObject::into_future`].
    pub async fn seekable(self) -> Result<SeekableObject> {
        if self.range.is_some() || self.sha256.is_some() {
            return Err(Error::new(ErrorKind::InvalidInput, "a seekable view takes neither a range nor a digest"));
        }
        let source = self.source()?;
        let first = 0..FIRST_PART.min(part_size(None, self.room(), 1));
        let got = fetch_first(&source, &first).await?;
        let size = self.check_size(&source, &got)?;
        SeekableObject::start(source, size, got).await
    }

    fn check(&self) -> Result<()> {
        self.session.check_bucket(&self.uri)?;
        let refuse = |why: &str| Err(Error::new(ErrorKind::InvalidInput, why).with_target(self.uri.to_string()));
        if self.budget < 4 * GRAIN {
            return refuse("the budget must be at least 256 KiB");
        }
        if self.part_size == Some(0) || self.concurrency == Some(0) {
            return refuse("part size and concurrency must be at least 1");
        }
        if self.range.is_some() && self.sha256.is_some() {
            return refuse("a digest of the whole object says nothing about a range of it");
        }
        if self.range.as_ref().is_some_and(Range::is_empty) {
            return refuse("the range is empty");
        }
        Ok(())
    }

    /// What may be filled of the budget.
    const fn room(&self) -> u64 {
        self.budget / 4 * 3
    }

    fn source(&self) -> Result<Arc<Source>> {
        self.check()?;
        let source = Source {
            session: self.session.clone(),
            uri: self.uri.clone(),
            deadline: self.deadline.map_or(Deadline::none(), Deadline::after),
            budget: Budget::new(self.room()),
            events: self.events.clone(),
            etag: self.etag.clone().map_or_else(OnceLock::new, OnceLock::from),
            size: OnceLock::new(),
            counters: Counters::default(),
            slow_down: Notify::new(),
            digested: self.digest.then(Digested::default),
            started: Instant::now(),
        };
        Ok(Arc::new(source))
    }

    async fn open(self) -> Result<ObjectReader> {
        let source = self.source()?;
        let start = self.range.as_ref().map_or(0, |range| range.start);
        let most = self.range.as_ref().map_or(u64::MAX, |range| range.end - range.start);
        let length = part_size(self.part_size, self.room(), START).min(FIRST_PART).min(most);
        let first = start..start.saturating_add(length);
        // The first part is the only one whose bytes are reserved before its size is known.
        let _ = source.budget.try_reserve(length);
        let got = fetch_first(&source, &first).await?;
        let size = self.check_size(&source, &got)?;
        let Got::Bytes(answer) = got else {
            return self.open_empty(source);
        };
        let end = self.range.as_ref().map_or(size, |range| range.end.min(size));
        source.budget.release(length - (answer.range.end - answer.range.start));
        source.counters.taken.store(start, Ordering::Release);
        source.counters.wanted.store(end - start, Ordering::Relaxed);
        source.tell(|| ReaderEvent::Opened { size, wanted: end - start });
        Ok(self.start(source, answer, end).await)
    }

    async fn start(self, source: Arc<Source>, mut answer: Box<Answer>, end: u64) -> ObjectReader {
        let (parts, received) = mpsc::unbounded_channel();
        let start = answer.range.start;
        let plan = Plan::new(answer.range.end..end, self.part_size, self.room());
        let (fetch, chunks) = part(Arc::clone(&source), answer.range.clone());
        // Waiting here spares the first chunk every change of task, and the cores are its own until it is there.
        fetch.begin(&mut answer).await;
        // The receiver is in hand.
        let _ = parts.send(chunks);
        let most = self.concurrency.unwrap_or(MOST);
        let window = Window { source: Arc::clone(&source), plan, control: Concurrency::new(START, most), parts };
        let mut tasks = vec![Task(tokio::spawn(window.run((fetch, answer))))];
        let ordered = Ordered::new(received, start, end);
        let sha256 = Arc::new(OnceLock::new());
        let hashing = self.digest.then(|| {
            let (hashing, hasher) = hashing(Arc::clone(&source), self.sha256, Arc::clone(&sha256));
            tasks.push(Task(tokio::spawn(hasher.run())));
            hashing
        });
        let current = bytes::Bytes::new();
        ObjectReader { source, chunks: Some(ordered), hashing, held: None, current, sha256, tasks, failed: false }
    }

    fn open_empty(self, source: Arc<Source>) -> Result<ObjectReader> {
        let digest = Sha256::of(b"");
        if let Some(expected) = self.sha256.filter(|expected| *expected != digest) {
            return Err(super::checksum::mismatch(&source, expected, digest));
        }
        let _ = source.size.set(0);
        source.tell(|| ReaderEvent::Opened { size: 0, wanted: 0 });
        let sha256 = if self.digest { OnceLock::from(digest) } else { OnceLock::new() };
        Ok(ObjectReader {
            source,
            chunks: None,
            hashing: None,
            held: None,
            current: bytes::Bytes::new(),
            sha256: Arc::new(sha256),
            tasks: Vec::new(),
            failed: false,
        })
    }

    /// The object's size, when it is the expected one.
    fn check_size(&self, source: &Source, got: &Got) -> Result<u64> {
        let size = match got {
            Got::Bytes(answer) => answer.size,
            Got::BehindEnd(error) if self.range.as_ref().is_some_and(|range| range.start > 0) => {
                let refusal = Error::new(ErrorKind::InvalidInput, "the range starts behind the end of the object");
                return Err(refusal
                    .with_operation(GET_OBJECT)
                    .with_target(self.uri.to_string())
                    .with_request_id(error.request_id()));
            }
            Got::BehindEnd(_) => 0,
        };
        match self.size {
            Some(expected) if expected != size => {
                let detail = format!("size mismatch: expected {expected} bytes, the object has {size}");
                let fault = ByoFault::new(ByoCode::SizeMismatch).with_detail(detail);
                Err(fault.into_error(GET_OBJECT).with_target(source.uri.to_string()))
            }
            _ => Ok(size),
        }
    }
}

async fn fetch_first(source: &Source, range: &Range<u64>) -> Result<Got> {
    source.session.storage.retrier().run(GET_OBJECT, source.deadline, |_| source.get(range)).await
}

awaitable! {
    /// Opens the object: resolves when the first answer's audit row is written and its first bytes are in.
    OpenObject => ObjectReader, open
}
