//! An answer that was read whole, and what may be shown of it.

use std::fmt;
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result, kind_of_status, request_id_of, retry_after_of};
use crate::redact::Hidden;

/// An answer, read whole.
#[derive(Clone)]
#[non_exhaustive]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, within the engine's cap.
    pub body: Bytes,
    pub(super) hidden: Hidden,
}

/// Without header values and body, which may hold secrets.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("request_id", &self.request_id())
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Reply {
    /// The server's request id.
    pub fn request_id(&self) -> Option<String> {
        request_id_of(&self.headers)
    }

    /// What must not be shown of what the server says: the secrets that the call [hides](super::Call::hides), and its
    /// credentials.
    pub const fn hidden(&self) -> &Hidden {
        &self.hidden
    }

    /// A masked excerpt of the body, fit for an error line.
    pub fn excerpt(&self) -> String {
        self.hidden.excerpt(&self.body)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// `Decode`, naming the place; the body is shown as a masked excerpt.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|cause| {
            let words = format!(
                "the reply cannot be read at line {} column {}: {}; it begins {}",
                cause.line(),
                cause.column(),
                reason(&cause),
                self.excerpt()
            );
            Error::new(ErrorKind::Decode, words)
                .with_status(self.status)
                .with_request_id(self.request_id())
                .advice("update the SDK, or report this with the request id")
        })
    }

    /// The plain error of a refusal: kind by status, excerpt of the body, request id, Retry-After.
    pub fn refusal(&self) -> Error {
        let shown = self.excerpt();
        let words = if shown.is_empty() { kind_of_status(self.status).phrase().to_owned() } else { shown };
        Error::new(kind_of_status(self.status), words)
            .with_status(self.status)
            .with_request_id(self.request_id())
            .with_retry_after(retry_after_of(&self.headers, SystemTime::now()))
    }
}

/// serde's words without the values that they quote: a reply may hold secrets.
fn reason(cause: &serde_json::Error) -> String {
    let words = cause.to_string();
    let words = words.split(" at line ").next().unwrap_or_default();
    match words.split_once("string \"") {
        Some((before, after)) => match after.rsplit_once('"') {
            Some((_, rest)) => format!("{before}string{rest}"),
            None => format!("{before}string"),
        },
        None => words.to_owned(),
    }
}
