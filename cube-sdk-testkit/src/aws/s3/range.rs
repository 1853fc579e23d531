//! Which bytes a request asks for.

use std::ops::Range;

use http::HeaderMap;

use super::super::object::Object;
use super::failure::Failure;

/// What a request gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Selection {
    /// 200.
    Whole,
    /// 206.
    Range(Range<u64>),
    /// 206, with `x-amz-mp-parts-count` for a multipart upload.
    Part(Range<u64>),
}

impl Selection {
    /// Reads the `Range` header and the `partNumber` parameter.
    pub(super) fn of(headers: &HeaderMap, part: Option<&str>, object: &Object) -> Result<Self, Failure> {
        let range = one_line(headers, "range");
        let Some(part) = part else {
            return range.map_or(Ok(Self::Whole), |range| Self::of_range(range, object.size()));
        };
        let number = part.parse().ok().filter(|number| (1..=10_000).contains(number)).ok_or_else(|| {
            let message = "Part number must be an integer between 1 and 10000, inclusive";
            Failure::invalid_argument("partNumber", part, message)
        })?;
        if range.is_some() {
            let message = "Cannot specify both Range header and partNumber query parameter";
            return Err(Failure::bad_request("InvalidRequest", message));
        }
        let count = object.part_count().unwrap_or(1);
        let range = object.part(number).ok_or_else(|| Failure::invalid_part_number(number, count))?;
        // An empty object has no bytes that a 206 could name.
        Ok(if range.is_empty() { Self::Whole } else { Self::Part(range) })
    }

    /// S3 serves one range; several, and what cannot be read, are as if the header were not there.
    fn of_range(text: &str, size: u64) -> Result<Self, Failure> {
        let Some((first, last)) = parse(text) else { return Ok(Self::Whole) };
        let range = match (first, last) {
            (None, None) => return Ok(Self::Whole),
            (Some(first), Some(last)) if last < first => return Ok(Self::Whole),
            (Some(first), last) => first..last.map_or(size, |last| last.saturating_add(1)).min(size),
            (None, Some(length)) => size.saturating_sub(length)..size,
        };
        if range.start < range.end { Ok(Self::Range(range)) } else { Err(Failure::invalid_range(text, size)) }
    }

    /// The bytes to send.
    pub(super) fn bytes(&self, size: u64) -> Range<u64> {
        match self {
            Self::Whole => 0..size,
            Self::Range(range) | Self::Part(range) => range.clone(),
        }
    }
}

/// The value of a header that stands there once: several lines are one list, which no header asked for here may be.
pub(super) fn one_line<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut lines = headers.get_all(name).iter();
    let line = lines.next().filter(|_| lines.next().is_none())?;
    line.to_str().ok()
}

/// The two numbers of `bytes=A-B`.
fn parse(text: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (unit, spec) = text.trim().split_once('=')?;
    let (first, last) = spec.trim().split_once('-')?;
    let number = |text: &str| -> Option<Option<u64>> {
        match text.trim() {
            "" => Some(None),
            digits if digits.bytes().all(|b| b.is_ascii_digit()) => Some(Some(digits.parse().unwrap_or(u64::MAX))),
            _ => None,
        }
    };
    unit.trim().eq_ignore_ascii_case("bytes").then_some((number(first)?, number(last)?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn select(range: Option<&str>, part: Option<&str>, object: &Object) -> Result<Selection, String> {
        let headers = range.map(|range| (http::header::RANGE, range.parse().unwrap()));
        Selection::of(&headers.into_iter().collect(), part, object).map_err(|failure| failure.code)
    }

    #[test]
    fn ranges() {
        let ten = Object::bytes("0123456789");
        let part = |from, to| Ok(Selection::Range(from..to));
        let refused = || Err("InvalidRange".to_owned());
        for (text, expected) in [
            ("bytes=0-3", part(0, 4)),
            ("bytes=9-9", part(9, 10)),
            ("bytes=9-99", part(9, 10)),
            ("bytes=4-", part(4, 10)),
            ("bytes=-3", part(7, 10)),
            ("bytes=-99", part(0, 10)),
            ("bytes=0-99999999999999999999999", part(0, 10)),
            ("Bytes=1-2", part(1, 3)),
            ("bytes=-0", refused()),
            ("bytes=10-", refused()),
            ("bytes=10-20", refused()),
            ("bytes=99999999999999999999999-", refused()),
            // Ignored as a whole.
            ("bytes=0-1,5-6", Ok(Selection::Whole)),
            ("bytes=9-3", Ok(Selection::Whole)),
            ("bytes=a-b", Ok(Selection::Whole)),
            ("bytes=-", Ok(Selection::Whole)),
            ("bytes=5", Ok(Selection::Whole)),
            ("bytes", Ok(Selection::Whole)),
            ("items=0-1", Ok(Selection::Whole)),
            ("", Ok(Selection::Whole)),
        ] {
            assert_eq!(select(Some(text), None, &ten), expected, "{text}");
        }
        let empty = Object::bytes("");
        for text in ["bytes=0-0", "bytes=0-", "bytes=-1"] {
            assert_eq!(select(Some(text), None, &empty), refused(), "{text}");
        }
        assert_eq!(select(Some("bytes=0-1,5-6"), None, &empty), Ok(Selection::Whole));
    }

    #[test]
    fn two_lines_are_a_list_of_ranges() {
        let lines = ["bytes=0-1", "bytes=4-5"].map(|line| (http::header::RANGE, line.parse().unwrap()));
        let selected = Selection::of(&HeaderMap::from_iter(lines), None, &Object::bytes("0123456789"));
        assert_eq!(selected.map_err(|failure| failure.code), Ok(Selection::Whole));
    }

    #[test]
    fn parts() {
        let mut object = Object::bytes("0123456789");
        assert_eq!(select(None, Some("1"), &object), Ok(Selection::Part(0..10)));
        assert_eq!(select(None, Some("2"), &object), Err("InvalidPartNumber".to_owned()));
        object.parts = [6, 4].into();
        assert_eq!(select(None, Some("2"), &object), Ok(Selection::Part(6..10)));
        assert_eq!(select(None, Some("3"), &object), Err("InvalidPartNumber".to_owned()));
        for bad in ["0", "10001", "x", "-1", ""] {
            assert_eq!(select(None, Some(bad), &object), Err("InvalidArgument".to_owned()), "{bad}");
        }
        assert_eq!(select(Some("bytes=0-1"), Some("1"), &object), Err("InvalidRequest".to_owned()));
        assert_eq!(select(None, Some("1"), &Object::bytes("")), Ok(Selection::Whole));
    }
}
