//! What may be shown: no secret by name or value stays, nothing else is lost, and hostile texts take linear time.

use serde_json::Value;
use url::Url;

use crate::SecretString;
use crate::redact::{
    Hidden, SafeUrl, excerpt, is_placeholder, is_secret_name, is_secret_value, masked, masked_text, one_line,
    placeholder, placeholder_positions,
};

/// Long enough that a quadratic rule runs into libFuzzer's time limit.
const LONG: usize = 1 << 16;

pub fn run(data: &[u8]) {
    let line = excerpt(data);
    assert!(line.chars().count() <= 201 && !line.contains(char::is_control), "{line:?}");
    if let Ok(value) = serde_json::from_slice::<Value>(data) {
        structure(&value);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    assert_eq!(is_secret_value(text), is_secret_value(&format!(" {text}\n")), "white space around does not matter");
    let repeated = text.repeat(LONG / text.len().max(1));
    let _ = (is_secret_value(&repeated), is_secret_name(&repeated), is_placeholder(&repeated));
    if let Ok(url) = Url::parse(text) {
        address(&url);
    }
    repeated_secret(text, data);
    assert!(!masked_text(&format!("{text} api_key=K3Y")).contains("K3Y"));
    let line = one_line(text, 100);
    assert!(line.chars().count() <= 101 && !line.contains(char::is_control), "{line:?}");
}

/// A secret that stands in the text is found; what is not, stays.
fn repeated_secret(text: &str, data: &[u8]) {
    let secret: String = data.iter().take(8).chain(b"AB").map(|byte| format!("{byte:02X}")).collect();
    let hidden = Hidden::new([SecretString::from(secret.as_str())]);
    let shown = hidden.scrub(&format!("{text}{secret}{text}"));
    assert!(!shown.contains(&secret), "{shown}");
    assert!(!hidden.excerpt(format!("{secret}{text}").as_bytes()).contains(&secret));
    if let Ok(mut value) = serde_json::from_str::<Value>(text) {
        hidden.scrub_value(&mut value);
        assert!(!value.to_string().contains(&secret));
    }
}

fn structure(value: &Value) {
    let shown = masked(value);
    hides(value, &shown);
    assert!(is_placeholder(&placeholder(value)));
    let hidden = placeholder_positions(&shown).len();
    assert!(hidden >= placeholder_positions(value).len() || hidden > 0);
}

/// Walks both: what differs is a placeholder, and what must differ does.
fn hides(value: &Value, shown: &Value) {
    if value != shown && shown.as_str().is_some_and(is_placeholder) {
        assert_eq!(shown.as_str(), Some(placeholder(value).as_str()));
        return;
    }
    match (value, shown) {
        (Value::Object(entries), Value::Object(others)) => {
            assert!(entries.keys().eq(others.keys()), "names and their order stay");
            for ((key, value), shown) in entries.iter().zip(others.values()) {
                if is_secret_name(key) {
                    assert_eq!(shown.as_str(), Some(placeholder(value).as_str()), "{key} is shown");
                } else {
                    hides(value, shown);
                }
            }
        }
        (Value::Array(items), Value::Array(others)) => {
            assert_eq!(items.len(), others.len());
            items.iter().zip(others).for_each(|(value, shown)| hides(value, shown));
        }
        (Value::String(text), _) => assert!(value == shown && !is_secret_value(text), "{text:?} is shown as {shown}"),
        _ => assert_eq!(value, shown),
    }
}

fn address(url: &Url) {
    // Taking the fragment off a URL without slashes also takes the spaces at its path's end.
    let show = |url: &Url| SafeUrl(url).to_string().trim_end().to_owned();
    let shown = show(url);
    let mut bare = url.clone();
    bare.set_fragment(None);
    if bare.set_username("").is_ok() && bare.set_password(None).is_ok() {
        assert_eq!(show(&bare), shown, "user, password and fragment do not show");
    }
    let names: Vec<String> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
    bare.query_pairs_mut().clear().extend_pairs(names.iter().map(|name| (name, "x")));
    if names.is_empty() {
        bare.set_query(None);
    }
    assert_eq!(show(&bare), shown, "no value of the query shows");
}
