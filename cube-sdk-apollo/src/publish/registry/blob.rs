//! Bytes on their way into a repository: looked for first, then sent in parts, gone on with where a failure left them.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cube_sdk_core::engine::{Call, Clocks, Reply};
use cube_sdk_core::retry::{Attempt, Frame, Retrier};
use cube_sdk_core::transport::{Chunks, Upload};
use cube_sdk_core::{Error, ErrorKind, Idempotency, Operation, Result};
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use tokio::sync::Mutex;
use url::Url;

use super::Digest;
use super::session::Session;
use crate::publish::PublishFault;

const PUSH: Operation = Operation::new("registry", "push_blob", Idempotency::Repeatable);
const HEAD: Operation = Operation::new("registry", "head_blob", Idempotency::Read);
const BEGIN: Operation = Operation::new("registry", "begin_upload", Idempotency::Repeatable);
const PART: Operation = Operation::new("registry", "send_part", Idempotency::Repeatable);
const STATE: Operation = Operation::new("registry", "get_upload", Idempotency::Read);
const END: Operation = Operation::new("registry", "end_upload", Idempotency::Repeatable);
const CANCEL: Operation = Operation::new("registry", "cancel_upload", Idempotency::Repeatable);

/// Up to here a blob goes with the request that ends its upload, as the published agent sends it.
const SMALL: u64 = 4 * 1024 * 1024;
/// What a registry takes at once of a longer one.
const PART_LENGTH: u64 = 64 * 1024 * 1024;
/// What is read from disk at once.
const CHUNK: usize = 256 * 1024;

/// Bytes of a known digest.
#[derive(Clone, Debug)]
pub(super) struct Blob {
    pub(super) digest: Digest,
    pub(super) length: u64,
    pub(super) source: Source,
}

#[derive(Clone, Debug)]
pub(super) enum Source {
    Bytes(Bytes),
    File(PathBuf),
}

/// Told how many bytes of the blob have gone out.
pub(super) type Watch = Arc<dyn Fn(u64) + Send + Sync>;

impl Blob {
    pub(super) fn of_bytes(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { digest: Digest::of(&bytes), length: bytes.len() as u64, source: Source::Bytes(bytes) }
    }

    /// The bytes from `start` on, `length` of them.
    fn upload(&self, start: u64, length: u64, watch: Option<Watch>) -> Upload {
        let source = self.source.clone();
        Upload::new(length, move || {
            let chunks: Chunks = match &source {
                Source::Bytes(bytes) => {
                    let from = usize::try_from(start).unwrap_or(usize::MAX).min(bytes.len());
                    let to = from.saturating_add(usize::try_from(length).unwrap_or(usize::MAX)).min(bytes.len());
                    stream::iter([Ok(bytes.slice(from..to))]).boxed()
                }
                Source::File(path) => file_chunks(path.clone(), start, length),
            };
            let (watch, mut sent) = (watch.clone(), start);
            chunks
                .inspect(move |chunk| {
                    if let (Ok(chunk), Some(watch)) = (chunk, &watch) {
                        sent += chunk.len() as u64;
                        watch(sent);
                    }
                })
                .boxed()
        })
    }
}

/// Reads a file beside the network.
fn file_chunks(path: PathBuf, start: u64, length: u64) -> Chunks {
    struct Reading {
        path: PathBuf,
        file: Option<File>,
        at: u64,
        left: u64,
    }
    let reading = Reading { path, file: None, at: start, left: length };
    stream::try_unfold(reading, |mut reading| async move {
        if reading.left == 0 {
            return Ok(None);
        }
        let read = tokio::task::spawn_blocking(move || {
            let failed = |path: &PathBuf, cause| Error::io(format!("reading {}", path.display()), cause);
            if reading.file.is_none() {
                let mut file = File::open(&reading.path).map_err(|cause| failed(&reading.path, cause))?;
                file.seek(SeekFrom::Start(reading.at)).map_err(|cause| failed(&reading.path, cause))?;
                reading.file = Some(file);
            }
            let want = usize::try_from(reading.left).unwrap_or(usize::MAX).min(CHUNK);
            let mut bytes = vec![0; want];
            if let Some(file) = &mut reading.file {
                file.read_exact(&mut bytes).map_err(|cause| failed(&reading.path, cause))?;
            }
            reading.left -= want as u64;
            Ok((Bytes::from(bytes), reading))
        });
        read.await.unwrap_or_else(|_| Err(Error::new(ErrorKind::Cancelled, "reading the file was stopped"))).map(Some)
    })
    .boxed()
}

/// How far an upload is.
#[derive(Debug, Default)]
struct State {
    /// Where the upload goes on.
    place: Option<Url>,
    offset: u64,
    /// Something was sent and not answered: the registry knows how far it got.
    in_doubt: bool,
    /// The registry takes no parts.
    whole: bool,
}

impl State {
    /// Begins anew with the next attempt.
    fn lose(&mut self) {
        *self = Self { whole: self.whole, ..Self::default() };
    }
}

/// Pushes a blob; true when the registry had it already.
pub(super) async fn push(session: &Session, retrier: &Retrier, blob: &Blob, watch: Option<Watch>) -> Result<bool> {
    let state = Arc::new(Mutex::new(State::default()));
    let about = session.about(blob.digest.as_str());
    let attempt = |attempt: Attempt| {
        let (state, watch) = (Arc::clone(&state), watch.clone());
        async move {
            let mut state = state.lock().await;
            // A push may fail as often with 500 as with 502: it is many requests.
            Pushing { session, blob, watch }.attempt(&mut state, &attempt).await.map_err(|error| match error.status() {
                Some(StatusCode::INTERNAL_SERVER_ERROR) => error.with_kind(ErrorKind::Unavailable),
                _ => error,
            })
        }
    };
    let outcome = Frame::new(PUSH).target(about).run(retrier, attempt).await;
    let outcome = outcome.map_err(|error| match error.status() {
        Some(StatusCode::INTERNAL_SERVER_ERROR) => error.with_kind(ErrorKind::Server),
        _ => error,
    });
    if outcome.is_err()
        && let Some(place) = state.lock().await.place.take()
    {
        let mut clocks = Clocks::default();
        clocks.deadline = Duration::from_secs(5);
        // The registry forgets it by itself some day.
        let _ = session.once.run(&Call::new(CANCEL, Method::DELETE, place).clocks(clocks)).await;
    }
    outcome
}

struct Pushing<'p> {
    session: &'p Session,
    blob: &'p Blob,
    watch: Option<Watch>,
}

impl Pushing<'_> {
    async fn attempt(&self, state: &mut State, attempt: &Attempt) -> Result<bool> {
        // Also after a last request that was not answered.
        if self.is_there().await? {
            return Ok(state.place.is_none() && !state.in_doubt && attempt.number == 1);
        }
        // What goes whole goes into an upload that took nothing yet.
        let small = self.blob.length <= SMALL || state.whole;
        match (state.in_doubt, small) {
            (true, true) => state.lose(),
            (true, false) => self.ask(state).await?,
            (false, _) => {}
        }
        if state.place.is_none() {
            self.begin(state).await?;
        }
        while !small && state.offset < self.blob.length {
            self.part(state).await?;
            attempt.progressed();
        }
        self.end(state, small).await?;
        Ok(false)
    }

    async fn is_there(&self) -> Result<bool> {
        let call = self.session.call(HEAD, Method::HEAD, &format!("blobs/{}", self.blob.digest))?;
        match self.session.once.run(&call).await {
            Ok(reply) => {
                let length =
                    reply.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
                Ok(length.is_none_or(|length: u64| length == self.blob.length))
            }
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Unsupported) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn begin(&self, state: &mut State) -> Result<()> {
        let call = self.session.call(BEGIN, Method::POST, "blobs/uploads/")?.header(header::CONTENT_LENGTH, zero());
        let reply = self.session.once.run(&call).await?;
        let base = self.session.base.join(&format!("{}/blobs/uploads/", self.session.repository));
        let base = base.map_err(|cause| Error::new(ErrorKind::InvalidInput, "no URL").cause(cause))?;
        let place = self.session.location(&reply, &base)?.ok_or_else(|| {
            Error::new(ErrorKind::Protocol, "the registry did not say where to upload to").with_status(reply.status)
        })?;
        *state = State { place: Some(place), whole: state.whole, ..State::default() };
        Ok(())
    }

    /// How far did it get?
    async fn ask(&self, state: &mut State) -> Result<()> {
        state.in_doubt = false;
        let Some(place) = state.place.clone() else { return Ok(()) };
        let call = Call::new(STATE, Method::GET, place.clone()).about(self.session.about("upload"));
        match self.session.once.run(&call).await {
            Ok(reply) => {
                match received(&reply.headers).filter(|offset| *offset <= self.blob.length) {
                    Some(offset) => {
                        state.offset = offset;
                        state.place = Some(self.session.location(&reply, &place)?.unwrap_or(place));
                    }
                    None => state.lose(),
                }
                Ok(())
            }
            Err(error)
                if error
                    .status()
                    .is_some_and(|status| status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS) =>
            {
                state.lose();
                Ok(())
            }
            Err(error) => {
                state.in_doubt = true;
                Err(error)
            }
        }
    }

    async fn part(&self, state: &mut State) -> Result<()> {
        let Some(place) = state.place.clone() else { return Err(lost()) };
        let length = PART_LENGTH.min(self.blob.length - state.offset);
        let end = state.offset + length;
        let range = HeaderValue::from_str(&format!("{}-{}", state.offset, end - 1))
            .map_err(|cause| Error::new(ErrorKind::InvalidInput, "no range").cause(cause))?;
        let call = Call::new(PART, Method::PATCH, place.clone())
            .about(self.session.about("upload"))
            .header(header::CONTENT_TYPE, octets())
            .header(header::CONTENT_RANGE, range)
            .upload(self.blob.upload(state.offset, length, self.watch.clone()))
            .clocks(long());
        state.in_doubt = true;
        let reply = self.session.once.run(&call).await.map_err(|error| self.lost_by(state, error))?;
        let accepted = received(&reply.headers).unwrap_or(end);
        if accepted <= state.offset || accepted > end {
            state.lose();
            return Err(Error::new(ErrorKind::Protocol, format!("the registry took bytes up to {accepted} of {end}")));
        }
        state.offset = accepted;
        state.in_doubt = false;
        state.place = Some(self.session.location(&reply, &place)?.unwrap_or(place));
        Ok(())
    }

    async fn end(&self, state: &mut State, with_body: bool) -> Result<()> {
        let Some(mut place) = state.place.clone() else { return Err(lost()) };
        // Not percent-encoded, as registries show it; what the registry put into the query stays as it is.
        let query = match place.query().filter(|query| !query.is_empty()) {
            Some(query) => format!("{query}&digest={}", self.blob.digest),
            None => format!("digest={}", self.blob.digest),
        };
        place.set_query(Some(&query));
        let call = Call::new(END, Method::PUT, place).about(self.session.about(self.blob.digest.as_str()));
        let call = call.header(header::CONTENT_TYPE, octets()).clocks(long());
        let call = if with_body && self.blob.length > 0 {
            call.upload(self.blob.upload(0, self.blob.length, self.watch.clone()))
        } else {
            call.header(header::CONTENT_LENGTH, zero())
        };
        state.in_doubt = true;
        let reply = self.session.once.run(&call).await.map_err(|error| self.lost_by(state, error))?;
        *state = State::default();
        same_digest(&reply, &self.blob.digest)
    }

    /// An upload that the registry does not know any more is begun anew, and one whose parts it does not take goes whole.
    fn lost_by(&self, state: &mut State, error: Error) -> Error {
        let Some(status) = error.status() else { return error };
        let no_parts = matches!(status.as_u16(), 405 | 501) || error.code() == Some("UNSUPPORTED");
        if no_parts && !state.whole {
            state.whole = true;
        } else if !matches!(status.as_u16(), 404 | 416) {
            if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS {
                state.lose();
            }
            return error;
        }
        state.lose();
        lost().cause(error)
    }
}

fn lost() -> Error {
    Error::new(ErrorKind::Transport, "the registry lost the upload")
}

/// Uploads take as long as they take; the first-byte clock ends one that does not move.
fn long() -> Clocks {
    let mut clocks = Clocks::default();
    clocks.first_byte = Duration::from_secs(120);
    clocks.attempt = Duration::from_secs(24 * 3600);
    clocks.deadline = Duration::from_secs(24 * 3600);
    clocks
}

fn octets() -> HeaderValue {
    HeaderValue::from_static("application/octet-stream")
}

fn zero() -> HeaderValue {
    HeaderValue::from_static("0")
}

/// How many bytes the registry has, by its `Range: 0-N`. `0-0` is what it says of nothing, too.
fn received(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(header::RANGE)?.to_str().ok()?;
    let text = text.strip_prefix("bytes=").unwrap_or(text);
    let last: u64 = text.strip_prefix("0-")?.parse().ok()?;
    Some(if last == 0 { 0 } else { last + 1 })
}

/// The digest that a registry names for what it got must be the one that was sent.
pub(super) fn same_digest(reply: &Reply, digest: &Digest) -> Result<()> {
    match reply.headers.get(HeaderName::from_static("docker-content-digest")) {
        Some(named) if named.as_bytes() != digest.as_str().as_bytes() => {
            let named = String::from_utf8_lossy(named.as_bytes());
            Err(Error::new(ErrorKind::Integrity, format!("the registry has {named} where {digest} was sent"))
                .with_status(reply.status)
                .with_fault(PublishFault::Differs))
        }
        _ => Ok(()),
    }
}

/// A whole file as a request's body.
pub(in crate::publish) fn file_upload(path: &std::path::Path, length: u64) -> Upload {
    let path = path.to_path_buf();
    Upload::new(length, move || file_chunks(path.clone(), 0, length))
}
