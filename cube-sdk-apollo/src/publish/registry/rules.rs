//! What a registry's refusal means.

use cube_sdk_core::engine::{Classify, Reply};
use cube_sdk_core::{ErrorKind, Operation, Result};
use serde::Deserialize;

use crate::publish::PublishFault;

/// The codes of the distribution specification over the status.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules;

#[derive(Deserialize)]
struct Errors {
    #[serde(default)]
    errors: Vec<Refused>,
}

#[derive(Deserialize)]
struct Refused {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl Classify for Rules {
    fn classify(&self, _: Operation, reply: &Reply) -> Result<()> {
        if reply.status.is_success() {
            return Ok(());
        }
        let plain = reply.refusal();
        let first = serde_json::from_slice::<Errors>(&reply.body).ok().and_then(|body| body.errors.into_iter().next());
        let Some(Refused { code, message }) = first.filter(|first| !first.code.is_empty()) else { return Err(plain) };
        let kind = match code.as_str() {
            "DIGEST_INVALID" | "SIZE_INVALID" => ErrorKind::Integrity,
            "UNAUTHORIZED" => ErrorKind::Unauthenticated,
            "DENIED" => ErrorKind::PermissionDenied,
            "TOOMANYREQUESTS" => ErrorKind::Throttled,
            _ => plain.kind(),
        };
        let words = if message.is_empty() { code.clone() } else { format!("{code}: {message}") };
        let error = cube_sdk_core::Error::new(kind, reply.hidden().scrub(&words))
            .with_status(reply.status)
            .with_request_id(reply.request_id())
            .with_retry_after(plain.retry_after())
            .with_code(code);
        Err(match kind {
            ErrorKind::Integrity => error.with_fault(PublishFault::Differs),
            _ => error,
        })
    }
}
