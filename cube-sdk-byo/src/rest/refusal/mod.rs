//! From a refusal of EdgeGate to a typed error.
//!
//! The body is `{"detail": …}` where detail is a text, an object, the framework's list of field errors,
//! or either of the two encoded once more inside the text; some answers have no body at all.

use std::borrow::Cow;
use std::time::SystemTime;

use cube_sdk_core::engine::{Classify, Reply};
use cube_sdk_core::error::{kind_of_status, request_id_of, retry_after_of};
use cube_sdk_core::redact::{excerpt, masked, masked_text, one_line};
use cube_sdk_core::{Error, ErrorKind, Operation, Result};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::operations::{Declared, REGISTER_ARTIFACT};
use crate::code::ByoCode;
use crate::fault::ByoFault;

/// Longest detail that an error repeats, in characters.
const DETAIL_LIMIT: usize = 1000;

/// What EdgeGate said when it refused without a BYO code. Reached by [`RefusalExt::refusal`].
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    detail: Value,
}

impl Refusal {
    /// The detail, parsed, with secrets masked: a text, or the object or list that came in its place.
    /// Null when the answer had none.
    pub fn detail(&self) -> &Value {
        &self.detail
    }
}

/// Reads EdgeGate's detail out of an error.
///
/// ```
/// use cube_sdk_byo::EdgeGate;
/// use cube_sdk_byo::rest::RefusalExt;
/// use cube_sdk_core::ErrorKind;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// # let server = wiremock::MockServer::start().await;
/// # let reply = serde_json::json!({"detail": {"reason": "plan_limit_exceeded", "limit": 3}});
/// # let answer = wiremock::ResponseTemplate::new(403).set_body_json(reply);
/// # wiremock::Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&server).await;
/// # let url = server.uri();
/// let edgegate = EdgeGate::builder().base_url(url).api_key("egk_live_example".into()).build()?;
/// let refused = edgegate.workspaces().list().await.unwrap_err();
/// assert_eq!(refused.kind(), ErrorKind::PlanRequired);
/// assert_eq!(refused.refusal().unwrap().detail()["limit"], 3);
/// # Ok(())
/// # }
/// ```
pub trait RefusalExt {
    /// The refusal, when EdgeGate refused without a BYO code. With one, see
    /// [`ByoErrorExt`](crate::ByoErrorExt).
    fn refusal(&self) -> Option<&Refusal>;
}

impl RefusalExt for Error {
    fn refusal(&self) -> Option<&Refusal> {
        self.fault()
    }
}

/// Tells EdgeGate's answers apart.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ByDetail;

impl Classify for ByDetail {
    fn classify(&self, operation: Operation, reply: &Reply) -> Result<()> {
        if reply.status.is_success() {
            return Ok(());
        }
        Err(error_of(operation, reply.status, &reply.headers, &reply.body))
    }
}

/// The error of an answer that is not a success.
pub(crate) fn error_of(operation: Operation, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
    let said = detail_of(body);
    let detail = shown(&said);
    let words = words_of(&detail);
    let request_id = request_id_of(headers);
    // A code is found also beside what must not be shown.
    let code = code_of(&said).or_else(|| code_of_words(operation, status, &words));
    let error = match code {
        Some(code) => with_byo_code(operation, status, code, &words, request_id.as_deref()),
        None => without_code(operation, status, detail, words),
    };
    error.with_status(status).with_request_id(request_id).with_retry_after(retry_after_of(headers, SystemTime::now()))
}

fn with_byo_code(
    operation: Operation,
    status: StatusCode,
    code: ByoCode,
    words: &str,
    request_id: Option<&str>,
) -> Error {
    let known = !matches!(code, ByoCode::Unknown(_));
    let rest = ByoCode::leading(words).filter(|(leading, _)| *leading == code).map_or(words, |(_, rest)| rest);
    let fault = ByoFault::new(code).with_request_id(request_id);
    let fault = if rest.is_empty() { fault } else { fault.with_detail(rest) };
    let error = fault.into_error(operation);
    if !status_comes_first(status) {
        return if known { error } else { error.with_kind(kind_of_status(status)) };
    }
    let error = error.with_kind(kind_of_status(status));
    match Declared::of(operation).next_step(status) {
        Some(step) => error.advice(step),
        None => error,
    }
}

/// Statuses that are about the caller, not about the storage: a code does not change what to do.
fn status_comes_first(status: StatusCode) -> bool {
    matches!(status.as_u16(), 401 | 402 | 429)
}

fn without_code(operation: Operation, status: StatusCode, detail: Value, words: String) -> Error {
    let mut kind = kind_of_status(status);
    let code = named_code(&detail);
    let plan_limit = words.contains("plan_limit_exceeded");
    if status == StatusCode::FORBIDDEN && plan_limit {
        kind = ErrorKind::PlanRequired;
    }
    let mut error = Error::new(kind, words).with_fault(Refusal { detail });
    if let Some(code) = code {
        error = error.with_code(code);
    } else if plan_limit {
        error = error.with_code("plan_limit_exceeded");
    }
    let advised = if kind == ErrorKind::PlanRequired { StatusCode::PAYMENT_REQUIRED } else { status };
    match Declared::of(operation).next_step(advised) {
        Some(step) => error.advice(step),
        None => error,
    }
}

/// The detail, parsed as far as it goes; a body without one counts as a whole.
fn detail_of(body: &[u8]) -> Value {
    let Ok(whole) = serde_json::from_slice::<Value>(body) else {
        let shown = excerpt(body);
        return if shown.is_empty() { Value::Null } else { Value::String(shown) };
    };
    let detail = match whole {
        Value::Object(mut fields) => match fields.remove("detail") {
            Some(detail) => detail,
            None if fields.is_empty() => Value::Null,
            None => Value::Object(fields),
        },
        other => other,
    };
    match &detail {
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(inner @ (Value::Object(_) | Value::Array(_))) => inner,
            _ => detail,
        },
        _ => detail,
    }
}

/// The detail as it may be shown: of a sentence the secrets in it are hidden, and all of it where they cannot be told
/// from the rest.
fn shown(detail: &Value) -> Value {
    match detail {
        Value::String(text) => masked(&Value::String(masked_text(text))),
        other => masked(other),
    }
}

/// One line for people: a text as it is, field errors as `where: what`, all else as compact JSON.
fn words_of(detail: &Value) -> String {
    let text: Cow<'_, str> = match detail {
        Value::Null => return String::new(),
        Value::String(text) => Cow::Borrowed(text),
        Value::Array(items) if !items.is_empty() => match items.iter().map(field_error).collect::<Option<Vec<_>>>() {
            Some(lines) => Cow::Owned(lines.join("; ")),
            None => Cow::Owned(detail.to_string()),
        },
        other => Cow::Owned(other.to_string()),
    };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    one_line(&masked_text(&line), DETAIL_LIMIT).into_owned()
}

/// `{loc: ["body", "bucket"], msg: "…"}` as `body.bucket: …`.
fn field_error(item: &Value) -> Option<String> {
    let message = item.get("msg")?.as_str()?;
    let place = item.get("loc").and_then(Value::as_array).map(|parts| {
        let parts = parts.iter().map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned));
        parts.collect::<Vec<_>>().join(".")
    });
    Some(match place {
        Some(place) if !place.is_empty() => format!("{place}: {message}"),
        _ => message.to_owned(),
    })
}

/// The first `BYO_*` code anywhere in the detail; a field named `code` or `error_code` goes first.
fn code_of(detail: &Value) -> Option<ByoCode> {
    match detail {
        Value::String(text) => code_in(text),
        Value::Array(items) => items.iter().find_map(code_of),
        Value::Object(fields) => ["code", "error_code"]
            .iter()
            .find_map(|name| fields.get(*name).and_then(code_of))
            .or_else(|| fields.values().find_map(code_of)),
        _ => None,
    }
}

/// The first code in a text, wherever a word begins with `BYO_`.
fn code_in(text: &str) -> Option<ByoCode> {
    text.match_indices("BYO_")
        .filter(|(at, _)| !text[..*at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
        .filter_map(|(at, _)| ByoCode::leading(&text[at..]))
        .map(|(code, _)| code)
        .find(|code| !is_operator_setting(code.as_str()))
}

/// EdgeGate's own settings look like codes and are none.
fn is_operator_setting(word: &str) -> bool {
    word.starts_with("BYO_EDGEGATE_") || word.starts_with("BYO_CLOUDFORMATION_")
}

/// The refusals of a registration that the service words without a code.
fn code_of_words(operation: Operation, status: StatusCode, words: &str) -> Option<ByoCode> {
    if operation != REGISTER_ARTIFACT || status != StatusCode::BAD_REQUEST {
        return None;
    }
    let words = words.to_lowercase();
    [
        ("bucket mismatch", ByoCode::BucketMismatch),
        ("size mismatch", ByoCode::SizeMismatch),
        ("no active grant", ByoCode::NoGrant),
    ]
    .into_iter()
    .find_map(|(phrase, code)| words.contains(phrase).then_some(code))
}

/// A code of another domain, such as `plan_limit_exceeded`, when the detail is an object that has one. What begins like a
/// BYO code and is none is a setting's name or damaged.
fn named_code(detail: &Value) -> Option<String> {
    let code = detail.get("code").or_else(|| detail.get("error_code"))?.as_str()?;
    let foreign = !code.starts_with("BYO_");
    let plain =
        foreign && !code.is_empty() && code.len() <= 64 && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    plain.then(|| code.to_owned())
}

#[cfg(test)]
mod tests;
