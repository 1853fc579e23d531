//! Values as the text of a kubeconfig.

use serde_json::{Map, Value};

/// A scalar, quoted where it could be read as anything but this text.
pub(super) fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) if reads_plain(text) => text.clone(),
        // JSON's texts are YAML's.
        other => other.to_string(),
    }
}

/// Begins with a letter or a slash, so that it is no number and no sign of YAML's; and is no word of YAML's.
fn reads_plain(text: &str) -> bool {
    const WORDS: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let first = text.starts_with(|it: char| it.is_ascii_alphabetic() || it == '/');
    let rest = text.chars().all(|it| it.is_ascii_alphanumeric() || "+/=._-@:".contains(it));
    first && rest && !text.ends_with(':') && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

/// An entry of a list in block style: the dash stands at `indent`, which is not written for the first line.
pub(super) fn item(entry: &Map<String, Value>, indent: usize) -> String {
    let mut out = String::from("- ");
    mapping(entry, indent + 2, true, &mut out);
    out
}

/// Lines of a mapping, without the last line end.
pub(super) fn mapping(map: &Map<String, Value>, indent: usize, mut inline: bool, out: &mut String) {
    for (at, (key, value)) in map.iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        if !inline {
            out.push_str(&" ".repeat(indent));
        }
        inline = false;
        out.push_str(&scalar(&Value::from(key.as_str())));
        out.push(':');
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                out.push('\n');
                mapping(inner, indent + 2, false, out);
            }
            Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_object) => {
                for entry in items.iter().filter_map(Value::as_object) {
                    out.push('\n');
                    out.push_str(&" ".repeat(indent));
                    out.push_str(&item(entry, indent));
                }
            }
            other => {
                out.push(' ');
                out.push_str(&scalar(other));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_stay_texts() {
        for text in [
            "",
            "1",
            "1e3",
            "0x1f",
            "0o7",
            "1:30",
            "yes",
            "No",
            "null",
            "~",
            "-",
            "- a",
            "a: b",
            "a #b",
            "#a",
            "a:",
            "'a'",
            "\"a\"",
            "a\nb",
            "{a}",
            "[a]",
            "&a",
            "*a",
            "!a",
            "|",
            ">",
            "%a",
            "@a",
            "`a`",
            ".inf",
            ".nan",
            " a ",
            "é",
            "true",
            "https://h:443/x",
            "c2VjcmV0+/=",
            "cube-7",
            "2001-01-01",
            "=",
            "<<",
        ] {
            let yaml = format!("v: {}\n", scalar(&Value::from(text)));
            let read: Value = serde_saphyr::from_str(&yaml).unwrap_or_default();
            assert_eq!(read["v"], json!(text), "{yaml}");
        }
    }
}
