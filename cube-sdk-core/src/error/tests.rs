#![allow(clippy::unwrap_used)]

use std::error::Error as _;
use std::fmt::Write as _;
use std::time::SystemTime;

use http::HeaderMap;

use super::*;
use crate::clock::NEVER;
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

fn asked(values: &[&str]) -> Option<Duration> {
    let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append("retry-after", value.parse().unwrap());
    }
    retry_after_of(&headers, now)
}

#[test]
fn retry_after_is_heard_in_every_form_and_never_shortened() {
    let (seconds, millis) = (Duration::from_secs, Duration::from_millis);
    for (text, wait) in [
        ("7", Some(seconds(7))),
        (" 7 ", Some(seconds(7))),
        ("007", Some(seconds(7))),
        ("+7", Some(seconds(7))),
        ("0", Some(seconds(0))),
        ("1.5", Some(millis(1_500))),
        ("7.", Some(seconds(7))),
        (".25", Some(millis(250))),
        ("0.0000000001", Some(Duration::from_nanos(1))),
        ("0.9999999999", Some(seconds(1))),
        ("1e3", Some(seconds(1_000))),
        ("1.21E-1", Some(seconds(1))),
        ("999999999999999999999999999999", Some(NEVER)),
        ("18446744073709551615.9999999999", Some(NEVER)),
        ("1e999", Some(NEVER)),
        ("5, 120", Some(seconds(120))),
        ("120, soon", Some(seconds(120))),
        ("Sun, 06 Nov 1994 08:49:47 GMT", Some(seconds(10))),
        (" Sunday, 06-Nov-94 08:49:47 GMT ", Some(seconds(10))),
        ("Sun Nov  6 08:49:47 1994", Some(seconds(10))),
        ("Sun, 06 Nov 1994 08:00:00 GMT", Some(seconds(0))),
        ("Fri, 31 Dec 9999 23:59:59 GMT", Some(NEVER)),
        ("soon", None),
        ("-1", None),
        ("-0.5", None),
        ("", None),
        (".", None),
        ("+", None),
        ("1.2.3", None),
        ("0x10", None),
        ("inf", None),
        ("NaN", None),
        ("e5", None),
        ("1e", None),
    ] {
        assert_eq!(asked(&[text]), wait, "{text}");
    }
    assert_eq!(asked(&["3", "soon", "Sun, 06 Nov 1994 08:49:47 GMT", "5"]), Some(seconds(10)));
    assert_eq!(asked(&[]), None);
    let shown = |after| Error::new(ErrorKind::Throttled, "").with_retry_after(Some(after)).to_string();
    assert_eq!(shown(millis(400)), "throttled; retry after 1 s");
    assert_eq!(shown(Duration::MAX), format!("throttled; retry after {} s", u64::MAX));
}

/// What a server may send to look like more than one line, or like other words.
const HOSTILE: [&str; 9] =
    ["\n", "\r\n", "\u{b}", "\u{85}", "\u{2028}", "\u{2029}", "\u{202e}", "\u{1b}[31m", "\u{200b}"];

/// An error whose every text is one of a server.
fn said(text: &str) -> Error {
    Error::new(ErrorKind::Server, text)
        .with_operation(OP)
        .with_target(text)
        .with_code(text)
        .with_request_id(Some(text))
        .with_retry(RetryReport::new(u32::MAX, Duration::MAX, StopReason::Patience))
        .with_retry_after(Some(Duration::MAX))
        .advice(text)
}

fn is_one_line(error: &Error) -> bool {
    let parts = [Some(error.message()), error.target(), error.code(), error.request_id(), error.next_step()];
    let line = error.to_string();
    let breaks = |text: &str| text.chars().any(|c| HOSTILE.iter().any(|hostile| hostile.starts_with(c)));
    line.chars().count() <= 2_000
        && !breaks(&line)
        && !breaks(&format!("{error:?}"))
        && !parts.into_iter().flatten().any(breaks)
}

#[test]
fn an_error_is_one_line_whatever_a_server_sends() {
    for hostile in HOSTILE {
        let error = said(&format!("a{hostile}b"));
        assert!(is_one_line(&error), "{error}");
        assert!(is_one_line(&said(&hostile.repeat(10_000))));
    }
    let error = said("a\nb");
    assert_eq!((error.message(), error.code()), ("a\\nb", Some("a\\nb")));
    // The ends are no content, and what is left empty is none.
    let error = Error::new(ErrorKind::NotFound, " \n ").with_code(" ");
    assert_eq!(error.to_string(), "not found");
    assert_eq!(Error::new(ErrorKind::Io, "no such key\r\n").to_string(), "no such key");
    let words = "Zürich 東京 `x` \"y\" \\z";
    assert_eq!(said(words).message(), words);
}

#[test]
fn what_the_sdk_knows_is_typed_and_no_code() {
    let late = Error::new(ErrorKind::Timeout, "late").with_clock(WhichClock::Idle);
    assert_eq!((late.clock(), late.code()), (Some(WhichClock::Idle), None));
    assert_eq!(Error::new(ErrorKind::Timeout, "").clock(), None);
    for kind in ErrorKind::ALL {
        let error = || Error::new(kind, "");
        assert_eq!(error().is_transient(), error().with_transient(true).is_transient() && error().is_transient());
        assert!(error().with_transient(true).is_transient() && !error().with_transient(false).is_transient());
    }
    assert!(!Error::new(ErrorKind::Credentials, "").is_transient());
    let fits = Error::new(ErrorKind::InvalidInput, "").with_ambiguous();
    assert!(fits.is_ambiguous() && !late.is_ambiguous());
}

proptest::proptest! {
    #[test]
    fn any_text_of_a_server_makes_one_line(text: String, hostile in 0..HOSTILE.len(), times in 1usize..200) {
        let error = said(&format!("{text}{}", HOSTILE[hostile]).repeat(times));
        proptest::prop_assert!(is_one_line(&error));
    }

    #[test]
    fn no_retry_after_panics_or_comes_too_soon(text in "[ -~]{0,40}", seconds: u64, part in "[0-9]{0,15}") {
        let _ = asked(&[&text, &format!("{seconds}e{part}")]);
        let wait = asked(&[&format!("{seconds}.{part}")]).unwrap();
        let exact = seconds as f64 + format!("0.{part}0").parse::<f64>().unwrap();
        proptest::prop_assert!(wait == NEVER || wait.as_secs_f64() >= exact, "{wait:?}");
        // Whatever was asked for fits into every clock.
        let _ = (crate::clock::later(std::time::Instant::now(), wait), SystemTime::now() + wait);
    }
}
