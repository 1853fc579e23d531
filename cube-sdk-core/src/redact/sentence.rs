//! Secrets in a plain text: in its URLs, and after names that are secret.

use serde_json::Value;

use super::{is_secret_name, placeholder};

/// A plain text that may be shown: URLs in it lose what [`SafeUrl`](super::SafeUrl) takes from them, and values after a
/// secret name (`password=x`, `token: "x"`, `<Secret>x</Secret>`, `Bearer x`) are replaced by placeholders.
///
/// ```
/// use cube_sdk_core::redact::masked_text;
/// assert_eq!(
///     masked_text("at https://u:p@h/x?sig=abc with api_key=k1 and Host: h"),
///     "at https://…@h/x?sig=… with api_key=<hidden, 2 chars> and Host: h"
/// );
/// ```
pub fn masked_text(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(colon) = rest.find("://") {
        let scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '-');
        let start = rest[..colon].trim_end_matches(scheme).len();
        let (before, url) = rest.split_at(start);
        let user = length_of_user(&rest[colon + 3..]);
        let from = colon + 3 + user;
        let end = rest[from..].find(ends_url).map_or(rest.len(), |length| from + length);
        if pairs(before, &mut shown) {
            hide(&url[..end - start], &mut shown);
        } else {
            shown.push_str(&rest[start..colon + 3]);
            shown.push_str(if user > 0 { "…@" } else { "" });
            safe_place(&rest[from..end], &mut shown);
        }
        rest = &rest[end..];
    }
    pairs(rest, &mut shown);
    shown
}

/// User, password and `@`. A password holds anything but slashes and white space.
fn length_of_user(rest: &str) -> usize {
    let authority = &rest[..rest.find(|c: char| c == '/' || c.is_whitespace()).unwrap_or(rest.len())];
    authority.rfind('@').map_or(0, |at| at + 1)
}

fn ends_url(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>')
}

fn hide(value: &str, shown: &mut String) {
    shown.push_str(&placeholder(&Value::from(value)));
}

/// Host, path, and the names of the query.
fn safe_place(place: &str, shown: &mut String) {
    let (place, fragment) = place.split_once('#').unwrap_or((place, ""));
    let (place, query) = place.split_once('?').map_or((place, None), |(place, query)| (place, Some(query)));
    shown.push_str(place);
    let mut lead = '?';
    for pair in query.into_iter().flat_map(|query| query.split(['&', ';'])) {
        shown.push(lead);
        if let Some((name, _)) = pair.split_once('=') {
            shown.push_str(name);
            shown.push('=');
        }
        if !pair.is_empty() {
            shown.push('…');
        }
        lead = '&';
    }
    if !fragment.is_empty() {
        shown.push_str("#…");
    }
}

/// Shows a text without URLs. True when it ends where the value of a secret name begins.
fn pairs(text: &str, shown: &mut String) -> bool {
    let (mut told, mut at) = (0, 0);
    while let Some(next) = text[at..].find(['=', ':', '>', ' ']) {
        let sign = at + next;
        at = sign + 1;
        if let Some(value) = Named::of(&text[told..sign], &text[sign..]) {
            let begins = sign + value.skipped;
            let length = value.length(&text[begins..]);
            shown.push_str(&text[told..begins]);
            if length > 0 {
                hide(&text[begins..begins + length], shown);
            } else if begins == text.len() {
                return true;
            }
            told = begins + length;
            at = at.max(told);
        }
    }
    shown.push_str(&text[told..]);
    false
}

/// The value that follows a secret name.
struct Named {
    /// From the sign after the name to the value.
    skipped: usize,
    ends: Ends,
}

enum Ends {
    At(char),
    Word,
}

/// Does a sentence go on here, as after `body.kms_key_arn: `? A word, and another; or a code and what it says, as in
/// `this key: AccessDenied: User …`.
pub(super) fn is_prose(value: &str) -> bool {
    let (word, rest) = value.split_at(value.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(value.len()));
    if rest.starts_with(": ") && is_code(word) {
        return true;
    }
    let plain = word.len() < 20 && word.bytes().skip(1).all(|b| b.is_ascii_lowercase()) && !word.is_empty();
    plain && rest.strip_prefix(' ').is_some_and(|next| next.starts_with(|c: char| c.is_ascii_alphabetic()))
}

/// `AccessDenied`, `KMSInvalidState`: words written as one, each with its capital.
fn is_code(word: &str) -> bool {
    let capitals = word.bytes().filter(u8::is_ascii_uppercase).count();
    word.len() < 48 && word.starts_with(|c: char| c.is_ascii_uppercase()) && capitals * 2 <= word.len()
}

impl Named {
    fn of(before: &str, after: &str) -> Option<Self> {
        let sign = after.chars().next()?;
        // Bounded, so that no text is gone through again and again.
        let mut bare = before;
        for _ in 0..4 {
            bare = bare.strip_suffix(['"', '\'', '`', '\\', ' ', ']']).unwrap_or(bare);
        }
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '$');
        let letters = bare.char_indices().rev().take(128).take_while(|(_, c)| is_name(*c));
        let start = letters.last().map_or(bare.len(), |(at, _)| at);
        let name = &bare[start..];
        if sign == ' ' {
            return Self::of_scheme(name, bare.len() == before.len(), after);
        }
        let element = bare[..start].ends_with('<') && bare.len() == before.len();
        if !is_secret_name(name) || (sign == '>' && !element) {
            return None;
        }
        let value = after[1..].trim_start_matches([' ', '=', '>', '\\']);
        let skipped = after.len() - value.len();
        Some(match value.chars().next() {
            _ if sign == '>' => Self { skipped: 1, ends: Ends::At('<') },
            Some(quote @ ('"' | '\'' | '`')) => Self { skipped: skipped + 1, ends: Ends::At(quote) },
            Some('[') => Self { skipped: skipped + 1, ends: Ends::At(']') },
            Some('{') => Self { skipped: skipped + 1, ends: Ends::At('}') },
            _ if sign == ':' && is_prose(value) => return None,
            _ => Self { skipped, ends: Ends::Word },
        })
    }

    /// `Bearer x` and `Basic x`, where x looks like no word.
    fn of_scheme(name: &str, bare: bool, after: &str) -> Option<Self> {
        let scheme = ["bearer", "basic"].iter().any(|scheme| name.eq_ignore_ascii_case(scheme));
        let value = after.trim_start_matches(' ');
        let found = Self { skipped: after.len() - value.len(), ends: Ends::Word };
        let told = &value[..found.length(value)];
        let word = told.len() < 20 && told.bytes().all(|b| b.is_ascii_lowercase());
        (scheme && bare && !word).then_some(found)
    }

    fn length(&self, value: &str) -> usize {
        let end = match self.ends {
            Ends::At(quote) => value.find(quote),
            Ends::Word => {
                let ends = |c: char| ends_url(c) || matches!(c, ',' | ';' | '&' | '|' | ')' | ']' | '}');
                // The scheme of an authorization is not the secret itself.
                let schemes = ["bearer ", "basic "];
                let scheme = schemes
                    .iter()
                    .find(|scheme| value.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
                let skipped = scheme.map_or(0, |scheme| scheme.len());
                value[skipped..].find(ends).map(|end| skipped + end)
            }
        };
        end.unwrap_or(value.len())
    }
}
