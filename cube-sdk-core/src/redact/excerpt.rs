//! The start of a body, for an error line.

use serde_json::Value;

use super::{Hidden, masked, masked_text, one_line};

/// The longest excerpt, in characters.
const LIMIT: usize = 200;

/// The start of a body for an error line: at most 200 characters and an ellipsis, on one line. JSON and plain text are
/// masked first; a JSON text too broken to mask is not shown.
pub fn excerpt(body: &[u8]) -> String {
    Hidden::default().excerpt(body)
}

impl Hidden {
    /// An [`excerpt`] without the secrets: what the body says is read first, then they are looked for.
    pub fn excerpt(&self, body: &[u8]) -> String {
        let text = match serde_json::from_slice::<Value>(body) {
            Ok(value) => {
                let mut shown = masked(&value);
                self.scrub_value(&mut shown);
                mask_texts(&mut shown);
                shown.to_string()
            }
            Err(_) => {
                let text = String::from_utf8_lossy(&body[..body.len().min(self.reach(4 * LIMIT))]);
                if text.trim_start().starts_with(['{', '[']) {
                    return format!("{} bytes of broken JSON", body.len());
                }
                masked_text(&self.scrub(&text))
            }
        };
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        // A secret that was broken into lines is whole again.
        one_line(&self.scrub(&line), LIMIT).into_owned()
    }
}

/// Masks the texts of a structure whose secret names are masked already.
fn mask_texts(value: &mut Value) {
    match value {
        Value::String(text) if !super::is_placeholder(text) => *text = masked_text(text),
        Value::Array(items) => items.iter_mut().for_each(mask_texts),
        Value::Object(entries) => entries.values_mut().for_each(mask_texts),
        _ => {}
    }
}
