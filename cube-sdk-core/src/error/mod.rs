//! One error type for callers; typed faults ride inside.
//!
//! [`Error`] is one pointer wide. It answers what can be done ([`Error::kind`]), which call failed
//! ([`Error::operation`]), on what ([`Error::target`]), what the server said ([`Error::status`],
//! [`Error::code`], [`Error::fault`]), what to quote to support ([`Error::request_id`]), what was tried
//! ([`Error::retry`]) and whether anything was sent ([`Error::sent`]).

mod classify;
mod facts;
mod kind;
mod line;
mod report;

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

pub use classify::{kind_of_status, request_id_of, retry_after_of};
pub use facts::WhichClock;
pub use kind::ErrorKind;
pub use report::{RetryReport, Sent, StopReason};

use self::facts::Facts;
use self::line::part;
use crate::operation::Operation;

/// The result of every call of the SDK.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Cause = Box<dyn std::error::Error + Send + Sync + 'static>;

/// What went wrong, with everything needed to act on it.
///
/// Ask the [kind](Self::kind) for what to do, and go by the rest where it matters:
///
/// ```
/// use std::time::Duration;
///
/// use cube_sdk_core::{Error, ErrorKind, WhichClock}; // through the facade: cube_sdk::{…}
///
/// fn next(error: &Error) -> String {
///     match error.kind() {
///         ErrorKind::NotFound => "make it first".to_owned(),
///         ErrorKind::Unauthenticated => "log in again".to_owned(),
///         ErrorKind::Timeout if error.clock() == Some(WhichClock::Deadline) => "allow more".to_owned(),
///         // The SDK repeated it already, as often as `retry` says: later it may go well.
///         _ if error.is_transient() => match error.retry_after() {
///             Some(after) => format!("come back in {after:?}"),
///             None => "come back later".to_owned(),
///         },
///         _ => error.next_step().unwrap_or("report it").to_owned(),
///     }
/// }
///
/// let after = Some(Duration::from_secs(7));
/// let busy = Error::new(ErrorKind::Throttled, "").with_retry_after(after);
/// assert_eq!(next(&busy), "come back in 7s");
/// assert_eq!(busy.to_string(), "throttled; retry after 7 s");
/// ```
///
/// What a domain knows beyond that is its typed fault, read by an extension trait of its crate, each of one shape:
/// `err.byo()` (`ByoErrorExt`), `err.apollo()` (`ApolloErrorExt`), `err.tunnel()` (`TunnelErrorExt`) and
/// `err.app_fault()` (`AppErrorExt`); the facade's prelude brings them all, and its module `error` shows them. Why a
/// list ended early is [`truncation`](Self::truncation).
///
/// `Display` is one line of at most 2 000 characters without the cause, whatever a server sent: control characters,
/// line breaks and invisible characters are escaped, and long texts end in `…` (messages after 1 000 characters, targets
/// 500, advice 400, request ids 128, codes 100). The cause is in [`source`](std::error::Error::source).
///
/// A clone is faithful: it shares the cause and the fault, so that one failure can be told to everyone who waited
/// for the same call.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    operation: Option<Operation>,
    target: Option<String>,
    status: Option<StatusCode>,
    code: Option<String>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    retry: RetryReport,
    sent: Sent,
    facts: Facts,
    advice: Option<String>,
    fault: Option<Arc<dyn Any + Send + Sync>>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// What a caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The message without operation, status and advice.
    pub fn message(&self) -> &str {
        if self.0.message.is_empty() { self.0.kind.phrase() } else { &self.0.message }
    }

    /// The call that failed; none when no call was made.
    pub fn operation(&self) -> Option<Operation> {
        self.0.operation
    }

    /// What the call was about: a URL without secrets, an S3 URI, a name.
    pub fn target(&self) -> Option<&str> {
        self.0.target.as_deref()
    }

    /// The HTTP status, when a server answered.
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// The server's own error code, such as `BYO_KMS_ACCESS_DENIED` or `NoSuchKey`. What the SDK found by itself has
    /// none: ask [`Self::kind`], [`Self::clock`] and the typed fault.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The id to quote to the operator of the service.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// How long the server asked to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// What the SDK tried.
    pub fn retry(&self) -> RetryReport {
        self.0.retry
    }

    /// Whether the request reached the server.
    pub fn sent(&self) -> Sent {
        self.0.sent
    }

    /// What to do next, when the SDK knows.
    pub fn next_step(&self) -> Option<&str> {
        self.0.advice.as_deref()
    }

    /// The typed fault of a domain. Domain crates wrap this in extension traits such as `err.byo()`.
    pub fn fault<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.0.fault.as_deref().and_then(|fault| fault.downcast_ref())
    }
}

/// For those who make errors: the domain crates and doubles of them.
impl Error {
    /// An error of a kind. `message` says what came back, in lower case, without a full stop; empty
    /// means the kind's own words.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let sent = match kind {
            ErrorKind::Config
            | ErrorKind::InvalidInput
            | ErrorKind::Credentials
            | ErrorKind::Unsupported
            | ErrorKind::Connect => Sent::No,
            _ => Sent::Unknown,
        };
        Self(Box::new(Inner {
            kind,
            message: part(message, line::MESSAGE),
            operation: None,
            target: None,
            status: None,
            code: None,
            request_id: None,
            retry_after: None,
            retry: RetryReport::default(),
            sent,
            facts: Facts::default(),
            advice: None,
            fault: None,
            source: None,
        }))
    }

    /// A local file or socket failed; `doing` says what was being done to which path.
    pub fn io(doing: impl Into<String>, source: std::io::Error) -> Self {
        let mut error = Self::new(ErrorKind::Io, doing).cause(source);
        error.0.sent = Sent::No;
        error
    }

    /// Replaces the kind, keeping all else: for codes that say more than a status.
    pub fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// Names the call.
    pub fn with_operation(mut self, operation: Operation) -> Self {
        self.0.operation = Some(operation);
        self
    }

    /// Names what the call was about. The text must hold no secret.
    pub fn with_target(mut self, target: impl Into<String>) -> Self {
        self.0.target = Some(part(target, line::TARGET));
        self
    }

    /// The status that came back; also notes that the server was reached.
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = Some(status);
        self.0.sent = Sent::Yes;
        self
    }

    /// The server's error code, and nothing that this side made up; an empty one is none.
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.0.code = Some(part(code, line::CODE)).filter(|code| !code.is_empty());
        self
    }

    /// The server's request id.
    pub fn with_request_id(mut self, id: Option<impl Into<String>>) -> Self {
        self.0.request_id = id.map(|id| part(id, line::REQUEST_ID));
        self
    }

    /// How long the server asked to wait.
    pub fn with_retry_after(mut self, after: Option<Duration>) -> Self {
        self.0.retry_after = after;
        self
    }

    /// What was tried.
    pub fn with_retry(mut self, retry: RetryReport) -> Self {
        self.0.retry = retry;
        self
    }

    /// Whether anything was sent.
    pub fn with_sent(mut self, sent: Sent) -> Self {
        self.0.sent = sent;
        self
    }

    /// The clock that ran out, for `Timeout`.
    pub fn with_clock(mut self, clock: WhichClock) -> Self {
        self.0.facts.clock = Some(clock);
        self
    }

    /// Says whether another try may end otherwise, where the kind alone does not tell: for `Credentials` the cause
    /// decides; a `Connect` whose certificate is not trusted is not worth another.
    pub fn with_transient(mut self, transient: bool) -> Self {
        self.0.facts.transient = Some(transient);
        self
    }

    /// Says that a name fits several things.
    pub fn with_ambiguous(mut self) -> Self {
        self.0.facts.ambiguous = true;
        self
    }

    /// What the reader should do next, as an order in lower case.
    pub fn advice(mut self, advice: impl Into<String>) -> Self {
        self.0.advice = Some(part(advice, line::ADVICE));
        self
    }

    /// Puts a domain's typed fault inside.
    pub fn with_fault<T: Any + Send + Sync>(mut self, fault: T) -> Self {
        self.0.fault = Some(Arc::new(fault));
        self
    }

    /// The cause, shown by `source()` and never repeated in the line.
    pub fn cause(mut self, source: impl Into<Cause>) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("kind", &self.0.kind).field("line", &self.to_string());
        if let Some(source) = &self.0.source {
            out.field("source", source);
        }
        out.finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}

#[cfg(test)]
mod tests;
