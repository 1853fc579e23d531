//! New versions in the text of a Chart.yaml, of which nothing else changes.

use cube_sdk_core::{Error, Result};
use serde_json::Value;

use super::ChartVersion;
use crate::entity_config::TopLevel;
use crate::publish::PublishFault;

/// The text with other versions: comments, order, quotes and line ends stay. An `appVersion` that is not there is added
/// as the last line.
///
/// The edited text is read again and compared with what was meant; where it differs, the edit is refused.
pub(super) fn edited(text: &str, version: &ChartVersion, app_version: Option<&str>) -> Result<String> {
    let (mark, body) = match text.strip_prefix('\u{feff}') {
        Some(body) => ("\u{feff}", body),
        None => ("", text),
    };
    let mut out = with_value(body, "version", version.as_str())?;
    if let Some(app_version) = app_version {
        out = with_value(&out, "appVersion", app_version)?;
    }
    let mut meant = value(body).ok_or_else(unreadable)?;
    for (key, new) in [("version", Some(version.as_str())), ("appVersion", app_version)] {
        if let (Some(map), Some(new)) = (meant.as_object_mut(), new) {
            map.insert(key.to_owned(), new.into());
        }
    }
    if value(&out).as_ref() != Some(&meant) {
        return Err(refuse("version", "the edited file would not read as meant"));
    }
    Ok(format!("{mark}{out}"))
}

fn value(text: &str) -> Option<Value> {
    TopLevel::read(text)?.value()
}

fn unreadable() -> Error {
    PublishFault::Unreadable { file: "Chart.yaml".to_owned() }.refuse("it is not one YAML document")
}

fn refuse(key: &str, why: &str) -> Error {
    PublishFault::BadField(key.to_owned())
        .refuse(format!("`{key}` cannot be changed without touching the rest: {why}"))
        .advice(format!("write it as a plain line `{key}: 1.2.3`, or edit the file by hand"))
}

fn with_value(text: &str, key: &str, new: &str) -> Result<String> {
    let top = TopLevel::read(text).ok_or_else(unreadable)?;
    let Some(place) = top.place(key) else {
        if !top.is_block_mapping() || ends_early(text) {
            return Err(refuse(key, "there is no such line, and none can be added at the end"));
        }
        let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let between = if text.ends_with('\n') { "" } else { line_end };
        return Ok(format!("{text}{between}{key}: {}{line_end}", quoted(new, '"')));
    };
    if place.entangled {
        return Err(refuse(key, "it is an alias, a block of text, or carries an anchor or a tag"));
    }
    let written = match place.quote {
        Some(quote) => quoted(new, quote),
        // Plain stays plain where that reads as this very text.
        None if reads_plain(new) => new.to_owned(),
        None => quoted(new, '"'),
    };
    let (before, after) = (&text[..place.span.start], &text[place.span.end..]);
    if place.span.is_empty() {
        // Nothing is written: behind the colon.
        let rest = after.trim_start_matches([' ', '\t']);
        let Some(rest) = rest.strip_prefix(':') else {
            return Err(refuse(key, "nothing is written there, not even a colon"));
        };
        return Ok(format!("{before}: {written}{rest}"));
    }
    let gap = if before.ends_with(':') { " " } else { "" };
    Ok(format!("{before}{gap}{written}{after}"))
}

/// A document that is closed by `...`: a line behind it is another document.
fn ends_early(text: &str) -> bool {
    text.lines().any(|line| line == "..." || line.starts_with("... "))
}

fn quoted(text: &str, quote: char) -> String {
    if quote == '\'' && !text.contains(char::is_control) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    // JSON's escapes are YAML's.
    Value::from(text).to_string()
}

fn reads_plain(text: &str) -> bool {
    let read = value(&format!("v: {text}\n"));
    read.as_ref().and_then(|value| value.get("v")).and_then(Value::as_str) == Some(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::publish::PublishErrorExt;

    fn edit(text: &str, app: Option<&str>) -> Result<String> {
        edited(text, &ChartVersion::parse("2.0.0").unwrap(), app)
    }

    #[test]
    fn nothing_else_changes() {
        for (text, app, wanted) in [
            ("name: a\nversion: 1.0.0\n", None, "name: a\nversion: 2.0.0\n"),
            ("version: 1.0.0 # keep\nname: a", None, "version: 2.0.0 # keep\nname: a"),
            ("version: '1.0.0'\n", None, "version: '2.0.0'\n"),
            ("version: \"1.0.0\"   # c\r\nname: a\r\n", None, "version: \"2.0.0\"   # c\r\nname: a\r\n"),
            ("version: 1.0.0\r\nappVersion: \"1\" # c\r\n", Some("7"), "version: 2.0.0\r\nappVersion: \"7\" # c\r\n"),
            ("version: 1.0.0\r\nname: a\r\n", Some("7"), "version: 2.0.0\r\nname: a\r\nappVersion: \"7\"\r\n"),
            ("version: 1.0.0\nname: a", Some("v7"), "version: 2.0.0\nname: a\nappVersion: \"v7\"\n"),
            ("version: 1.0.0\nappVersion: 1.10\n", Some("1.20"), "version: 2.0.0\nappVersion: \"1.20\"\n"),
            ("version: 1.0.0\nappVersion:\nname: a\n", Some("x"), "version: 2.0.0\nappVersion: x\nname: a\n"),
            ("version:   1.0.0\t# tab\n", None, "version:   2.0.0\t# tab\n"),
            ("\u{feff}version: 1.0.0\n", None, "\u{feff}version: 2.0.0\n"),
            ("---\n# head\nversion: 1.0.0\n", None, "---\n# head\nversion: 2.0.0\n"),
            ("{name: a, version: 1.0.0}\n", None, "{name: a, version: 2.0.0}\n"),
            ("\"version\": 1.0.0\n", None, "\"version\": 2.0.0\n"),
            (
                "dependencies:\n- name: b\n  version: 1.0.0\nannotations:\n  version: 1.0.0\nversion: 1.0.0\n",
                None,
                "dependencies:\n- name: b\n  version: 1.0.0\nannotations:\n  version: 1.0.0\nversion: 2.0.0\n",
            ),
            (
                "description: |\n  version: 1.0.0\n  appVersion: 3\nversion: 1.0.0\n",
                Some("4 # no"),
                "description: |\n  version: 1.0.0\n  appVersion: 3\nversion: 2.0.0\nappVersion: \"4 # no\"\n",
            ),
            ("x: &v 1.0.0\nversion: 1.0.0\ny: *v\n", None, "x: &v 1.0.0\nversion: 2.0.0\ny: *v\n"),
            ("version: 1.0.0\nappVersion: 'it''s'\n", Some("it's'"), "version: 2.0.0\nappVersion: 'it''s'''\n"),
        ] {
            assert_eq!(edit(text, app).map_err(|error| format!("{text:?}: {error}")).unwrap(), wanted, "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_edited_alone_is_refused() {
        for text in [
            "version: &v 1.0.0\nx: *v\n",
            "x: &v 1.0.0\nversion: *v\n",
            "version: |\n  1.0.0\n",
            "version: !!str 1.0.0\n",
            "version: [1.0.0]\n",
            "version: 1.0.0\n---\nversion: 1.0.0\n",
            "- version: 1.0.0\n",
            "version: {\n",
        ] {
            assert!(edit(text, None).unwrap_err().publish_fault().is_some(), "{text:?}");
        }
        assert!(edit("{version: 1.0.0}\n", Some("7")).is_err());
        assert!(edit("version: 1.0.0\n...\n", Some("7")).is_err());
    }
}
