//! From what the AWS SDK reports to one error with a typed fault.

mod denial;
mod verdict;

use std::error::Error as StdError;
use std::time::{Duration, SystemTime};

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use cube_sdk_core::error::{Sent, kind_of_status};
use cube_sdk_core::redact::{masked_text, one_line};
use cube_sdk_core::{Error, ErrorKind, Operation, WhichClock};
use http::StatusCode;

use super::connector::NeverConnected;
use crate::audit::AuditOutcome;
use crate::code::ByoCode;
use crate::fault::ByoFault;
use crate::region::Region;

/// Keys that have run out.
const EXPIRED: [&str; 4] = ["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"];

/// Words for fewer requests, of S3 and STS; KMS's come with a prefix.
const THROTTLES: [&str; 10] = [
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "TooManyRequests",
    "TooManyRequestsException",
];

/// The storage's own keys: unknown, wrong, or this machine's clock is off.
const OWN_KEYS: [&str; 9] = [
    "InvalidClientTokenId",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "IncompleteSignature",
    "MissingAuthenticationToken",
    "RequestTimeTooSkewed",
    "InvalidToken",
    "NotSignedUp",
    "OptInRequired",
];

/// How far a failed call came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stage {
    /// The request could not be built.
    Unbuilt,
    /// No connection: nothing was sent.
    Unconnected,
    /// Bytes went out, no readable answer came.
    Broken,
    /// A clock ran out.
    TimedOut,
    /// The server refused.
    Refused,
}

/// A failed attempt, as AWS and the network told it.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) stage: Stage,
    pub(crate) status: Option<StatusCode>,
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) bucket_region: Option<Region>,
    retry_after: Option<Duration>,
    /// What a 416 tells of the object.
    object_size: Option<u64>,
    clock: Option<WhichClock>,
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

/// What the failed call was about: the same answer means different things for different calls.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Subject {
    /// Whose keys the storage's own are: nothing of a customer's.
    Caller,
    /// AssumeRole for the customer's role.
    Role,
    /// The bucket itself.
    Bucket,
    /// One object.
    Object,
}

impl Failure {
    /// A clock of ours that ran out.
    pub(crate) fn timed_out(clock: WhichClock) -> Self {
        Self { message: Some(format!("the {clock} clock ran out")), clock: Some(clock), ..Self::at(Stage::TimedOut) }
    }

    /// A body that broke.
    pub(crate) fn broken_body(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { message: Some("the body broke".into()), cause: Some(cause.into()), ..Self::at(Stage::Broken) }
    }

    fn at(stage: Stage) -> Self {
        Self {
            stage,
            status: None,
            code: None,
            message: None,
            request_id: None,
            bucket_region: None,
            retry_after: None,
            object_size: None,
            clock: None,
            cause: None,
        }
    }

    /// Reads the SDK's error.
    pub(crate) fn read<E>(error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let stage = match &error {
            SdkError::ConstructionFailure(_) => Stage::Unbuilt,
            SdkError::TimeoutError(_) => Stage::TimedOut,
            SdkError::DispatchFailure(dispatch) => stage_of(dispatch.as_connector_error()),
            SdkError::ServiceError(_) => Stage::Refused,
            _ => Stage::Broken,
        };
        let mut failure = Self::at(stage);
        if let Some(raw) = error.raw_response() {
            failure.read_head(raw);
        }
        if let Some(service) = error.as_service_error() {
            failure.code = service.code().map(str::to_owned);
            failure.message = service.message().filter(|text| !text.is_empty()).map(str::to_owned);
        }
        failure.cause = error.into_source().ok();
        failure
    }

    fn read_head(&mut self, raw: &HttpResponse) {
        let header = |name: &str| raw.headers().get(name).filter(|value| !value.is_empty());
        self.status = StatusCode::from_u16(raw.status().as_u16()).ok();
        self.request_id = header("x-amz-request-id").or_else(|| header("x-amzn-requestid")).map(str::to_owned);
        self.bucket_region = header("x-amz-bucket-region").and_then(|text| text.parse().ok());
        self.retry_after = header("retry-after").and_then(|text| {
            let mut headers = http::HeaderMap::new();
            headers.insert(http::header::RETRY_AFTER, text.parse().ok()?);
            cube_sdk_core::error::retry_after_of(&headers, SystemTime::now())
        });
        // RFC 9110 has it in the header, S3 in the body.
        let in_header = header("content-range").and_then(|text| text.strip_prefix("bytes */"));
        let in_body = || {
            let (_, rest) = std::str::from_utf8(raw.body().bytes()?).ok()?.split_once("<ActualObjectSize>")?;
            rest.split_once('<').map(|(size, _)| size)
        };
        self.object_size = in_header.or_else(in_body).and_then(|size| size.trim().parse().ok());
    }

    pub(super) fn code_is(&self, codes: &[&str]) -> bool {
        self.code.as_deref().is_some_and(|code| codes.contains(&code))
    }

    pub(super) fn status_is(&self, statuses: &[u16]) -> bool {
        self.status.is_some_and(|status| statuses.contains(&status.as_u16()))
    }

    /// True when the session's keys have run out: a fresh session may succeed.
    pub(crate) fn is_expired_session(&self) -> bool {
        self.code_is(&EXPIRED)
    }

    /// True for the error of a call whose session's keys have run out.
    pub(crate) fn was_expired_session(error: &Error) -> bool {
        error.kind() == ErrorKind::Unauthenticated && error.code().is_some_and(|code| EXPIRED.contains(&code))
    }

    /// True when the server asks for fewer requests.
    pub(crate) fn is_throttle(&self) -> bool {
        let code = self.code.as_deref().map(|code| code.strip_prefix("KMS.").unwrap_or(code));
        code.is_some_and(|code| THROTTLES.contains(&code)) || self.status_is(&[429])
    }

    /// True when the server has too much to do, by word or by status.
    pub(crate) fn is_overload(&self) -> bool {
        self.is_throttle() || self.status_is(&[503])
    }

    /// True for an answer without a body that tells why, as every failed HEAD is.
    pub(crate) fn is_mute(&self) -> bool {
        self.stage == Stage::Refused && self.message.is_none()
    }

    /// True when a server answered, whatever it said.
    pub(crate) fn is_answer(&self) -> bool {
        self.stage == Stage::Refused
    }

    /// True for a refusal that another try does not change: of the customer's side, of one object, not of the moment and
    /// not of the storage's own keys.
    pub(crate) fn is_final(&self) -> bool {
        let client_error = self.status.is_some_and(|status| status.is_redirection() || status.is_client_error());
        self.stage == Stage::Refused
            && client_error
            && !self.is_overload()
            && !self.is_expired_session()
            && !self.code_is(&OWN_KEYS)
            && !self.code_is(&["RequestTimeout"])
            && !self.status_is(&[307, 407])
    }

    /// True for a range behind the end of the object.
    pub(crate) fn is_range_behind_end(&self) -> bool {
        self.status_is(&[416])
    }

    /// The size of the object, where an answer to a range behind its end told it.
    pub(crate) fn object_size(&self) -> Option<u64> {
        self.object_size.filter(|_| self.is_range_behind_end())
    }

    /// When the server wants to be asked again.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// A word for failures that carry no code of AWS.
    pub(crate) fn plain_code(&self) -> &'static str {
        match self.stage {
            Stage::Unbuilt => "unbuilt",
            Stage::Unconnected => "connect",
            Stage::Broken => "transport",
            Stage::TimedOut => "timeout",
            Stage::Refused => "refused",
        }
    }

    /// The word for the audit row: `denied` is what policy refused.
    pub(crate) fn outcome(&self, verdict: Option<&ByoCode>) -> AuditOutcome {
        use ByoCode as C;
        let refused = self.code_is(&["AccessDenied", "AccessDeniedException"]);
        match verdict {
            Some(C::AssumeRoleFailed | C::ObjectAccessDenied | C::KmsAccessDenied) => AuditOutcome::Denied,
            None if refused && self.stage == Stage::Refused => AuditOutcome::Denied,
            _ => AuditOutcome::Error,
        }
    }

    /// The error for the caller. `earlier` are the request ids of calls that led here.
    pub(crate) fn into_error(
        self,
        operation: Operation,
        subject: Subject,
        region: &Region,
        target: &str,
        earlier: &[String],
    ) -> Error {
        let error = match self.verdict(subject, region) {
            Some(code) => self.typed(code, operation, earlier),
            None if self.stage == Stage::Unconnected => self.unconnected(operation),
            None => self.plain(operation),
        };
        let error = error.with_target(target).with_retry_after(self.retry_after);
        // What never connected tells its cause already.
        match self.cause.filter(|_| self.stage != Stage::Unconnected) {
            Some(cause) => error.cause(cause),
            None => error,
        }
    }

    fn typed(&self, code: ByoCode, operation: Operation, earlier: &[String]) -> Error {
        let mut fault = ByoFault::new(code.clone());
        if let Some(words) = self.words() {
            fault = fault.with_detail(words);
        }
        if let (ByoCode::RegionMismatch, Some(region)) = (&code, &self.bucket_region) {
            fault = fault.with_bucket_region(region.clone());
        }
        for id in earlier {
            fault = fault.with_request_id(Some(id));
        }
        fault = fault.with_request_id(self.request_id.as_ref());
        let error = fault.into_error(operation);
        match self.status {
            Some(status) => error.with_status(status),
            None => error,
        }
    }

    /// The reason why there is no connection, in the line itself.
    fn unconnected(&self, operation: Operation) -> Error {
        let never = self.cause.as_deref().and_then(|cause| never_connected_in(cause));
        let error = match never {
            Some(NeverConnected(error)) => error.clone(),
            None => Error::new(ErrorKind::Connect, "the connection could not be made"),
        };
        error.with_operation(operation).with_sent(Sent::No)
    }

    fn plain(&self, operation: Operation) -> Error {
        let (kind, sent) = match self.stage {
            Stage::Unbuilt => (ErrorKind::InvalidInput, Sent::No),
            Stage::Unconnected => (ErrorKind::Connect, Sent::No),
            Stage::Broken => (ErrorKind::Transport, Sent::Unknown),
            Stage::TimedOut => (ErrorKind::Timeout, Sent::Unknown),
            Stage::Refused => (self.refused_kind(), Sent::Yes),
        };
        let message = self.words().unwrap_or_default();
        let mut error = Error::new(kind, message).with_operation(operation).with_sent(sent);
        if let Some(status) = self.status {
            error = error.with_status(status);
        }
        if let Some(code) = &self.code {
            error = error.with_code(code.as_str());
        }
        if let Some(clock) = self.clock {
            error = error.with_clock(clock);
        }
        if let Some(advice) = self.advice(kind) {
            error = error.advice(advice);
        }
        error.with_request_id(self.request_id.clone())
    }

    fn refused_kind(&self) -> ErrorKind {
        if self.is_throttle() {
            return ErrorKind::Throttled;
        }
        if self.is_expired_session() || self.code_is(&OWN_KEYS) {
            return ErrorKind::Unauthenticated;
        }
        match self.code.as_deref() {
            Some("RequestTimeout") => return ErrorKind::Timeout,
            Some("InvalidObjectState") => return ErrorKind::InvalidInput,
            Some("RegionDisabledException") => return ErrorKind::Config,
            Some("IDPCommunicationError") => return ErrorKind::Unavailable,
            _ => {}
        }
        match self.status.map(|status| status.as_u16()) {
            // A bucket that was just made: its name leads to its region a little later.
            Some(307) => ErrorKind::Unavailable,
            Some(407) => ErrorKind::Connect,
            _ => self.status.map_or(ErrorKind::Protocol, kind_of_status),
        }
    }

    fn advice(&self, kind: ErrorKind) -> Option<&'static str> {
        Some(match self.code.as_deref() {
            Some("InvalidObjectState") => "restore the object from its archive, or read one that is not archived",
            Some("RegionDisabledException") => "activate STS for this region in the account of the keys in use",
            _ if kind == ErrorKind::Unauthenticated => "check the AWS keys in use, and this machine's clock",
            _ if self.status_is(&[407]) => "give the proxy's user and password in its URL",
            _ => return None,
        })
    }

    /// AWS's words, or those of whoever answered in its place, on one line, bounded and without secrets.
    fn words(&self) -> Option<String> {
        let said = self.message.as_deref().map(masked_text);
        let words = match (said, &self.code) {
            (Some(said), Some(code)) => format!("{code}: {said}"),
            (Some(said), None) => said,
            (None, Some(code)) => code.clone(),
            (None, None) => return None,
        };
        Some(one_line(&words, 400).into_owned())
    }
}

fn stage_of(error: Option<&aws_smithy_runtime_api::client::result::ConnectorError>) -> Stage {
    match error {
        None => Stage::Broken,
        Some(error) if never_connected_in(error).is_some() => Stage::Unconnected,
        Some(error) if error.is_user() => Stage::Unbuilt,
        Some(error) if error.is_timeout() => Stage::TimedOut,
        Some(_) => Stage::Broken,
    }
}

fn never_connected_in<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a NeverConnected> {
    let mut next = Some(error);
    while let Some(link) = next {
        if let Some(found) = link.downcast_ref() {
            return Some(found);
        }
        next = link.source();
    }
    None
}

#[cfg(test)]
mod tests;
