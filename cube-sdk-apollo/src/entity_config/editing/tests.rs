//! Edits of many places at once: entries that come and go, other values, another label.
#![allow(clippy::unwrap_used, clippy::panic)]

use cube_sdk_testkit::apollo::people;
use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::*;

const KEYS: [&str; 14] =
    ["added", "on", "1.5", "0400", "with: colon", "#x", "- y", "null", "größe", "a b", "<<", "\"q\"", "~", "{x}"];

fn values(rng: &mut Rng) -> Value {
    let seed = rng.u64(..);
    match rng.u8(..10) {
        0 => json!({"inner": people::another(&Value::Null, seed), "list": [1, "08", {"deep": true}]}),
        1 => json!([people::another(&Value::Null, seed), "0x1F", {"a": "b: c"}]),
        2 => json!("line one\n  line two\n\nlast"),
        3 => json!({}),
        4 => json!([]),
        5 => json!("trailing \n"),
        _ => people::another(&Value::Null, seed),
    }
}

/// What a person did to the values.
#[derive(Debug, Default)]
struct Done {
    added: usize,
    other: usize,
}

/// Walks all collections, and changes some of them.
fn stir(value: &mut Value, rng: &mut Rng, done: &mut Done) {
    match value {
        Value::Object(entries) => {
            if rng.u8(..6) == 0 && !entries.is_empty() {
                let gone = entries.keys().nth(rng.usize(..entries.len())).unwrap().clone();
                entries.shift_remove(&gone);
                done.other += 1;
            }
            for value in entries.values_mut() {
                stir(value, rng, done);
            }
            if rng.u8(..4) == 0 {
                let key = KEYS[rng.usize(..KEYS.len())];
                if !entries.contains_key(key) {
                    entries.insert(key.to_owned(), values(rng));
                    done.added += 1;
                }
            }
        }
        Value::Array(items) => {
            if rng.u8(..4) == 0 && !items.is_empty() {
                items.remove(rng.usize(..items.len()));
                done.other += 1;
            }
            for item in items.iter_mut() {
                stir(item, rng, done);
            }
            if rng.u8(..3) == 0 {
                items.insert(rng.usize(..=items.len()), values(rng));
                done.added += 1;
            }
        }
        scalar => {
            if rng.u8(..8) == 0 {
                *scalar = people::another(scalar, rng.u64(..));
                done.other += 1;
            }
        }
    }
}

#[test]
fn many_changes_at_once_are_made_or_refused() {
    let (mut tried, mut refusals) = (0, Vec::new());
    for seed in 0..3_000 {
        let (text, mut rng) = (people::config_text(seed), Rng::with_seed(seed));
        let config = EntityConfig::parse(&text);
        let block = &config.blocks()[0];
        let Some(old) = block.expose_overrides() else { panic!("{seed}: {text}") };
        let (mut new, mut done) = (old.clone(), Done::default());
        stir(&mut new, &mut rng, &mut done);
        let label = if rng.bool() { "99.0.0" } else { block.version() };
        tried += 1;
        let written = match updated(&[SecretString::from(text.as_str())], label, &new) {
            Ok(written) => written,
            Err(error) => {
                refusals.push(format!("{seed} {done:?}: {error}\n{text}\n{new:#}"));
                continue;
            }
        };
        let written = written.expose_secret();
        let seen = EntityConfig::parse(written);
        assert_eq!(seen.blocks().len(), 1, "{seed}: {written}");
        assert_eq!(seen.blocks()[0].version(), label, "{seed}: {written}");
        assert_eq!(seen.blocks()[0].expose_overrides(), Some(&new), "{seed}: {written}");
        if done.added + done.other == 0 {
            let moved = if label == block.version() { text.clone() } else { text.replacen(block.version(), label, 1) };
            assert_eq!(*written, moved, "{seed}");
        } else if done.other == 0 && done.added == 1 {
            // Nothing went: every line of before is there, in its order.
            let mut lines = written.lines();
            for line in text.lines().filter(|line| !line.contains(block.version()) && !line.contains(['{', '['])) {
                let body = line.trim_end().trim_start_matches(['-', ' ']);
                assert!(lines.any(|new| new.contains(body)), "{seed}: `{line}` went\n{text}\n---\n{written}");
            }
        }
    }
    let told = refusals.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("\n----\n");
    assert!(refusals.len() * 100 <= tried * 2, "{} of {tried} refused:\n{told}", refusals.len());
}

/// Entries go one by one, until nothing is left.
#[test]
fn all_entries_may_go_one_after_the_other() {
    for seed in 0..300 {
        let text = people::config_text(seed);
        if text.contains('&') {
            continue;
        }
        let config = EntityConfig::parse(&text);
        let label = config.blocks()[0].version().to_owned();
        let Some(Value::Object(mut entries)) = config.blocks()[0].expose_overrides().cloned() else { continue };
        let mut text = SecretString::from(text);
        while let Some(key) = entries.keys().next_back().cloned() {
            entries.shift_remove(&key);
            let error = |error: Error| panic!("{seed} {key}: {error}\n{}", text.expose_secret());
            let new = Value::Object(entries.clone());
            text = updated(std::slice::from_ref(&text), &label, &new).unwrap_or_else(error);
            let seen = EntityConfig::parse(text.expose_secret());
            assert_eq!(seen.blocks()[0].expose_overrides(), Some(&new), "{seed} {key}");
        }
        let none = Value::Object(Map::new());
        assert_eq!(EntityConfig::parse(text.expose_secret()).blocks()[0].expose_overrides(), Some(&none));
    }
}
