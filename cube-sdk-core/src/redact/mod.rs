//! What may be shown: URLs without secrets, excerpts of bodies, masked structures.
//!
//! The rules for names and values are those of the published agent, so that both mask alike.

mod beyond;
mod excerpt;
mod hidden;
mod sentence;

use std::fmt;

pub use excerpt::excerpt;
pub use hidden::Hidden;
pub use sentence::masked_text;
use serde_json::Value;
use url::Url;

use crate::error::{Error, ErrorKind};
pub use crate::one_line::one_line;

/// Names that hold a secret contain one of these, in lower case.
const HINTS: [&str; 20] = [
    "token",
    "secret",
    "password",
    "passwd",
    "pwd",
    "credential",
    "creds",
    "apikey",
    "api_key",
    "key",
    "privatekey",
    "jwt",
    "bearer",
    "pw",
    "pem",
    "sasl",
    "dsn",
    "connectionstring",
    "databaseurl",
    "dburl",
];

/// Whole lower-cased names that look secret and are not.
const EXCEPTIONS: [&str; 16] = [
    "maxtokens",
    "maxtoken",
    "maxnumbatchedtokens",
    "tokenttl",
    "tokenurl",
    "tokenendpoint",
    "keyspace",
    "keyname",
    "publickey",
    "keycloakurl",
    "keystoneurl",
    "apikeyname",
    "sshkeypath",
    "secretname",
    "secretkeyref",
    "credentialmode",
];

/// Does a value under this name have to be hidden?
///
/// ```
/// use cube_sdk_core::redact::is_secret_name;
/// assert!(is_secret_name("imagePullSecrets"));
/// assert!(!is_secret_name("maxTokens"));
/// ```
pub fn is_secret_name(name: &str) -> bool {
    let name = name.to_lowercase();
    !EXCEPTIONS.contains(&name.as_str())
        && (HINTS.iter().any(|hint| name.contains(hint)) || beyond::is_secret_name(&name))
}

/// Is this text secret whatever its name: a URL with a password (`scheme://user:password@…`), a PEM block, a JWT, an
/// access key id, a token of a known form, `--password=…`, JSON that holds a secret?
///
/// Linear in the length of the text, however hostile.
pub fn is_secret_value(text: &str) -> bool {
    is_secret_url(text) || beyond::is_secret_text(text)
}

fn is_secret_url(text: &str) -> bool {
    let text = text.trim();
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let mut letters = scheme.chars();
    let starts = letters.next().is_some_and(|c| c.is_ascii_alphabetic());
    if !starts || !letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '-')) {
        return false;
    }
    let stops = |c: char| c == '/' || c == '@' || c.is_whitespace();
    let Some(colon) = rest.find(|c: char| c == ':' || stops(c)) else { return false };
    let Some(password) = rest[colon..].strip_prefix(':') else { return false };
    match password.find(stops) {
        Some(end) if end > 0 => password[end..].starts_with('@'),
        _ => false,
    }
}

/// `<hidden, N chars>`: what is shown in place of a secret. N is the number of code points of a text,
/// else the length of the value's JSON text.
pub fn placeholder(value: &Value) -> String {
    let chars = match value {
        Value::String(text) => text.chars().count(),
        other => json_length(other),
    };
    format!("<hidden, {chars} chars>")
}

/// Is this text, trimmed, a placeholder?
pub fn is_placeholder(text: &str) -> bool {
    text.trim()
        .strip_prefix("<hidden, ")
        .and_then(|rest| rest.strip_suffix(" chars>"))
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// Length of the JSON text with `, ` and `: ` as separators and non-ASCII escaped as `\uXXXX`.
fn json_length(value: &Value) -> usize {
    match value {
        Value::String(text) => json_text_length(text),
        Value::Array(items) => 2 + items.iter().map(json_length).sum::<usize>() + 2 * items.len().saturating_sub(1),
        Value::Object(entries) => {
            let pairs: usize = entries.iter().map(|(k, v)| json_text_length(k) + 2 + json_length(v)).sum();
            2 + pairs + 2 * entries.len().saturating_sub(1)
        }
        other => other.to_string().len(),
    }
}

fn json_text_length(text: &str) -> usize {
    let chars = text.chars().map(|c| match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        c if (c as u32) < 0x20 => 6,
        c if c.is_ascii() => 1,
        c => 6 * c.len_utf16(),
    });
    2 + chars.sum::<usize>()
}

/// The name of an entry as it may be shown: a placeholder where it is secret itself, as a URL with a password is.
pub fn masked_name(name: &str) -> String {
    if is_secret_value(name) || beyond::holds_secret_url(name) {
        return placeholder(&Value::from(name));
    }
    name.to_owned()
}

/// A copy of a structure that may be shown: secrets by name or value are replaced by placeholders. A name that is
/// secret itself is one as well; where two would be alike, blanks at the end tell them apart.
pub fn masked(value: &Value) -> Value {
    match value {
        Value::Object(entries) => {
            let names = ["name", "key"].iter().filter_map(|entry| entries.get(*entry)?.as_str());
            let (mut names_secret, mut names_text) = (false, false);
            for name in names {
                names_secret |= is_secret_name(name);
                names_text |= beyond::is_secret_name_of_text(name);
            }
            let mut shown = serde_json::Map::new();
            for (key, value) in entries {
                let hide = is_secret_name(key)
                    || (key == "value" && (names_secret || names_text && value.is_string()))
                    || (value.is_string() && beyond::is_secret_name_of_text(key));
                let value = if hide { Value::String(placeholder(value)) } else { masked(value) };
                let mut name = masked_name(key);
                while shown.contains_key(&name) || name != *key && entries.contains_key(&name) {
                    name.push(' ');
                }
                shown.insert(name, value);
            }
            shown.into()
        }
        Value::Array(items) => {
            // `["--password", "x"]`
            let flags = |at: usize| at.checked_sub(1).and_then(|before| items[before].as_str());
            let hidden = |at: usize| flags(at).is_some_and(beyond::is_secret_flag);
            let items = items.iter().enumerate().map(|(at, item)| match item {
                Value::String(text) if hidden(at) && !text.starts_with('-') => Value::String(placeholder(item)),
                other => masked(other),
            });
            items.collect()
        }
        Value::String(text) if is_secret_value(text) || beyond::holds_secret_url(text) => {
            Value::String(placeholder(value))
        }
        other => other.clone(),
    }
}

/// The typed fault of a write that was refused because placeholders stand where secrets belong.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct MaskedPlaceholders {
    /// Where they stand, as [`placeholder_positions`] names it.
    pub positions: Vec<String>,
}

impl MaskedPlaceholders {
    /// The error that carries it; `advice` says what to write instead.
    pub fn refuse(positions: Vec<String>, advice: &str) -> Error {
        let words = format!("masked placeholders instead of values at {}", positions.join(", "));
        Error::new(ErrorKind::InvalidInput, words).advice(advice).with_fault(Self { positions })
    }
}

/// Where placeholders stand in a value that is about to be written, as values or as names: `a`, `b[0].c`, `(root)`.
///
/// A write with any of these must be refused: the placeholder would replace the real secret.
pub fn placeholder_positions(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect_positions(value, String::new(), &mut found);
    found
}

fn collect_positions(value: &Value, path: String, found: &mut Vec<String>) {
    match value {
        Value::String(text) if is_placeholder(text) => {
            found.push(if path.is_empty() { "(root)".to_owned() } else { path });
        }
        Value::Object(entries) => {
            for (key, value) in entries {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                if is_placeholder(key) {
                    found.push(path.clone());
                }
                collect_positions(value, path, found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                collect_positions(value, format!("{path}[{index}]"), found);
            }
        }
        _ => {}
    }
}

/// A URL that may be shown: without user info, fragment and the values of its query.
#[derive(Clone, Copy, Debug)]
pub struct SafeUrl<'a>(pub &'a Url);

impl fmt::Display for SafeUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.0;
        write!(f, "{}://{}", url.scheme(), url.host_str().unwrap_or_default())?;
        if let Some(port) = url.port() {
            write!(f, ":{port}")?;
        }
        f.write_str(url.path())?;
        let mut lead = '?';
        for (name, _) in url.query_pairs() {
            write!(f, "{lead}{name}=…")?;
            lead = '&';
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
