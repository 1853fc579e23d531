//! From an HTTP answer to a kind, a request id and a time to wait.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode, header};

use super::ErrorKind;

/// The kind that a status alone tells. A known code in the body wins over it.
///
/// 1xx to 3xx are `Protocol`: the SDK follows no redirect by itself.
pub fn kind_of_status(status: StatusCode) -> ErrorKind {
    match status.as_u16() {
        401 => ErrorKind::Unauthenticated,
        402 => ErrorKind::PlanRequired,
        403 => ErrorKind::PermissionDenied,
        404 | 410 => ErrorKind::NotFound,
        405 | 501 => ErrorKind::Unsupported,
        408 => ErrorKind::Timeout,
        409 | 412 => ErrorKind::Conflict,
        429 => ErrorKind::Throttled,
        400..=499 => ErrorKind::InvalidInput,
        502..=504 => ErrorKind::Unavailable,
        500..=599 => ErrorKind::Server,
        _ => ErrorKind::Protocol,
    }
}

/// The request id of an answer, under the names that the services use.
pub fn request_id_of(headers: &HeaderMap) -> Option<String> {
    ["x-amz-request-id", "x-amzn-requestid", "x-request-id", "x-b3-traceid"]
        .iter()
        .filter_map(|name| headers.get(*name)?.to_str().ok())
        .find(|value| (1..=256).contains(&value.len()) && !value.contains(char::is_control))
        .map(str::to_owned)
}

/// `Retry-After`, in seconds or as an HTTP date; a date in the past is zero.
pub fn retry_after_of(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}
