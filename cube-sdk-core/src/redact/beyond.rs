//! Secrets that the published agent's rules let through: more names, and texts that are secret by their form.

use serde_json::Value;

use super::{EXCEPTIONS, masked};

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
    let aws = word.strip_prefix("AKIA").or_else(|| word.strip_prefix("ASIA"));
    aws.is_some_and(|rest| rest.len() >= 12 && rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()))
        || MARKED.iter().any(marked)
        || word.starts_with("eyJ") && is_jwt(word)
}

fn is_jwt(word: &str) -> bool {
    let mut parts = word.split('.');
    let (Some(head), Some(body), Some(_)) = (parts.next(), parts.next(), parts.next()) else { return false };
    head.len() >= 8 && !body.is_empty()
}

/// `Bearer …`, `Basic …`: two words.
fn is_header(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let scheme =
        words.next().is_some_and(|word| word.eq_ignore_ascii_case("bearer") || word.eq_ignore_ascii_case("basic"));
    scheme && words.next().is_some_and(|word| word.len() >= 8) && words.next().is_none()
}

/// `--password=x`, `DB_PASSWORD=x`, `--password x`, and a line `password: x`.
fn assigns_secret(text: &str) -> bool {
    text.lines().any(|line| {
        let mut rest = line;
        let mut begins = true;
        while let Some(at) = rest.find(['=', ':', ' ']) {
            let (lead, sign, after) = (&rest[..at], rest.as_bytes()[at], rest[at + 1..].trim_start());
            let lead = lead.trim_end_matches(['"', '\'']);
            let name = &lead[lead.rfind(|c: char| !is_token_char(c)).map_or(0, |at| at + last_char_len(lead, at))..];
            let said = match sign {
                b'=' => is_secret_assigned(name),
                b':' => begins && is_secret_assigned(name),
                _ => is_secret_flag(name) && !after.starts_with('-'),
            };
            // `password = x`: the blank before the sign ends no name.
            let spaced = sign == b' ' && after.starts_with('=') && is_secret_assigned(name);
            let after = if spaced { after[1..].trim_start() } else { after };
            if (said || spaced) && is_value(after) {
                return true;
            }
            begins = begins && (name.is_empty() || matches!(name, "-" | "export" | "set"));
            // A run of blanks is passed at once.
            rest = if sign == b' ' { after } else { &rest[at + 1..] };
        }
        false
    })
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
