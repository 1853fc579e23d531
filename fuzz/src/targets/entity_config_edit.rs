//! Edits of config texts: refused, or what was meant is read back and nothing else changed.
//!
//! The first byte picks a scalar, the second what takes its place.

use serde_json::{Value, json};

use crate::ErrorKind;
use crate::entity_config::{EntityConfig, edit};
use crate::redact::placeholder_positions;
use crate::secret::ExposeSecret as _;

pub fn run(data: &[u8]) {
    let [pick, kind, text @ ..] = data else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let config = EntityConfig::parse(text);
    for block in config.blocks() {
        let Some(overrides) = block.expose_overrides() else { continue };
        let mut places = Vec::new();
        scalars(overrides, String::new(), &mut places);
        let Some(place) = places.get(usize::from(*pick) % places.len().max(1)) else { continue };
        let mut meant = overrides.clone();
        let Some(scalar) = meant.pointer_mut(place) else { continue };
        *scalar = another(scalar, *kind);
        if !placeholder_positions(&meant).is_empty() {
            continue;
        }
        match edit(text, block.version(), overrides) {
            Ok(same) => assert_eq!(same.expose_secret(), text, "nothing changed, nothing is written"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidInput),
        }
        changed(text, &config, block.version(), &meant);
    }
}

fn changed(text: &str, config: &EntityConfig, version: &str, meant: &Value) {
    let edited = match edit(text, version, meant) {
        Ok(edited) => edited,
        Err(error) => return assert_eq!(error.kind(), ErrorKind::InvalidInput),
    };
    let edited = EntityConfig::parse(edited.expose_secret());
    // Overrides that are null are none.
    let none = json!({});
    let meant = if meant.is_null() { &none } else { meant };
    assert_eq!(edited.blocks().len(), config.blocks().len(), "{text:?}");
    for (now, was) in edited.blocks().iter().zip(config.blocks()) {
        let meant = if was.version() == version { Some(meant) } else { was.expose_overrides() };
        assert_eq!((now.version(), now.expose_overrides()), (was.version(), meant), "{text:?}");
    }
}

fn another(scalar: &Value, kind: u8) -> Value {
    match (kind % 8, scalar.as_str()) {
        (0, _) => json!(true),
        (1, _) => json!(null),
        (2, _) => json!(u64::from(kind) << 32),
        (3, _) => json!(f64::from(kind) / 7.0),
        (4, Some(text)) => json!(format!("{text}\n")),
        (5, Some(text)) => json!(format!("{text}: #{text}")),
        (6, _) => json!({"a": [1, {"b": "c"}], "on": "off"}),
        _ => json!(["0400", "y", "", " x"]),
    }
}

fn scalars(value: &Value, path: String, found: &mut Vec<String>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                scalars(value, format!("{path}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(items) => {
            for (at, value) in items.iter().enumerate() {
                scalars(value, format!("{path}/{at}"), found);
            }
        }
        _ => found.push(path),
    }
}
