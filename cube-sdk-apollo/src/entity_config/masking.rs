//! What is masked: refused when it comes back, and kept out of refusals.

use cube_sdk_core::redact::{MaskedPlaceholders, masked, placeholder_positions};
use cube_sdk_core::{Result, SecretString};
use serde_json::Value;

/// Refuses values copied from a masked display: writing one would replace the real secret.
///
/// # Errors
/// `InvalidInput`, naming each place (`a`, `b[0].c`, `(root)`).
pub fn refuse_placeholders(value: &Value) -> Result<()> {
    let places = placeholder_positions(value);
    if places.is_empty() {
        return Ok(());
    }
    let advice = "give the real values, or leave out what should stay as it is where the call merges";
    Err(MaskedPlaceholders::refuse(places, advice))
}

/// Texts inside a structure that a server's refusal must not repeat: those that a display would mask.
pub(crate) fn secret_texts(value: &Value) -> Vec<SecretString> {
    fn collect(value: &Value, shown: Option<&Value>, found: &mut Vec<SecretString>) {
        match (value, shown) {
            (Value::String(text), Some(Value::String(shown))) if text == shown => {}
            (Value::String(text), _) => found.push(SecretString::from(text.as_str())),
            (Value::Object(entries), shown) => {
                // Names that are secret themselves are masked as well; their order stays.
                let mut shown = shown.and_then(Value::as_object).into_iter().flatten();
                for (key, value) in entries {
                    let shown = shown.next();
                    if shown.is_some_and(|(name, _)| name != key) {
                        found.push(SecretString::from(key.as_str()));
                    }
                    collect(value, shown.map(|(_, value)| value), found);
                }
            }
            (Value::Array(items), shown) => {
                for (index, value) in items.iter().enumerate() {
                    collect(value, shown.and_then(|shown| shown.get(index)), found);
                }
            }
            (_, _) => {}
        }
    }
    let mut found = Vec::new();
    collect(value, Some(&masked(value)), &mut found);
    found
}
