//! Config override blocks: what is read shows no secret, and what is written reads back as the same values.

use serde_json::Value;

use crate::entity_config::{EntityConfig, refuse_placeholders, render, secret_texts};
use crate::redact::placeholder_positions;
use crate::secret::ExposeSecret as _;
use crate::{ErrorKind, SecretString};

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let config = EntityConfig::parse(text);
    assert_eq!(config, EntityConfig::from_texts(&[SecretString::from(text)]));
    let _ = (config.shown(), format!("{config:?}"));
    for block in config.blocks() {
        assert_eq!(block.is_readable(), block.expose_overrides().is_some());
        let _ = block.shown();
        if let Some(overrides) = block.expose_overrides() {
            let _ = secret_texts(overrides);
            written(block.version(), overrides);
            written("1.10", overrides);
        }
    }
    if let Ok(value @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text) {
        written("1.0.0+build_1-rc", &value);
    }
}

fn written(version: &str, overrides: &Value) {
    let text = match render(version, overrides) {
        Ok(text) => text,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert_eq!(refuse_placeholders(overrides).is_err(), !placeholder_positions(overrides).is_empty());
            // A refusal names every place of a placeholder, however many: it is not held to a length.
            return;
        }
    };
    let text = text.expose_secret();
    let config = EntityConfig::parse(text);
    let [block] = config.blocks() else { panic!("{} blocks out of {text:?}", config.blocks().len()) };
    assert_eq!(block.version(), version, "{text:?}");
    assert_eq!(block.expose_overrides(), Some(overrides), "{text:?}");
}
