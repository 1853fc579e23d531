//! Secrets that the published agent's rules let through: more names, and texts that are secret by their form.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;

use super::sentence::is_prose;
use super::{EXCEPTIONS, is_secret_url, masked};

/// Names that hold a secret, beyond the published hints.
pub(super) fn is_secret_name(lower: &str) -> bool {
    const ENDS_OTHERWISE: [&str; 6] = ["compass", "bypass", "trespass", "surpass", "overpass", "underpass"];
    lower.contains("passphrase")
        || lower.contains("passcode")
        || lower.contains("dockercfg")
        || lower.contains("dockerconfigjson")
        || lower.ends_with("authorization")
        || lower.ends_with("pass") && !ENDS_OTHERWISE.iter().any(|word| lower.ends_with(word))
        || lower.split(|c: char| !c.is_alphanumeric()).any(|word| word == "pass")
}

/// Names whose value is secret where it is a text, and a structure like any other where it is not.
pub(super) fn is_secret_name_of_text(name: &str) -> bool {
    let lower = name.to_lowercase();
    matches!(lower.as_str(), "auth" | "_auth" | "cookie" | "set-cookie")
        || lower.ends_with("basicauth")
        || lower.ends_with("basic_auth")
}

/// Is this text secret by its form? Linear in its length.
pub(super) fn is_secret_text(text: &str) -> bool {
    is_secret_plain(text) || encodes_secret(text)
}

/// Base64 is the form of Kubernetes: its words are decoded once.
fn encodes_secret(text: &str) -> bool {
    const SHORTEST: usize = 40;
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_');
    text.split(|c| !letter(c)).filter(|word| word.len() >= SHORTEST).any(|word| {
        let bytes = STANDARD_NO_PAD.decode(word).or_else(|_| URL_SAFE_NO_PAD.decode(word));
        let plain = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok());
        plain.is_some_and(|plain| is_secret_url(&plain) || is_secret_plain(&plain) || holds_secret_url(&plain))
    })
}

fn is_secret_plain(text: &str) -> bool {
    text.contains("-----BEGIN ")
        || text.split(|c: char| !is_token_char(c)).any(is_token)
        || is_header(text)
        || assigns_secret(text)
        || is_secret_json(text)
}

const fn is_token_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// A JWT, an access key id of AWS, or a token that its issuer marks by how it begins.
fn is_token(word: &str) -> bool {
    const MARKED: [&str; 26] = [
        "ghp_",
        "gho_",
        "ghu_",
        "ghs_",
        "ghr_",
        "github_pat_",
        "glpat-",
        "xoxb-",
        "xoxp-",
        "xoxa-",
        "xoxr-",
        "xoxs-",
        "xapp-",
        "AIza",
        "sk_live_",
        "rk_live_",
        "sk-ant-",
        "sk-proj-",
        "hvs.",
        "hvb.",
        "npm_",
        "pypi-",
        "dop_v1_",
        "SG.",
        "ya29.",
        "AGE-SECRET-KEY-",
    ];
    const SHORTEST: usize = 16;
    let marked = |mark: &&str| word.strip_prefix(*mark).is_some_and(|rest| rest.len() >= SHORTEST);
    word.split(['.', '_', '-']).any(is_aws_key) || MARKED.iter().any(marked) || word.starts_with("eyJ") && is_jwt(word)
}

fn is_aws_key(word: &str) -> bool {
    let rest = word.strip_prefix("AKIA").or_else(|| word.strip_prefix("ASIA"));
    rest.is_some_and(|rest| rest.len() >= 12 && rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()))
}

/// Three parts, or the five of an encrypted one, whose second is empty where the key is agreed.
fn is_jwt(word: &str) -> bool {
    let mut parts = word.split('.');
    let (Some(head), Some(body), Some(_)) = (parts.next(), parts.next(), parts.next()) else { return false };
    head.len() >= 8 && (!body.is_empty() || parts.count() == 2)
}

/// `Bearer …`, `Basic …`: two words, or anywhere where the second looks like no word.
fn is_header(text: &str) -> bool {
    let is_scheme = |word: &str| word.eq_ignore_ascii_case("bearer") || word.eq_ignore_ascii_case("basic");
    let mut words = text.split_whitespace();
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if is_scheme(first) && second.len() >= 8 && words.next().is_none() {
        return true;
    }
    let mut after_scheme = false;
    text.split_whitespace().any(|word| {
        let found = after_scheme && is_opaque(word);
        let bare =
            word.rfind(|c: char| !c.is_ascii_alphabetic()).map_or(word, |at| &word[at + last_char_len(word, at)..]);
        after_scheme = is_scheme(bare);
        found
    })
}

/// Eight characters or more that are no word of a sentence.
fn is_opaque(value: &str) -> bool {
    let value = ahead(value.trim_start_matches(['"', '\'']));
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';' | ')' | '}');
    let word = value[..value.find(ends).unwrap_or(value.len())].trim_end_matches(['.', ':', '!', '?']);
    word.len() >= 8 && !is_word(word) && is_value(word)
}

fn is_word(word: &str) -> bool {
    let tail = word.strip_prefix(|c: char| c.is_ascii_alphabetic()).unwrap_or(word);
    word.len() < 20 && tail.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
}

/// `--password=x`, `DB_PASSWORD=x`, `--password x`, `password: x`, and a value on the next line.
fn assigns_secret(text: &str) -> bool {
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let next = lines.peek().copied().unwrap_or_default();
        if line_assigns_secret(line) || ends_before_value(line, next) {
            return true;
        }
    }
    false
}

/// `password: |` above an indented line, and a flag above its value.
fn ends_before_value(line: &str, next: &str) -> bool {
    let line = line.trim_end();
    let value = next.trim_start();
    let flag = line.rsplit(char::is_whitespace).next().is_some_and(is_secret_flag);
    if flag {
        return is_value(value) && !value.starts_with('-');
    }
    let Some(key) = line.trim_end_matches(['|', '>', '-', '+']).trim_end().strip_suffix(':') else { return false };
    let block = line.ends_with(['|', '>', '-', '+']);
    let key = key.trim_start_matches(['-', ' ']).trim_matches(['"', '\'']);
    let plain = !value.starts_with("- ") && !value.ends_with(':') && !value.contains(": ");
    next.starts_with([' ', '\t']) && is_value(value) && (block || plain) && is_secret_assigned(key)
}

fn line_assigns_secret(line: &str) -> bool {
    let mut from = 0;
    let mut begins = true;
    while let Some(next) = line[from..].find(['=', ':', ' ', '\t']) {
        let at = from + next;
        let (lead, sign, after) = (&line[from..at], line.as_bytes()[at], line[at + 1..].trim_start());
        let lead = lead.trim_end_matches(['"', '\'']);
        let start = lead.rfind(|c: char| !is_token_char(c)).map_or(0, |at| at + last_char_len(lead, at));
        let name = &lead[start..];
        let blank = matches!(sign, b' ' | b'\t');
        let said = match sign {
            b'=' => is_secret_assigned(name) || is_secret_name_of_text(name) && is_opaque(after),
            b':' if is_secret_assigned(name) => {
                begins && !line[..from + start].ends_with("${") || is_pair(&line[..from + start], after)
            }
            b':' => is_secret_name_of_text(name) && is_opaque(after),
            _ => is_secret_flag(name) && !after.starts_with('-'),
        };
        // `password = x`: the blank before the sign ends no name.
        let spaced = blank && after.starts_with('=') && is_secret_assigned(name);
        let after = if spaced { after[1..].trim_start() } else { after };
        if (said || spaced) && is_value(after) {
            return true;
        }
        begins = begins && (name.is_empty() || matches!(name, "-" | "export" | "set"));
        // A run of blanks is passed at once.
        from = if blank { line.len() - after.len() } else { at + 1 };
    }
    false
}

/// As much of a text as is looked at behind each sign: more would not be linear in a text full of signs.
fn ahead(text: &str) -> &str {
    &text[..text.char_indices().nth(200).map_or(text.len(), |(at, _)| at)]
}

/// Does a value follow a secret name within a line, and no sentence?
fn is_pair(before: &str, after: &str) -> bool {
    if before.ends_with("${") {
        // A default stands there; `:?` and `:+` hold other texts.
        return after.strip_prefix(['-', '=']).is_some_and(|value| !value.starts_with(['}', '$']));
    }
    let after = ahead(after);
    let told = before.trim_end().ends_with(|c: char| c.is_alphanumeric());
    let word = &after[..after.find(char::is_whitespace).unwrap_or(after.len())];
    !(is_prose(after) || told && is_word(word))
}

fn last_char_len(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(1, char::len_utf8)
}

/// Something stands there, and it is neither masked nor a reference to where the secret is.
fn is_value(after: &str) -> bool {
    let after = after.trim_start_matches(['"', '\'']);
    let names_it = ["$(", "${", "{{", "|", ">"].iter().any(|lead| after.starts_with(lead));
    !after.is_empty() && !after.starts_with(['=', '<']) && !names_it
}

/// A flag whose next word is its value.
pub(super) fn is_secret_flag(word: &str) -> bool {
    word.strip_prefix("--").is_some_and(is_secret_assigned)
}

/// The names that are secret in running text, where `key` and the like are too common a word.
fn is_secret_assigned(name: &str) -> bool {
    const NAMES: [&str; 11] = [
        "password",
        "passwd",
        "passphrase",
        "pwd",
        "secret",
        "token",
        "apikey",
        "accesskey",
        "privatekey",
        "credential",
        "authorization",
    ];
    let bare: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    !EXCEPTIONS.contains(&bare.as_str())
        && (NAMES.iter().any(|name| bare.contains(name)) || is_secret_name(&name.to_ascii_lowercase()))
}

/// JSON in a text, such as a `.dockerconfigjson`, with a secret in it.
fn is_secret_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
        && serde_json::from_str::<Value>(text).is_ok_and(|value| masked(&value) != value)
}

/// Is there a URL with a password anywhere in the text?
pub(super) fn holds_secret_url(text: &str) -> bool {
    let stops = |c: char| c == '/' || c == '@' || c.is_whitespace();
    text.match_indices("://").any(|(at, sign)| {
        let scheme = text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '-'));
        let rest = &text[at + sign.len()..];
        let end = rest.find(stops).unwrap_or(rest.len());
        let password = rest[..end].split_once(':').map_or("", |(_, password)| password);
        scheme && !password.is_empty() && rest[end..].starts_with('@')
    })
}
