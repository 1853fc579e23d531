//! The one frame of a call: span, attempts, waits, deadline, report.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::{Deadline, Decision, Retrier, Tries};
use crate::error::{Error, ErrorKind, Result, RetryReport, Sent, StopReason, WhichClock};
use crate::metrics;
use crate::operation::Operation;

/// Runs the attempts of one call, whatever it goes over: REST, GraphQL, S3, STS, a tunnel's connect.
///
/// A call is a span `cube.call`, each attempt a child `cube.attempt`. Their fields, by OpenTelemetry's names where it
/// has one:
///
/// | span | field | meaning |
/// |---|---|---|
/// | both | `rpc.service`, `rpc.method` | the [`Operation`] |
/// | both | `error.type` | the [`ErrorKind`] that it ended with; absent on success |
/// | call | `cube.target` | what the call is about, without secrets |
/// | call | `cube.attempts` | attempts made |
/// | attempt | `http.request.resend_count` | 0 for the first |
/// | attempt | `http.response.status_code` | the status, when an answer came |
/// | attempt | `cube.request_id` | the server's request id, when an answer named one |
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// use cube_sdk_core::operation::{Idempotency, Operation};
/// use cube_sdk_core::retry::{Deadline, Frame, Retrier};
///
/// const PING: Operation = Operation::new("app", "ping", Idempotency::Read);
/// let pong = Frame::new(PING)
///     .target("app-7")
///     .deadline(Deadline::after(std::time::Duration::from_secs(5)))
///     .run(&Retrier::default(), |attempt| async move {
///         attempt.answered(Some(200), Some("req-1"));
///         Ok("pong")
///     })
///     .await?;
/// assert_eq!(pong, "pong");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a frame does nothing until it runs"]
pub struct Frame {
    operation: Operation,
    target: Option<String>,
    deadline: Deadline,
}

/// One attempt of a call that is under way. Cheap to clone.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// The call.
    pub operation: Operation,
    /// 1 for the first.
    pub number: u32,
    span: Span,
    progress: Arc<AtomicBool>,
}

impl Attempt {
    /// An attempt outside of any frame: for tests of middlewares.
    pub fn new(operation: Operation, number: u32) -> Self {
        Self { operation, number, span: Span::none(), progress: Arc::default() }
    }

    fn begin(operation: Operation, number: u32, progress: &Arc<AtomicBool>) -> Self {
        let span = tracing::info_span!(
            "cube.attempt",
            rpc.service = operation.service(),
            rpc.method = operation.name(),
            http.request.resend_count = number.saturating_sub(1),
            http.response.status_code = Empty,
            cube.request_id = Empty,
            error.r#type = Empty,
        );
        Self { operation, number, span, progress: Arc::clone(progress) }
    }

    /// Notes what came back: the status, where there is one, and the id to quote to the operator.
    pub fn answered(&self, status: Option<u16>, request_id: Option<&str>) {
        if let Some(status) = status {
            self.span.record("http.response.status_code", status);
        }
        if let Some(id) = request_id {
            self.span.record("cube.request_id", id);
        }
    }

    /// Notes that this attempt brought the call further, though it may still fail: the policy's count of failures
    /// starts anew.
    pub fn progressed(&self) {
        self.progress.store(true, Ordering::Relaxed);
    }
}

impl Frame {
    /// A call without target and deadline.
    pub const fn new(operation: Operation) -> Self {
        Self { operation, target: None, deadline: Deadline::none() }
    }

    /// What the call is about, for errors and spans: a URL without secrets, an S3 URI, a name.
    pub fn target(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// When the call ends, retries and waits included.
    pub fn deadline(mut self, deadline: Deadline) -> Self {
        self.deadline = deadline;
        self
    }

    /// Calls `attempt` until it succeeds or the policy says stop. The error that comes back carries operation, target and
    /// report.
    ///
    /// # Errors
    /// The last attempt's error; `Timeout` when the deadline passes within an attempt.
    ///
    /// # Cancel safety
    /// Dropping the future drops the running attempt; what it sent may have arrived.
    pub async fn run<T, F, A>(self, retrier: &Retrier, attempt: F) -> Result<T>
    where
        F: FnMut(Attempt) -> A,
        A: Future<Output = Result<T>>,
    {
        let span = tracing::info_span!(
            "cube.call",
            otel.kind = "client",
            rpc.service = self.operation.service(),
            rpc.method = self.operation.name(),
            cube.target = self.target.as_deref(),
            cube.attempts = Empty,
            error.r#type = Empty,
        );
        self.repeat(retrier, attempt, &span).instrument(span.clone()).await
    }

    async fn repeat<T, F, A>(self, retrier: &Retrier, mut attempt: F, span: &Span) -> Result<T>
    where
        F: FnMut(Attempt) -> A,
        A: Future<Output = Result<T>>,
    {
        let Self { operation, target, deadline } = self;
        let started = Instant::now();
        let progress = Arc::new(AtomicBool::new(false));
        let mut tries = Tries::default();
        let mut attempts = 0u32;
        loop {
            attempts = attempts.saturating_add(1);
            let begun = Attempt::begin(operation, attempts, &progress);
            let attempt_span = begun.span.clone();
            let running = attempt(begun).instrument(attempt_span.clone());
            let error = match within(deadline, running).await {
                Ok(value) => {
                    retrier.budget.earn();
                    span.record("cube.attempts", attempts);
                    metrics::call_ended(operation, None, started.elapsed());
                    return Ok(value);
                }
                Err(error) => error,
            };
            attempt_span.record("error.type", error.kind().name());
            if progress.swap(false, Ordering::Relaxed) {
                tries = Tries::default();
            }
            tries.failed(&error);
            let wait = match retrier.next(operation, &error, &tries, deadline) {
                Decision::Wait(wait) => wait,
                Decision::Stop(reason) => {
                    span.record("cube.attempts", attempts);
                    span.record("error.type", error.kind().name());
                    metrics::call_ended(operation, Some(error.kind()), started.elapsed());
                    let report = RetryReport::new(attempts, started.elapsed(), reason);
                    let error = error.with_operation(operation).with_retry(report);
                    let error = match (error.target(), target) {
                        (None, Some(target)) => error.with_target(target),
                        _ => error,
                    };
                    // Whoever gets the error knows whether it is one: that something is not there may be good news.
                    tracing::debug!(error = %error, "call failed");
                    return Err(error);
                }
            };
            tracing::debug!(
                operation = %operation,
                attempt = attempts,
                kind = %error.kind(),
                wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                "attempt failed, trying again"
            );
            metrics::retried(operation, error.kind());
            tokio::time::sleep(wait).await;
        }
    }
}

impl Retrier {
    fn next(&self, operation: Operation, error: &Error, tries: &Tries, deadline: Deadline) -> Decision {
        let wait = match self.policy.decide(operation, error, tries) {
            Decision::Wait(wait) => wait,
            stop @ Decision::Stop(_) => return stop,
        };
        if deadline.left().is_some_and(|left| wait >= left) {
            return Decision::Stop(StopReason::Deadline);
        }
        // What the server throttles is bounded by time, and grows slow enough to be no storm.
        if !tries.throttled() && !self.budget.spend() {
            return Decision::Stop(StopReason::Budget);
        }
        Decision::Wait(wait)
    }
}

async fn within<T>(deadline: Deadline, attempt: impl Future<Output = Result<T>>) -> Result<T> {
    let Some(left) = deadline.left() else { return attempt.await };
    match tokio::time::timeout(left, attempt).await {
        Ok(outcome) => outcome,
        Err(_) => Err(deadline_passed()),
    }
}

fn deadline_passed() -> Error {
    Error::new(ErrorKind::Timeout, "the call's deadline passed")
        .with_clock(WhichClock::Deadline)
        .with_sent(Sent::Unknown)
        .advice("allow more time with a longer deadline, or check that the server answers at all")
}
