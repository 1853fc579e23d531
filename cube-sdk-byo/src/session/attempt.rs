//! One HTTP attempt of AWS: clock, send, read the failure, write the audit row. Every call goes this way.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use cube_sdk_core::retry::{Attempt, Retrier};
use cube_sdk_core::{Error, Operation, Result, WhichClock};
use tokio::runtime::Handle;

use super::failure::{Failure, Subject};
use super::row::Answered;
use super::{ASSUME_ROLE, HEAD_BUCKET, LIST_OBJECTS, Session};
use crate::audit::AuditEvent;
use crate::s3_uri::ObjectKey;

/// How an attempt ended: the outer error is ours (the audit's), the inner one AWS's or the network's.
pub(crate) type Told<T> = Result<std::result::Result<T, Failure>>;

impl Session {
    /// Sends one request and writes its row. `bytes` tells the length of the body that an answer promises, for reads.
    ///
    /// # Cancel safety
    /// AWS may serve a request that nobody waits for any more: it is then waited for by a task of its own, so that it
    /// has its row.
    pub(crate) async fn attempt<T, E>(
        &self,
        operation: Operation,
        key: Option<&ObjectKey>,
        bytes: fn(&T) -> Option<u64>,
        call: impl Future<Output = std::result::Result<T, SdkError<E, HttpResponse>>> + Send + 'static,
    ) -> Told<(T, Answered)>
    where
        T: RequestId + Send + 'static,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let row = self.audit.begin(AuditEvent::from(operation.name()), operation, key.map(ObjectKey::as_str));
        let (limit, region) = (self.account.clocks().first_byte, self.region.clone());
        InFlight::new(async move {
            let outcome = match tokio::time::timeout(limit, call).await {
                Ok(outcome) => outcome.map_err(Failure::read),
                Err(_) => Err(Failure::timed_out(WhichClock::FirstByte)),
            };
            match outcome {
                Ok(output) => {
                    let answered = row.answered(output.request_id(), bytes(&output)).await?;
                    Ok(Ok((output, answered)))
                }
                Err(failure) => {
                    let verdict = failure.verdict(subject(operation), &region);
                    row.failed(&failure, verdict).await?;
                    Ok(Err(failure))
                }
            }
        })
        .await
    }

    /// The error of a call that failed. `earlier` are the request ids of calls that led to it.
    pub(crate) fn error(
        &self,
        failure: Failure,
        operation: Operation,
        key: Option<&ObjectKey>,
        earlier: &[String],
    ) -> Error {
        failure.into_error(operation, subject(operation), &self.region, &self.target(key), earlier)
    }

    /// Policy and budget of this session's calls.
    pub(crate) fn retrier(&self) -> &Retrier {
        self.account.retrier()
    }

    pub(super) fn target(&self, key: Option<&ObjectKey>) -> String {
        match key {
            Some(key) => format!("s3://{}/{key}", self.bucket),
            None => format!("s3://{}", self.bucket),
        }
    }
}

/// What a call is about.
fn subject(operation: Operation) -> Subject {
    match operation {
        ASSUME_ROLE => Subject::Role,
        HEAD_BUCKET | LIST_OBJECTS => Subject::Bucket,
        _ => Subject::Object,
    }
}

/// Marks a request as part of an attempt, for those who stand at the connection.
pub(crate) fn of(attempt: &Attempt) -> impl Fn(&mut HttpRequest) + Send + Sync + 'static {
    let attempt = attempt.clone();
    move |request| request.add_extension(attempt.clone())
}

/// A request under way. Dropped before its answer, it is handed to a task that waits for it.
struct InFlight<T: Send + 'static>(Option<Exchange<T>>);

type Exchange<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl<T: Send + 'static> InFlight<T> {
    fn new(exchange: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Some(Box::pin(exchange)))
    }
}

impl<T: Send + 'static> Future for InFlight<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Some(exchange) = &mut self.0 else { return Poll::Pending };
        let outcome = ready!(exchange.as_mut().poll(cx));
        self.0 = None;
        Poll::Ready(outcome)
    }
}

impl<T: Send + 'static> Drop for InFlight<T> {
    fn drop(&mut self) {
        // Without a runtime the exchange ends here, and its row says that it was given up.
        if let (Some(exchange), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(async move { drop(exchange.await) });
        }
    }
}
