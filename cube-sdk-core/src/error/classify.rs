//! From an HTTP answer to a kind, a request id and a time to wait.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode, header};

use super::ErrorKind;
use crate::saturating::NEVER;

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

/// How long the server asks to wait by `Retry-After`: seconds as a number of any form, or an HTTP date.
///
/// Never sooner than asked: of several values the longest counts, fractions of a nanosecond are rounded up, and a number
/// too large for any clock is [`NEVER`]. A date in the past is zero; what is neither number nor date is none, and so is
/// a negative number.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use cube_sdk_core::error::retry_after_of;
/// let mut headers = http::HeaderMap::new();
/// headers.insert("retry-after", http::HeaderValue::from_static("1.5"));
/// assert_eq!(retry_after_of(&headers, SystemTime::now()), Some(Duration::from_millis(1500)));
/// ```
pub fn retry_after_of(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    headers.get_all(header::RETRY_AFTER).iter().filter_map(|value| asked(value.to_str().ok()?, now)).max()
}

fn asked(value: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(date) = httpdate::parse_http_date(value.trim()) {
        return Some(date.duration_since(now).unwrap_or_default().min(NEVER));
    }
    // What stood in several headers may have been joined on the way. The comma of a date is no such join.
    value.split(',').filter_map(seconds).max()
}

fn seconds(text: &str) -> Option<Duration> {
    let text = text.trim();
    let text = text.strip_prefix('+').unwrap_or(text);
    let (number, power) = match text.split_once(['e', 'E']) {
        Some((number, power)) => (number, Some(power)),
        None => (text, None),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.len() + part.len() == 0 || !digits(whole) || !digits(part) {
        return None;
    }
    if power.is_some() {
        // Rounded up to the second: a power is no exact number in binary.
        let seconds: f64 = text.parse().ok()?;
        return Some(Duration::try_from_secs_f64(seconds.ceil()).unwrap_or(NEVER).min(NEVER));
    }
    // Of digits alone, what does not fit is too large.
    let whole = if whole.is_empty() { 0 } else { whole.parse().unwrap_or(u64::MAX) };
    let (nanos, finer) = part.split_at(part.len().min(9));
    let nanos = format!("{nanos:0<9}").parse().unwrap_or(0);
    let up = u64::from(finer.bytes().any(|b| b != b'0'));
    Some(Duration::from_secs(whole).saturating_add(Duration::from_nanos(nanos + up)).min(NEVER))
}
