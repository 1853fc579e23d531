//! What an HTTP answer of cube-cloud means, before the protocol inside.

use std::time::SystemTime;

use cube_sdk_core::engine::{Classify, Reply};
use cube_sdk_core::error::{kind_of_status, retry_after_of};
use cube_sdk_core::{Error, ErrorKind, Operation, Result};
use serde::Deserialize;

/// Success is 2xx; a refusal's `detail` is its message.
#[derive(Debug)]
pub(super) struct ByAnswer;

#[derive(Deserialize)]
struct Refused {
    detail: String,
}

impl Classify for ByAnswer {
    fn classify(&self, _: Operation, reply: &Reply) -> Result<()> {
        if reply.status.is_success() {
            return Ok(());
        }
        let error = match serde_json::from_slice::<Refused>(&reply.body) {
            Ok(Refused { detail }) => Error::new(kind_of_status(reply.status), reply.hidden().scrub(&detail))
                .with_status(reply.status)
                .with_request_id(reply.request_id())
                .with_retry_after(retry_after_of(&reply.headers, SystemTime::now())),
            Err(_) => reply.refusal(),
        };
        Err(match error.kind() {
            ErrorKind::Unauthenticated => error.advice("log in again, or set CUBE_API_KEY to a key that is valid"),
            ErrorKind::PermissionDenied => {
                error.advice("ask the one who runs the service for a profile that may do this")
            }
            ErrorKind::NotFound | ErrorKind::Unsupported | ErrorKind::Protocol => {
                error.advice("check CUBE_CLOUD_URL: this may be no cube-cloud")
            }
            _ => error,
        })
    }
}
