//! What an unquoted text is: typed only where PyYAML and helm's reader agree.
//!
//! Both follow YAML 1.1, each in its own way: `08901`, `1e3`, `0o17`, `1:30` and `y` are numbers or booleans to one and
//! text to the other, and neither number reaches beyond 64 bits unharmed. A reader of ours that picked one of them
//! would change what the other sees as soon as the value is written back.

use serde_json::{Number, Value};

/// What the readers make of an unquoted text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Plain {
    Null,
    Bool(bool),
    Number(Number),
    /// Text to both.
    Text,
    /// They differ, or one of them refuses it: shown as its text.
    Differs,
}

pub(super) fn plain(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Plain::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => return Plain::Bool(false),
        "y" | "Y" | "n" | "N" | "=" | "<<" => return Plain::Differs,
        _ => {}
    }
    let (negative, body) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if !body.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '_')) {
        return Plain::Text;
    }
    if let Some((digits, radix)) = whole(body) {
        return integer(&digits, radix, negative).map_or(Plain::Differs, Plain::Number);
    }
    if is_fraction(text, body) {
        let number = text.replace('_', "").parse().ok().and_then(Number::from_f64);
        return number.map_or(Plain::Differs, Plain::Number);
    }
    if is_number_to_helm(body) || is_more_to_pyyaml(text, body) { Plain::Differs } else { Plain::Text }
}

/// The digits and radix of a whole number, as both spell it.
fn whole(body: &str) -> Option<(String, u32)> {
    let all = |text: &str, digit: fn(&u8) -> bool| text.bytes().all(|b| b == b'_' || digit(&b));
    let (digits, radix) = if let Some(digits) = body.strip_prefix("0b") {
        (digits, 2)
    } else if let Some(digits) = body.strip_prefix("0x") {
        (digits, 16)
    } else if let Some(digits) = body.strip_prefix('0').filter(|digits| !digits.is_empty()) {
        (digits, 8)
    } else {
        (body, 10)
    };
    let spelled = match radix {
        2 => all(digits, |b| matches!(b, b'0' | b'1')),
        8 => all(digits, |b| matches!(b, b'0'..=b'7')),
        16 => all(digits, u8::is_ascii_hexdigit),
        _ => all(digits, u8::is_ascii_digit) && !digits.starts_with('_'),
    };
    let plain = digits.replace('_', "");
    match (spelled && !digits.is_empty(), plain.is_empty(), radix) {
        (true, false, _) => Some((plain, radix)),
        (true, true, 8) => Some(("0".to_owned(), 8)),
        _ => None,
    }
}

fn integer(digits: &str, radix: u32, negative: bool) -> Option<Number> {
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if negative { 0_i64.checked_sub_unsigned(magnitude).map(Number::from) } else { Some(magnitude.into()) }
}

/// A number with a point, as both spell it: the exponent has a sign, a leading point has none before it.
fn is_fraction(text: &str, body: &str) -> bool {
    let (mantissa, exponent) = match body.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (body, None),
    };
    let Some((whole, part)) = mantissa.split_once('.') else { return false };
    let digits = |text: &str| text.bytes().all(|b| b == b'_' || b.is_ascii_digit());
    let digit_first = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let spelled = if whole.is_empty() { text == body && digit_first(part) } else { digit_first(whole) };
    let signed = exponent.is_none_or(|exponent| {
        exponent.strip_prefix(['+', '-']).is_some_and(|e| !e.is_empty() && e.bytes().all(|b| b.is_ascii_digit()))
    });
    spelled && digits(whole) && digits(part) && signed
}

/// Go's numbers: any radix prefix, an exponent without sign, leading zeros.
fn is_number_to_helm(body: &str) -> bool {
    let body = body.replace('_', "");
    let lower = body.to_ascii_lowercase();
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = lower.strip_prefix(prefix) {
            return !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
        }
    }
    body.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && !body.ends_with(|c: char| c.is_ascii_alphabetic())
        && body.parse::<f64>().is_ok()
}

/// PyYAML's base 60, infinities, dates, and prefixes without a digit, which it fails on.
fn is_more_to_pyyaml(text: &str, body: &str) -> bool {
    let sixty = body.contains(':')
        && body.starts_with(|c: char| c.is_ascii_digit())
        && body.bytes().all(|b| b.is_ascii_digit() || matches!(b, b':' | b'_' | b'.'));
    let named = matches!(body, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN");
    let prefix = ["0b", "0x"]
        .iter()
        .any(|prefix| body.strip_prefix(prefix).is_some_and(|rest| rest.replace('_', "").is_empty()));
    sixty || named || prefix || is_date(text)
}

fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    if digits(0) != 4 || bytes.get(4) != Some(&b'-') {
        return false;
    }
    let month = digits(5);
    if !(1..=2).contains(&month) || bytes.get(5 + month) != Some(&b'-') {
        return false;
    }
    let day = digits(6 + month);
    (1..=2).contains(&day) && bytes.get(6 + month + day).is_none_or(|b| matches!(b, b't' | b'T' | b' ' | b'\t'))
}

/// The value of a scalar: `quoted` or not, under a tag of YAML's own (`str`, `int`, …), another tag, or none.
pub(super) fn value(text: &str, quoted: bool, tag: Option<&str>) -> Value {
    let typed = match tag {
        None if quoted => Plain::Text,
        None | Some("int" | "float" | "bool" | "null") => plain(text),
        Some(_) => Plain::Text,
    };
    match (tag, typed) {
        (None | Some("null"), Plain::Null) => Value::Null,
        (None | Some("bool"), Plain::Bool(flag)) => flag.into(),
        (Some("int"), Plain::Number(number)) if !number.is_f64() => Value::Number(number),
        (Some("float"), Plain::Number(number)) => number.as_f64().map_or_else(|| text.into(), Value::from),
        (None, Plain::Number(number)) => Value::Number(number),
        _ => text.into(),
    }
}
