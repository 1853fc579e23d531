//! EdgeGate's refusals in any form: one line of words with the status, masked and bounded.

use http::{HeaderMap, HeaderValue, StatusCode};

use super::input::{Input, check_words};
use crate::fault::ByoErrorExt as _;
use crate::rest::operations::OPERATIONS;
use crate::rest::refusal::{RefusalExt as _, error_of};

pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let operation = OPERATIONS[input.below(OPERATIONS.len())];
    let status = 300 + u16::from(input.byte()) + u16::from(input.byte()) % 45;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let mut headers = HeaderMap::new();
    headers.insert("x-request-id", HeaderValue::from_static("REQ-1"));
    let error = error_of(operation, status, &headers, input.0);
    check_words(&error);
    assert_eq!(error.status(), Some(status));
    assert_eq!(error.request_id(), Some("REQ-1"));
    let of_byo = error.code().is_some_and(|code| code.starts_with("BYO_"));
    assert_eq!(error.byo().is_some(), of_byo, "{:?}", error.code());
    assert!(error.byo().is_none() || error.refusal().is_none());
}
