//! The secrets of a call, taken out of whatever a server says.

mod decoded;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use self::decoded::{Reading, readings};

/// What stands in the place of a secret.
const MARK: &str = "<hidden>";

/// Shorter secrets are not looked for: replacing them would garble every text.
const SHORTEST: usize = 4;

/// The shortest line of a secret of several lines that is looked for by itself, in characters.
const SHORTEST_LINE: usize = 8;

/// The secrets of a call: those of its body, and the credentials that it goes out with. What a server repeats of them
/// does not get into an error or a log line.
///
/// Each is found as it is, behind the escapes of JSON, URLs, forms and pages (also one within another), in base64 of
/// both alphabets (also within a longer text that was encoded as a whole), and as a JSON number; of a secret of several
/// lines each line of 8 and more characters is found by itself. Secrets shorter than four bytes are not looked for.
/// The time taken grows with the length of the text, however hostile.
///
/// ```
/// use cube_sdk_core::SecretString;
/// use cube_sdk_core::redact::Hidden;
/// let hidden = Hidden::new([SecretString::from("s3cr3t=1")]);
/// assert_eq!(hidden.scrub(r"no: s3cr3t\u003d1 and s3cr3t%3d1"), "no: <hidden> and <hidden>");
/// ```
#[derive(Clone, Default)]
pub struct Hidden(Option<Arc<Secrets>>);

struct Secrets {
    texts: Vec<SecretString>,
    /// Built when a text is first looked through: most calls never need it.
    finder: OnceLock<Option<Finder>>,
}

struct Finder {
    forms: AhoCorasick,
    /// What lies beside a form and belongs to it, by the form's number.
    edges: Vec<Edges>,
    /// The numbers among the secrets.
    numbers: Vec<f64>,
}

/// Letters of base64 that hold some bits of the secret and some of its neighbour.
#[derive(Clone, Copy, Default)]
struct Edges {
    before: bool,
    after: bool,
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden(…)")
    }
}

impl FromIterator<SecretString> for Hidden {
    fn from_iter<I: IntoIterator<Item = SecretString>>(secrets: I) -> Self {
        Self::new(secrets)
    }
}

impl Hidden {
    /// These secrets.
    pub fn new(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        let long = |secret: &SecretString| secret.expose_secret().trim().len() >= SHORTEST;
        let texts: Vec<_> = secrets.into_iter().filter(long).collect();
        if texts.is_empty() {
            return Self(None);
        }
        Self(Some(Arc::new(Secrets { texts, finder: OnceLock::new() })))
    }

    /// These and those.
    #[must_use]
    pub fn with(&self, more: impl IntoIterator<Item = SecretString>) -> Self {
        Self::new(self.texts().iter().cloned().chain(more))
    }

    /// These, and what an `Authorization` header says: the token of `Bearer`, the password of `Basic`.
    #[must_use]
    pub fn with_authorization(&self, header: &HeaderValue) -> Self {
        let Ok(header) = std::str::from_utf8(header.as_bytes()) else { return self.clone() };
        let (scheme, told) = header.trim().split_once(' ').unwrap_or(("", header));
        let told = told.trim();
        let mut more = vec![SecretString::from(told)];
        if scheme.eq_ignore_ascii_case("basic") {
            let decoded = STANDARD_NO_PAD.decode(told.trim_end_matches('=')).unwrap_or_default();
            let pair = String::from_utf8(decoded).unwrap_or_default();
            more.extend(pair.split_once(':').map(|(_, password)| SecretString::from(password)));
        }
        self.with(more)
    }

    /// True when there is nothing to look for.
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// A text without the secrets.
    pub fn scrub(&self, text: &str) -> String {
        self.finder().map_or_else(|| text.to_owned(), |finder| finder.scrub(text).into_owned())
    }

    /// Takes the secrets out of a structure: out of its texts, names and numbers.
    pub fn scrub_value(&self, value: &mut Value) {
        if let Some(finder) = self.finder() {
            finder.scrub_value(value);
        }
    }

    /// How many bytes of a text have to be looked through so that no secret that begins within the first `shown` bytes
    /// of it is missed.
    pub(super) fn reach(&self, shown: usize) -> usize {
        // The longest form: an escape of six bytes for each, once more escaped.
        let longest = self.texts().iter().map(|text| text.expose_secret().len()).max().unwrap_or_default();
        shown.saturating_add(longest.saturating_mul(12))
    }

    fn texts(&self) -> &[SecretString] {
        self.0.as_ref().map_or(&[], |secrets| &secrets.texts)
    }

    fn finder(&self) -> Option<&Finder> {
        let secrets = self.0.as_ref()?;
        secrets.finder.get_or_init(|| Finder::new(&secrets.texts)).as_ref()
    }
}

impl Finder {
    /// None only where there are more secrets than memory holds.
    fn new(texts: &[SecretString]) -> Option<Self> {
        let mut forms: Vec<(Cow<'_, str>, Edges)> = Vec::new();
        let mut numbers = Vec::new();
        for text in texts {
            let whole = text.expose_secret();
            let trimmed = whole.trim();
            forms.push((trimmed.into(), Edges::default()));
            let number = trimmed.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
            numbers.extend(trimmed.parse::<f64>().ok().filter(|_| number));
            let mut lines = trimmed.lines().map(str::trim).filter(|line| line.chars().count() >= SHORTEST_LINE);
            if trimmed.contains(['\n', '\r']) {
                forms.extend(lines.by_ref().map(|line| (line.into(), Edges::default())));
            }
            let encoded: String = url::form_urlencoded::byte_serialize(trimmed.as_bytes()).collect();
            for said in [whole, trimmed, &encoded, &encoded.replace('+', "%20")] {
                forms.extend(in_base64(said.as_bytes()).map(|(form, edges)| (form.into(), edges)));
            }
        }
        forms.retain(|(form, _)| form.len() >= SHORTEST);
        forms.sort_by(|(one, _), (other, _)| one.cmp(other));
        forms.dedup_by(|(one, _), (other, _)| one == other);
        let edges = forms.iter().map(|(_, edges)| *edges).collect();
        // Not the automaton that is fastest to run: the one that long secrets can be built into at once.
        let mut builder = AhoCorasick::builder();
        let builder = builder.kind(Some(AhoCorasickKind::ContiguousNFA));
        let forms = builder.build(forms.iter().map(|(form, _)| form.as_bytes())).ok()?;
        Some(Self { forms, edges, numbers })
    }

    fn scrub<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut found: Vec<Range<usize>> = Vec::new();
        for reading in readings(text) {
            self.find(&reading, &mut found);
        }
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        found.sort_by_key(|range| range.start);
        let (mut shown, mut at) = (String::new(), 0);
        for range in found {
            let (start, end) = (text.floor_char_boundary(range.start), text.ceil_char_boundary(range.end));
            if start >= at {
                shown.push_str(&text[at..start]);
                shown.push_str(MARK);
            }
            at = at.max(end);
        }
        shown.push_str(&text[at..]);
        Cow::Owned(shown)
    }

    fn find(&self, reading: &Reading, found: &mut Vec<Range<usize>>) {
        let bytes = &reading.bytes;
        let letter = |at: usize| {
            bytes.get(at).is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_'))
        };
        for form in self.forms.find_overlapping_iter(bytes) {
            let edges = self.edges[form.pattern().as_usize()];
            let before = edges.before && form.start().checked_sub(1).is_some_and(letter);
            let after = edges.after && letter(form.end());
            let (start, end) = (form.start() - usize::from(before), form.end() + usize::from(after));
            let range = reading.place(start)..reading.place(end);
            match found.last_mut() {
                // Ends come in order: what overlaps is one.
                Some(last) if last.start <= range.start && range.start <= last.end => {
                    last.end = last.end.max(range.end)
                }
                _ => found.push(range),
            }
        }
    }

    fn scrub_value(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(shown) = self.scrub(text) {
                    *text = shown;
                }
            }
            Value::Number(number) => {
                let same = number.as_f64().is_some_and(|number| self.numbers.contains(&number));
                if same || matches!(self.scrub(&number.to_string()), Cow::Owned(_)) {
                    *value = Value::String(MARK.to_owned());
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.scrub_value(item)),
            Value::Object(entries) => {
                entries.values_mut().for_each(|value| self.scrub_value(value));
                if entries.keys().any(|name| matches!(self.scrub(name), Cow::Owned(_))) {
                    let told = std::mem::take(entries);
                    *entries = told.into_iter().map(|(name, value)| (self.scrub(&name).into_owned(), value)).collect();
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }
}

/// The letters of base64 that a secret alone decides, for each of its places within a text of threes, in both alphabets.
fn in_base64(secret: &[u8]) -> impl Iterator<Item = (String, Edges)> {
    let places = (0..3usize).flat_map(|place| {
        let mut padded = vec![0; place];
        padded.extend_from_slice(secret);
        // Bits before the secret spoil the letters that they share with it; so do those after it.
        let (skipped, whole) = ((place * 8).div_ceil(6), padded.len() * 8 / 6);
        let edges = Edges { before: place > 0, after: padded.len() % 3 != 0 };
        [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)]
            .map(|text| (text.get(skipped..whole).unwrap_or_default().to_owned(), edges))
    });
    places.collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests;
