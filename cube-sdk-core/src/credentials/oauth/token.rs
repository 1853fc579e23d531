//! What token endpoints answer: what they should, and what they do.

use std::time::Duration;

use bytes::Bytes;
use http::response::Parts;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use crate::clock::Clock;
use crate::credentials::Grant;
use crate::error::{Error, ErrorKind, Result, kind_of_status, request_id_of, retry_after_of};
use crate::redact::Hidden;
use crate::secret::bearer;

/// The members that matter. Only the token has to be of its type: what else is not as the standard has it is taken
/// for absent.
#[derive(Deserialize)]
struct TokenReply {
    #[serde(default)]
    access_token: Option<SecretString>,
    #[serde(default)]
    token_type: Value,
    #[serde(default)]
    expires_in: Value,
}

/// The members of a refusal (RFC 6749 §5.2).
#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    error: Value,
    #[serde(default)]
    error_description: Value,
}

/// Reads an answer; what is `hidden` gets into no error.
pub(super) fn read(head: &Parts, body: &Bytes, clock: Clock, hidden: &Hidden) -> Result<Grant> {
    let told = |error: Error| {
        let after = retry_after_of(&head.headers, std::time::SystemTime::now());
        error.with_status(head.status).with_request_id(request_id_of(&head.headers)).with_retry_after(after)
    };
    if !head.status.is_success() {
        return Err(told(refused(kind_of_status(head.status), body, hidden)));
    }
    // serde's text may quote the reply, which holds the token; and it reads a list as if it were the members.
    let unreadable =
        |line: usize| told(Error::new(ErrorKind::Decode, format!("the token reply cannot be read (line {line})")));
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(unreadable(1));
    }
    let reply: TokenReply = serde_json::from_slice(body).map_err(|cause| unreadable(cause.line()))?;
    let token = reply.access_token.as_ref().map(|token| token.expose_secret().trim()).unwrap_or_default();
    if token.is_empty() {
        // Some endpoints refuse with 200.
        return Err(told(match serde_json::from_slice::<Refusal>(body) {
            Ok(Refusal { error: Value::String(_), .. }) => refused(ErrorKind::Unauthenticated, body, hidden),
            _ => Error::new(ErrorKind::Decode, "the token reply holds no access token"),
        }));
    }
    if reply.token_type.as_str().is_some_and(|kind| !kind.trim().eq_ignore_ascii_case("bearer")) {
        return Err(told(Error::new(ErrorKind::Unsupported, "the token is not a bearer token")));
    }
    let authorization = bearer(&SecretString::from(token)).map_err(|_| {
        told(Error::new(ErrorKind::Decode, "the access token holds characters that an HTTP header cannot carry"))
    })?;
    Ok(Grant { authorization, expires_at: lifetime(&reply.expires_in).map(|life| clock.now().saturating_add(life)) })
}

/// Seconds as a number of any form or as text; none when it is not known, which is also what nought and less tell: such
/// a token is used until it is refused.
pub fn lifetime(told: &Value) -> Option<Duration> {
    let seconds = match told {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    if !(seconds.is_finite() && seconds > 0.0) {
        return None;
    }
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)).filter(|life| !life.is_zero())
}

fn refused(kind: ErrorKind, body: &Bytes, hidden: &Hidden) -> Error {
    let told: Refusal = serde_json::from_slice(body).unwrap_or_default();
    let shown = |text: &Value| {
        let line = hidden.excerpt(text.as_str()?.as_bytes());
        (!line.is_empty()).then_some(line)
    };
    let words = match shown(&told.error_description) {
        Some(text) => format!("the token endpoint refused: {text}"),
        None => "the token endpoint refused".to_owned(),
    };
    let error = Error::new(kind, words);
    match shown(&told.error) {
        Some(code) => error.with_code(code),
        None => error,
    }
}
