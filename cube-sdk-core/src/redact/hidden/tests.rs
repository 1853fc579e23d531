#![allow(clippy::unwrap_used)]

use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use proptest::prelude::*;
use serde_json::json;

use super::*;

const SECRET: &str = "s3cr3t=/+ \"k€y\"";

fn hidden(secrets: &[&str]) -> Hidden {
    secrets.iter().map(|secret| SecretString::from(*secret)).collect()
}

fn every_letter(text: &str, escape: impl Fn(char) -> String) -> String {
    text.chars().map(escape).collect()
}

fn utf16(c: char) -> Vec<u16> {
    c.encode_utf16(&mut [0; 2]).to_vec()
}

fn percent(text: &str, lower: bool) -> String {
    text.bytes().map(|byte| if lower { format!("%{byte:02x}") } else { format!("%{byte:02X}") }).collect()
}

/// What a sender may make of a text.
fn forms(text: &str) -> Vec<String> {
    let json = |text: &str| serde_json::to_string(text).unwrap()[1..].strip_suffix('"').unwrap().to_owned();
    let form: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    let mut forms = vec![
        text.to_owned(),
        serde_json::to_string(text).unwrap(),
        serde_json::to_string(&serde_json::to_string(text).unwrap()).unwrap(),
        json(text).replace('/', "\\/").replace('=', "\\u003d"),
        every_letter(text, |c| utf16(c).iter().map(|unit| format!("\\u{unit:04x}")).collect()),
        every_letter(text, |c| utf16(c).iter().map(|unit| format!("\\u{unit:04X}")).collect()),
        json(&every_letter(text, |c| utf16(c).iter().map(|unit| format!("\\u{unit:04x}")).collect())),
        every_letter(text, |c| format!("\\u{{{:x}}}", u32::from(c))),
        percent(text, true),
        percent(text, false),
        json(&form),
        form.replace('+', "%20"),
        form.to_ascii_lowercase().contains(text).then(String::new).unwrap_or(form),
        percent(&percent(text, false), true),
        every_letter(text, |c| format!("&#{};", u32::from(c))),
        every_letter(text, |c| format!("&#x{:X};", u32::from(c))),
        text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;"),
    ];
    for engine in [&STANDARD, &URL_SAFE, &STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        forms.push(engine.encode(text));
        forms.push(percent(&engine.encode(text), false));
        forms.extend(["i:", "id:", "idx:"].map(|user| engine.encode(format!("{user}{text}"))));
        forms.push(engine.encode(format!("{{\"a\": 1, \"b\": {text}}}")));
    }
    forms
}

/// Is anything of the secret left, however it is read?
fn left_of(secret: &str, shown: &str) -> Option<String> {
    let mut forms = forms(secret);
    // What was encoded together with others is told by its inner letters.
    let inner = |text: String| text.get(4..text.len().saturating_sub(4)).unwrap_or_default().to_owned();
    forms = forms.into_iter().flat_map(|form| [inner(form.clone()), form]).filter(|form| form.len() >= 4).collect();
    forms.into_iter().find(|form| shown.contains(form.as_str()))
}

#[test]
fn every_form_is_found() {
    let hidden = hidden(&[SECRET]);
    for form in forms(SECRET) {
        for text in [form.clone(), format!("you sent {form}, which is no key"), format!("{form}{form}")] {
            let shown = hidden.scrub(&text);
            assert!(shown.contains(MARK), "{text}: {shown}");
            assert_eq!(left_of(SECRET, &shown), None, "{text}: {shown}");
            let mut value = json!({"a": [{"b": text}], text.clone(): 1});
            hidden.scrub_value(&mut value);
            assert_eq!(left_of(SECRET, &value.to_string()), None, "{value}");
            // As a body, both plain and in JSON; names and order stay.
            for body in [text.clone(), json!({"detail": text}).to_string(), json!(text).to_string()] {
                let shown = hidden.excerpt(body.as_bytes());
                assert_eq!(left_of(SECRET, &shown), None, "{body}: {shown}");
            }
        }
    }
    assert_eq!(hidden.scrub("nothing of it"), "nothing of it");
    assert_eq!(format!("{hidden:?}"), "Hidden(…)");
}

#[test]
fn lines_of_a_secret_are_found_by_themselves() {
    let key = "-----BEGIN KEY-----\nMIIabcdefg1\r\n  short\nlonger-line-2\n-----END KEY-----\n";
    let hidden = hidden(&[key]);
    assert_eq!(hidden.scrub("bad line MIIabcdefg1 near longer-line-2"), "bad line <hidden> near <hidden>");
    assert_eq!(hidden.scrub("short"), "short");
    assert_eq!(hidden.scrub(key), "<hidden>\n");
    assert_eq!(hidden.scrub(&json!(key).to_string()), "\"<hidden>\\n\"");
    assert_eq!(hidden.excerpt(key.as_bytes()), "<hidden>");
}

#[test]
fn numbers_are_found_as_numbers() {
    let hidden = hidden(&["0012345678", "12.50", "1234567890123456789012"]);
    let mut value =
        json!({"pin": 12_345_678, "n": 912_345_678, "f": 12.5, "big": 1_234_567_890_123_456_789_012f64, "ok": 7});
    hidden.scrub_value(&mut value);
    assert_eq!(value, json!({"pin": MARK, "n": 912_345_678, "f": MARK, "big": MARK, "ok": 7}));
    assert_eq!(hidden.excerpt(br#"{"pin": 12345678.0}"#), r#"{"pin":"<hidden>"}"#);
}

#[test]
fn secrets_that_overlap_leave_nothing() {
    let hidden = hidden(&["abcdX", "Xefgh", "cdXe"]);
    assert_eq!(hidden.scrub("1abcdXefgh2"), "1<hidden>2");
    assert_eq!(hidden.scrub("1abcdXXefgh2"), "1<hidden>2");
}

#[test]
fn what_a_header_says_is_found() {
    let of = |header: &str| Hidden::default().with_authorization(&header.parse().unwrap());
    assert_eq!(of("Bearer t0k3n").scrub("got t0k3n, Bearer t0k3n"), "got <hidden>, Bearer <hidden>");
    assert_eq!(of("Basic aWQ6czNjcjN0").scrub("id and s3cr3t, aWQ6czNjcjN0"), "id and <hidden>, <hidden>");
    assert_eq!(of("t0k3n").scrub("got t0k3n"), "got <hidden>");
    let both = hidden(&["first"]).with_authorization(&"Bearer second".parse().unwrap());
    assert_eq!(both.scrub("first second"), "<hidden> <hidden>");
}

#[test]
fn short_ones_are_not_looked_for() {
    for secret in ["", " ", "abc", " abc "] {
        assert!(hidden(&[secret]).is_empty());
        assert_eq!(hidden(&[secret]).scrub("abc abc"), "abc abc");
    }
}

#[test]
fn a_secret_at_the_edge_of_an_excerpt_is_not_cut_open() {
    let secret = "k".repeat(3_000);
    for form in [secret.clone(), percent(&secret, true), "\\u006b".repeat(3_000)] {
        for before in [0, 150, 199, 200, 799, 800] {
            let body = format!("{}{form}", "x".repeat(before));
            let shown = hidden(&[&secret]).excerpt(body.as_bytes());
            assert!(!shown.contains("kk") && !shown.contains("%6b") && !shown.contains("006b"), "{shown}");
        }
    }
    // What is broken into lines, or apart by what does not show, is not put together again.
    let secret = "two words long";
    for body in ["two\n words  long", "two words\u{0}long", "two wor\u{200b}ds long"] {
        assert!(!hidden(&[secret]).excerpt(body.as_bytes()).contains(secret), "{body:?}");
    }
}

#[test]
fn hostile_texts_take_linear_time() {
    // Quadratic, each of these would take minutes.
    let hidden = hidden(&[SECRET, "aaaaaaaa", &"a".repeat(5_000)]);
    for piece in
        ["a", "\\", "\\u0061", "%", "%25", "&amp;", "+", "\\\\u", "s3cr3t", "://", "key=\"", "key=", "\" ", "a:b@"]
    {
        let text = piece.repeat(300_000 / piece.len());
        let _ = (hidden.scrub(&text).len(), hidden.excerpt(text.as_bytes()), super::super::masked_text(&text).len());
    }
}

proptest! {
    #[test]
    fn no_form_leaks(secret in "[!-~ é€]{4,40}", before in ".{0,30}", after in ".{0,30}", index: prop::sample::Index) {
        prop_assume!(secret.trim().len() >= 4);
        let forms = forms(secret.trim());
        let form = index.get(&forms);
        prop_assume!(left_of(secret.trim(), &format!("{before}{after}<hidden>")).is_none());
        let hidden = Hidden::new([SecretString::from(secret.as_str())]);
        let text = format!("{before} {form} {after}");
        prop_assert!(!hidden.scrub(&text).contains(form.as_str()), "{text}");
        prop_assert!(!hidden.excerpt(text.as_bytes()).contains(secret.trim()), "{text}");
    }

    #[test]
    fn what_holds_no_secret_stays(text: String) {
        prop_assert_eq!(hidden(&["\u{10ffff}nowhere\u{10ffff}"]).scrub(&text), text);
    }
}
