//! Conditional requests (RFC 9110, section 13, as S3 reads it): ETags without quotes count too, what is no time is
//! ignored, and so is a time ahead of now in `If-Modified-Since`.

use http::HeaderMap;
use jiff::Timestamp;

use super::super::store::Entry;
use super::failure::Failure;
use super::range::one_line;

/// The headers of one family: those of a read, or those of a copy's source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names {
    if_match: &'static str,
    if_unmodified_since: &'static str,
    if_none_match: &'static str,
    if_modified_since: &'static str,
    /// How `Condition` spells them.
    shown: [&'static str; 4],
}

pub(super) const OF_READ: Names = Names {
    if_match: "if-match",
    if_unmodified_since: "if-unmodified-since",
    if_none_match: "if-none-match",
    if_modified_since: "if-modified-since",
    shown: ["If-Match", "If-Unmodified-Since", "If-None-Match", "If-Modified-Since"],
};

pub(super) const OF_COPY_SOURCE: Names = Names {
    if_match: "x-amz-copy-source-if-match",
    if_unmodified_since: "x-amz-copy-source-if-unmodified-since",
    if_none_match: "x-amz-copy-source-if-none-match",
    if_modified_since: "x-amz-copy-source-if-modified-since",
    shown: [
        "x-amz-copy-source-If-Match",
        "x-amz-copy-source-If-Unmodified-Since",
        "x-amz-copy-source-If-None-Match",
        "x-amz-copy-source-If-Modified-Since",
    ],
};

/// What conditions come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Proceed,
    /// 304 for a read, 412 for a copy.
    NotModified(&'static str),
    /// 412, with the condition that did not hold.
    Failed(&'static str),
}

impl Outcome {
    /// The answer to a read that does not proceed.
    pub(super) fn of_read(self, entry: &Entry) -> Result<(), Failure> {
        match self {
            Self::Proceed => Ok(()),
            Self::Failed(condition) => Err(Failure::precondition(condition)),
            Self::NotModified(_) => {
                let failure = Failure::not_modified()
                    .header("etag", format!("\"{}\"", entry.etag))
                    .header("last-modified", http_date(entry.modified));
                let kept = &entry.object.attributes.headers;
                Err(["cache-control", "expires"].into_iter().fold(failure, |failure, name| match kept.get(name) {
                    Some(value) => failure.header(name, value),
                    None => failure,
                }))
            }
        }
    }

    /// The answer to a copy that does not proceed.
    pub(super) fn of_copy(self) -> Result<(), Failure> {
        match self {
            Self::Proceed => Ok(()),
            Self::Failed(condition) | Self::NotModified(condition) => Err(Failure::precondition(condition)),
        }
    }
}

/// The entity tags of one header.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Tags {
    Any,
    /// The opaque part, and whether it was marked weak.
    Listed(Vec<(String, bool)>),
}

impl Tags {
    fn read(headers: &HeaderMap, name: &str) -> Option<Self> {
        let values: Vec<String> =
            headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
        let text = values.join(",");
        if values.is_empty() || text.trim().is_empty() {
            return None;
        }
        if text.trim() == "*" {
            return Some(Self::Any);
        }
        let tag = |text: &str| {
            let text = text.trim();
            let (opaque, weak) = text.strip_prefix("W/").map_or((text, false), |opaque| (opaque, true));
            (opaque.trim_matches('"').to_owned(), weak)
        };
        // No ETag of S3 holds a comma.
        Some(Self::Listed(text.split(',').map(tag).collect()))
    }

    /// Strong comparison: a weak tag is never the same.
    fn is_strongly(&self, etag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(tags) => tags.iter().any(|(opaque, weak)| !weak && opaque == etag),
        }
    }

    fn is_weakly(&self, etag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(tags) => tags.iter().any(|(opaque, _)| opaque == etag),
        }
    }
}

/// Evaluates the conditions in their order: `If-Match`, and only without it `If-Unmodified-Since`; then `If-None-Match`,
/// and only without it `If-Modified-Since`.
pub(super) fn evaluate(headers: &HeaderMap, names: &Names, entry: &Entry, now: Timestamp) -> Outcome {
    let [match_, unmodified, none_match, modified] = names.shown;
    let last_modified = entry.modified.as_second();
    let time = |name| seconds(one_line(headers, name)?);
    if let Some(tags) = Tags::read(headers, names.if_match) {
        if !tags.is_strongly(&entry.etag) {
            return Outcome::Failed(match_);
        }
    } else if time(names.if_unmodified_since).is_some_and(|time| last_modified > time) {
        return Outcome::Failed(unmodified);
    }
    if let Some(tags) = Tags::read(headers, names.if_none_match) {
        if tags.is_weakly(&entry.etag) {
            return Outcome::NotModified(none_match);
        }
    } else if time(names.if_modified_since).is_some_and(|time| time <= now.as_second() && last_modified <= time) {
        return Outcome::NotModified(modified);
    }
    Outcome::Proceed
}

/// Whether `If-Range` lets a `Range` count: with the same strong tag or the very time. What is neither tag nor time is
/// no validator of this object.
pub(super) fn range_counts(headers: &HeaderMap, entry: &Entry) -> bool {
    if !headers.contains_key("if-range") {
        return true;
    }
    let Some(validator) = one_line(headers, "if-range").map(str::trim) else { return false };
    match validator.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')) {
        Some(tag) => tag == entry.etag,
        None => seconds(validator) == Some(entry.modified.as_second()),
    }
}

fn seconds(date: &str) -> Option<i64> {
    Some(Timestamp::try_from(httpdate::parse_http_date(date).ok()?).ok()?.as_second())
}

/// The conditions of a write: `If-None-Match: *` asks that there be no object, `If-Match` that there be this one.
pub(super) fn of_write(headers: &HeaderMap, key: &str, existing: Option<&Entry>) -> Result<(), Failure> {
    match Tags::read(headers, "if-none-match") {
        Some(Tags::Any) if existing.is_some() => return Err(Failure::precondition("If-None-Match")),
        Some(Tags::Listed(_)) => return Err(Failure::not_implemented("If-None-Match")),
        _ => {}
    }
    match (Tags::read(headers, "if-match"), existing) {
        (Some(_), None) => Err(Failure::no_such_key(key)),
        (Some(tags), Some(entry)) if !tags.is_strongly(&entry.etag) => Err(Failure::precondition("If-Match")),
        _ => Ok(()),
    }
}

/// `Wed, 01 Jul 2026 09:15:30 GMT`.
pub(super) fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::super::object::Object;
    use super::*;

    const BEFORE: &str = "Wed, 01 Jul 2026 09:15:29 GMT";
    const SAME: &str = "Wed, 01 Jul 2026 09:15:30 GMT";
    const AFTER: &str = "Wed, 01 Jul 2026 09:15:31 GMT";
    const FUTURE: &str = "Fri, 03 Jul 2026 00:00:00 GMT";

    fn entry() -> Entry {
        // Half a second is not told, and does not count.
        let modified = "2026-07-01T09:15:30.5Z".parse().unwrap();
        Entry { object: Object::bytes("x"), etag: "tag".to_owned(), modified, kept: false }
    }

    fn outcome(headers: &[(&'static str, &str)]) -> Outcome {
        let headers = headers.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_bytes(value.as_bytes()).unwrap())
        });
        evaluate(&headers.collect(), &OF_READ, &entry(), "2026-07-02T00:00:00Z".parse().unwrap())
    }

    #[test]
    fn table() {
        use Outcome::{Failed, NotModified, Proceed};
        let (m, n, us, s) = ("if-match", "if-none-match", "if-unmodified-since", "if-modified-since");
        for (headers, expected) in [
            (&[][..], Proceed),
            (&[(m, "\"tag\"")], Proceed),
            (&[(m, "tag")], Proceed),
            (&[(m, "*")], Proceed),
            (&[(m, "\"other\", \"tag\"")], Proceed),
            (&[(m, "\"other\""), (m, "\"tag\"")], Proceed),
            (&[(m, "W/\"tag\"")], Failed("If-Match")),
            (&[(m, "\"\"")], Failed("If-Match")),
            (&[(m, "\"other\"")], Failed("If-Match")),
            (&[(m, "")], Proceed),
            (&[(n, "\"tag\"")], NotModified("If-None-Match")),
            (&[(n, "W/\"tag\"")], NotModified("If-None-Match")),
            (&[(n, "*")], NotModified("If-None-Match")),
            (&[(n, "\"other\"")], Proceed),
            (&[(us, BEFORE)], Failed("If-Unmodified-Since")),
            (&[(us, SAME)], Proceed),
            (&[(us, AFTER)], Proceed),
            (&[(us, "yesterday")], Proceed),
            (&[(s, BEFORE)], Proceed),
            (&[(s, SAME)], NotModified("If-Modified-Since")),
            (&[(s, AFTER)], NotModified("If-Modified-Since")),
            (&[(s, FUTURE)], Proceed),
            (&[(s, "Wednesday, 01-Jul-26 09:15:30 GMT")], NotModified("If-Modified-Since")),
            // An ETag's word goes before a time's.
            (&[(m, "\"tag\""), (us, BEFORE)], Proceed),
            (&[(n, "\"other\""), (s, AFTER)], Proceed),
            (&[(m, "\"other\""), (n, "\"tag\"")], Failed("If-Match")),
            (&[(us, BEFORE), (n, "\"tag\"")], Failed("If-Unmodified-Since")),
            (&[(m, "\"tag\""), (n, "\"tag\"")], NotModified("If-None-Match")),
            (&[(m, "\"tag\""), (us, BEFORE), (n, "\"other\""), (s, AFTER)], Proceed),
            (&[(us, AFTER), (s, AFTER)], NotModified("If-Modified-Since")),
            (&[(us, BEFORE), (s, AFTER)], Failed("If-Unmodified-Since")),
            (&[(us, FUTURE), (s, FUTURE)], Proceed),
            // Lists of tags with what does not belong there.
            (&[(m, ", \"tag\" ,")], Proceed),
            (&[(m, "\"other\", *")], Failed("If-Match")),
            (&[(n, "W/\"other\", W/\"tag\"")], NotModified("If-None-Match")),
            (&[(m, "w/\"tag\"")], Failed("If-Match")),
            // Dates: the three forms, and what is none of them or more than one.
            (&[(s, "Wed Jul  1 09:15:30 2026")], NotModified("If-Modified-Since")),
            (&[(us, "Wed Jul  1 09:15:29 2026")], Failed("If-Unmodified-Since")),
            (&[(s, "2026-07-01T09:15:30Z")], Proceed),
            (&[(us, "2026-07-01T09:15:29Z")], Proceed),
            (&[(s, "1782897330")], Proceed),
            (&[(us, "")], Proceed),
            (&[(s, SAME), (s, AFTER)], Proceed),
            (&[(us, BEFORE), (us, BEFORE)], Proceed),
        ] {
            assert_eq!(outcome(headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn ranges_under_a_condition() {
        let counts = |values: &[&'static str]| {
            let lines = values.iter().map(|v| (http::header::IF_RANGE, http::HeaderValue::from_static(v)));
            range_counts(&lines.collect(), &entry())
        };
        for (values, expected) in [
            (&[][..], true),
            (&["\"tag\""], true),
            (&[SAME], true),
            (&["\"other\""], false),
            (&["W/\"tag\""], false),
            (&["tag"], false),
            (&["*"], false),
            (&[""], false),
            (&[BEFORE], false),
            (&[AFTER], false),
            (&["soon"], false),
            (&["\"tag\", \"other\""], false),
            (&["\"tag\"", "\"tag\""], false),
        ] {
            assert_eq!(counts(values), expected, "{values:?}");
        }
    }

    #[test]
    fn writes() {
        let write = |headers: &[(&'static str, &'static str)], existing: Option<&Entry>| {
            let headers =
                headers.iter().map(|(n, v)| (http::HeaderName::from_static(n), http::HeaderValue::from_static(v)));
            of_write(&headers.collect(), "k", existing).map_err(|failure| failure.code)
        };
        let there = entry();
        for (headers, existing, expected) in [
            (&[][..], Some(&there), None),
            (&[("if-none-match", "*")], None, None),
            (&[("if-none-match", "*")], Some(&there), Some("PreconditionFailed")),
            (&[("if-none-match", "\"tag\"")], None, Some("NotImplemented")),
            (&[("if-match", "\"tag\"")], Some(&there), None),
            (&[("if-match", "\"other\"")], Some(&there), Some("PreconditionFailed")),
            (&[("if-match", "\"tag\"")], None, Some("NoSuchKey")),
            (&[("if-match", "*")], None, Some("NoSuchKey")),
        ] {
            assert_eq!(write(headers, existing).err().as_deref(), expected, "{headers:?}");
        }
    }
}
