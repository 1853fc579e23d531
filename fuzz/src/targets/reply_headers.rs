//! `Retry-After` and request ids, whatever a server sends.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::input::Input;
use crate::error::{kind_of_status, request_id_of, retry_after_of};
use crate::{Error, Timestamp};

const NAMES: [&str; 5] = ["retry-after", "x-amz-request-id", "x-amzn-requestid", "x-request-id", "x-b3-traceid"];

pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(input.size() << 8);
    if let Ok(status) = StatusCode::from_u16(u16::from(input.byte()) * 4) {
        let _ = kind_of_status(status);
    }
    let mut headers = HeaderMap::new();
    for line in input.0.split(|byte| *byte == b'\n') {
        let Some((name, value)) = line.split_first() else { continue };
        let Ok(value) = HeaderValue::from_bytes(value) else { continue };
        headers.append(HeaderName::from_static(NAMES[usize::from(*name) % NAMES.len()]), value);
    }
    let id = request_id_of(&headers);
    if let Some(id) = &id {
        assert!((1..=256).contains(&id.len()) && !id.contains(char::is_control), "{id:?}");
        assert!(headers.values().any(|value| value.as_bytes() == id.as_bytes()));
    }
    let wait = retry_after_of(&headers, now);
    assert!(wait.is_none() || headers.contains_key(header::RETRY_AFTER));
    if let Some(wait) = wait {
        let _ = Timestamp::from(now).saturating_add(wait);
    }
    let error = Error::new(crate::ErrorKind::Throttled, "").with_request_id(id).with_retry_after(wait);
    super::input::check_words(&error);
    if let Some(text) = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()) {
        time(text);
    }
}

/// The same text as an RFC 3339 time: what is read is shown and read alike.
fn time(text: &str) {
    if let Ok(time) = text.parse::<Timestamp>() {
        assert_eq!(time.to_string().parse::<Timestamp>().ok(), Some(time));
        assert_eq!(time.since(time), Duration::ZERO);
    } else if let Err(error) = text.parse::<Timestamp>() {
        super::input::check_words(&error);
    }
}
