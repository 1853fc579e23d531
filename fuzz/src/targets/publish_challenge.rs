//! `WWW-Authenticate`: any header is borne, and what is quoted comes back as it was meant.

use http::HeaderMap;
use http::header::{HeaderValue, WWW_AUTHENTICATE};

use super::input::Input;
use crate::publish::challenge;

pub fn run(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(WWW_AUTHENTICATE, value);
        }
    }
    if let Some(Some((realm, service))) = challenge(&headers) {
        assert!(realm.len() + service.map_or(0, |service| service.len()) <= data.len());
    }

    let mut input = Input(data);
    let scheme = ["Bearer", "bearer", "BEARER"][input.below(3)];
    let length = usize::from(input.byte());
    let visible = |bytes: &[u8]| -> String { bytes.iter().map(|byte| char::from(byte % 95 + 32)).collect() };
    let (realm, service) = (visible(input.take(length)), visible(input.0));
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let said = format!("{scheme} realm=\"{}\",service=\"{}\"", quoted(&realm), quoted(&service));
    let Ok(value) = HeaderValue::from_str(&said) else { return };
    let headers: HeaderMap =
        [(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"x\"")), (WWW_AUTHENTICATE, value)]
            .into_iter()
            .collect();
    // A map that is collected keeps the last of a name; both forms must do.
    assert_eq!(challenge(&headers), Some(Some((realm, Some(service)))), "{said}");
}
