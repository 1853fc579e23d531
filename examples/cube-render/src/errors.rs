//! A failure: what happened, and what to do next.

use cube_sdk::{Error, ErrorKind};
use schemars::JsonSchema;
use serde::Serialize;

use crate::View;

/// A failure.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Failure {
    /// What can be done about it, as one of the kinds of cube-sdk's `ErrorKind`.
    pub kind: &'static str,
    /// What was done, to what, and what came back: one line.
    pub message: String,
    /// What to do next.
    pub next: Option<String>,
    /// The code that the service gave.
    pub code: Option<String>,
    /// The status of HTTP.
    pub status: Option<u16>,
    /// What to quote to support.
    pub request_id: Option<String>,
    /// The same call may succeed later.
    pub retry: bool,
    /// After so many seconds, where the service said so.
    pub retry_after_s: Option<u64>,
    /// What a program ends with.
    pub exit_code: u8,
}

impl Failure {
    /// A failure of ours that has no [`Error`].
    pub fn new(kind: ErrorKind, message: impl Into<String>, next: Option<String>) -> Self {
        Self {
            kind: kind.name(),
            message: message.into(),
            next,
            code: None,
            status: None,
            request_id: None,
            retry: false,
            retry_after_s: None,
            exit_code: kind.exit_code(),
        }
    }

    /// With another thing to do next, where the caller knows a better one.
    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self {
            code: error.code().map(str::to_owned),
            status: error.status().map(|status| status.as_u16()),
            request_id: error.request_id().map(str::to_owned),
            retry: error.is_transient(),
            retry_after_s: error.retry_after().map(|after| after.as_secs() + u64::from(after.subsec_nanos() > 0)),
            ..Self::new(error.kind(), error.to_string(), Some(next(error)))
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

/// What to do: as the error itself says, else by its kind.
fn next(error: &Error) -> String {
    if let Some(next) = error.next_step() {
        return next.to_owned();
    }
    match error.kind() {
        ErrorKind::Config => "correct the setting",
        ErrorKind::InvalidInput => "correct the value and call again",
        ErrorKind::Credentials | ErrorKind::Unauthenticated => "log in again, or set another key",
        ErrorKind::PermissionDenied => "ask the one who runs the service for the permission",
        ErrorKind::PlanRequired => "ask for the plan that includes it, then call again",
        ErrorKind::NotFound => "look at the list of names, and call again with one of them",
        ErrorKind::Conflict => "look at the present state, then decide",
        ErrorKind::Unsupported => "update the service or this program",
        ErrorKind::Cancelled => "call again when it is wanted",
        ErrorKind::Closed => "open it again",
        ErrorKind::Io => "look at the file or port that is named",
        ErrorKind::Connect => "check the address and the network, then call again",
        _ if error.is_transient() => "call again later",
        _ => "report it, with the request id where there is one",
    }
    .to_owned()
}

impl View for Failure {
    const NAME: &'static str = "error";

    fn text(&self) -> String {
        // The line of an error ends with its advice.
        match &self.next {
            Some(next) if !self.message.contains(next.as_str()) => format!("{}\nnext: {next}", self.message),
            _ => self.message.clone(),
        }
    }
}
