//! One value as the text that replaces another: in the style of what stood there, where that is safe.

use cube_sdk_core::Result;
use granit_parser::ScalarStyle;
use serde_json::Value;

use crate::entity_config::rendering::{double_quoted, yaml};
use crate::entity_config::scalar::{Plain, plain};

/// What stood in the place of a token.
#[derive(Clone, Copy)]
pub(super) struct Before<'t> {
    pub(super) text: &'t str,
    pub(super) style: ScalarStyle,
    /// Between brackets.
    pub(super) flow: bool,
    /// A tag that stays says that it is text.
    pub(super) tagged_text: bool,
}

impl Before<'_> {
    /// Nothing stood there.
    pub(super) const fn nothing(flow: bool) -> Self {
        Self { text: "", style: ScalarStyle::Plain, flow, tagged_text: false }
    }
}

/// A value on one line. Lists and mappings are written in brackets.
pub(super) fn token(value: &Value, before: Before<'_>) -> Result<String> {
    Ok(match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => boolean(*flag, before.text).to_owned(),
        Value::Number(number) => match number.as_u64() {
            // An octal mode stays one.
            Some(whole) if is_octal(before) => format!("0{whole:o}"),
            _ => yaml(value)?,
        },
        Value::String(text) => text_token(text, before)?,
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| token(item, Before::nothing(true))).collect::<Result<_>>()?;
            format!("[{}]", items.join(", "))
        }
        Value::Object(entries) => {
            let entries: Vec<_> = entries.iter().map(|(key, value)| entry(key, value, false)).collect::<Result<_>>()?;
            format!("{{{}}}", entries.join(", "))
        }
    })
}

/// An entry between brackets.
pub(super) fn entry(key: &str, value: &Value, quoted: bool) -> Result<String> {
    let style = if quoted { ScalarStyle::DoubleQuoted } else { ScalarStyle::Plain };
    let key = text_token(key, Before { style, ..Before::nothing(true) })?;
    Ok(format!("{key}: {}", token(value, Before { style, ..Before::nothing(true) })?))
}

fn is_octal(before: Before<'_>) -> bool {
    before.style == ScalarStyle::Plain
        && before.text.len() > 1
        && before.text.starts_with('0')
        && before.text.bytes().all(|b| matches!(b, b'0'..=b'7'))
}

/// `yes` becomes `no`, `On` becomes `Off`.
fn boolean(flag: bool, before: &str) -> &'static str {
    const PAIRS: [[&str; 2]; 9] = [
        ["true", "false"],
        ["True", "False"],
        ["TRUE", "FALSE"],
        ["yes", "no"],
        ["Yes", "No"],
        ["YES", "NO"],
        ["on", "off"],
        ["On", "Off"],
        ["ON", "OFF"],
    ];
    let pair = PAIRS.iter().find(|pair| pair.contains(&before)).unwrap_or(&PAIRS[0]);
    if flag { pair[0] } else { pair[1] }
}

fn text_token(text: &str, before: Before<'_>) -> Result<String> {
    match before.style {
        ScalarStyle::SingleQuoted if is_one_line(text) => Ok(format!("'{}'", text.replace('\'', "''"))),
        ScalarStyle::Plain if is_plain(text, before) => Ok(text.to_owned()),
        _ => double_quoted(text),
    }
}

/// Nothing in it needs an escape.
fn is_one_line(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'))
}

/// May it stand without quotes, and is it text to every reader then?
fn is_plain(text: &str, before: Before<'_>) -> bool {
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return false };
    let starts = match first {
        '-' | '?' => chars.next().is_some_and(|c| c.is_alphanumeric()),
        ':' | ',' | '[' | ']' | '{' | '}' | '#' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => false,
        _ => true,
    };
    starts
        && (before.tagged_text || plain(text) == Plain::Text)
        && is_one_line(text)
        && text.trim() == text
        && !text.contains(": ")
        && !text.ends_with(':')
        && !text.contains(" #")
        && !["---", "..."].iter().any(|marker| text.starts_with(marker))
        && !(before.flow && text.contains([',', '[', ']', '{', '}', ':', '?', '#']))
}
