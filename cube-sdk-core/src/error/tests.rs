#![allow(clippy::unwrap_used)]

use std::error::Error as _;
use std::fmt::Write as _;

use http::HeaderMap;

use super::*;
use crate::operation::Idempotency;

const OP: Operation = Operation::new("edgegate", "verify_grant", Idempotency::Repeatable);

fn full(kind: ErrorKind) -> Error {
    Error::new(kind, "")
        .with_operation(OP)
        .with_target("workspace 0a9d3c52")
        .with_status(StatusCode::SERVICE_UNAVAILABLE)
        .with_code("SOME_CODE")
        .with_request_id(Some("4Z1X0E9RFQ2T7K5M"))
        .with_retry(RetryReport::new(3, Duration::from_millis(1_240), StopReason::Attempts))
        .with_retry_after(Some(Duration::from_secs(7)))
        .advice("do this")
}

#[test]
fn one_line_per_kind() {
    let mut lines = String::new();
    for kind in ErrorKind::ALL {
        writeln!(lines, "{kind}: {}", full(kind)).unwrap();
        writeln!(lines, "{kind}, bare: {}", Error::new(kind, "")).unwrap();
        writeln!(lines, "{kind}, unanswered: {}", Error::new(kind, "x").with_operation(OP)).unwrap();
    }
    insta::assert_snapshot!(lines);
}

#[test]
fn is_one_pointer_wide_and_crosses_threads() {
    const fn crosses<T: Send + Sync + 'static>() {}
    crosses::<Error>();
    assert_eq!(size_of::<Error>(), size_of::<usize>());
}

#[test]
fn the_cause_is_in_source_and_not_in_the_line() {
    let error = Error::io("reading key file", std::io::Error::other("disk on fire"));
    assert_eq!(error.to_string(), "reading key file");
    assert_eq!(error.source().unwrap().to_string(), "disk on fire");
    assert_eq!(error.sent(), Sent::No);
}

#[test]
fn a_clone_tells_the_same() {
    let error = full(ErrorKind::Server).with_fault(42u8).cause(std::io::Error::other("disk on fire"));
    let copy = error.clone();
    assert_eq!((copy.to_string(), format!("{copy:?}")), (error.to_string(), format!("{error:?}")));
    assert_eq!(copy.fault::<u8>(), Some(&42));
    assert!(copy.source().unwrap().is::<std::io::Error>());
    assert_eq!(copy.with_kind(ErrorKind::Io).kind(), ErrorKind::Io);
    assert_eq!(error.kind(), ErrorKind::Server);
}

#[test]
fn faults_come_back_by_type() {
    let error = Error::new(ErrorKind::NotFound, "").with_fault(42u8);
    assert_eq!(error.fault::<u8>(), Some(&42));
    assert_eq!(error.fault::<u16>(), None);
}

#[test]
fn statuses_have_kinds() {
    let kinds: Vec<_> =
        [200, 302, 400, 401, 402, 403, 404, 405, 408, 409, 412, 418, 422, 429, 500, 501, 502, 503, 504, 599]
            .map(|status| (status, kind_of_status(StatusCode::from_u16(status).unwrap())))
            .to_vec();
    insta::assert_debug_snapshot!(kinds);
}

#[test]
fn retry_after_in_both_forms() {
    let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
    for (text, seconds) in [
        ("7", Some(7)),
        ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
        ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
        ("soon", None),
        ("-1", None),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", text.parse().unwrap());
        assert_eq!(retry_after_of(&headers, now), seconds.map(Duration::from_secs), "{text}");
    }
}
