//! Configs read, one scalar changed, written: the difference is that scalar alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;

use cube_sdk_apollo::entity_config::{EntityConfig, edit};
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_testkit::apollo::people;
use serde_json::Value;

/// The part of two texts that differs: where it begins, and its length in each.
fn difference(before: &str, after: &str) -> (usize, usize, usize) {
    let (a, b) = (before.as_bytes(), after.as_bytes());
    let start = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let rest = a.len().min(b.len()) - start;
    let end = a.iter().rev().zip(b.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    (start, a.len() - start - end, b.len() - start - end)
}

/// Changes one scalar and checks everything else; an error is the reason of a refusal.
fn change_one(name: &str, text: &str, block: usize, place: &str, value: Value) -> Result<(), String> {
    let config = EntityConfig::parse(text);
    let version = config.blocks()[block].version();
    let before = config.blocks()[block].expose_overrides().unwrap();
    let mut meant = before.clone();
    *meant.pointer_mut(place).unwrap() = value.clone();
    let edited = edit(text, version, &meant).map_err(|error| error.to_string())?;
    let edited = edited.expose_secret();
    let seen = EntityConfig::parse(edited);
    assert_eq!(seen.blocks().len(), config.blocks().len(), "{name}{place}: {edited}");
    for (at, (seen, was)) in seen.blocks().iter().zip(config.blocks()).enumerate() {
        let meant = if at == block { Some(&meant) } else { was.expose_overrides() };
        assert_eq!((seen.version(), seen.expose_overrides()), (was.version(), meant), "{name}{place}: {edited}");
    }
    // One place differs; no line goes but those of a text, and no comment.
    let was = before.pointer(place).unwrap();
    let (start, length, _) = difference(text, edited);
    let gone = text.as_bytes()[start..start + length].iter().filter(|b| **b == b'\n').count();
    let most = if was.is_string() { 12 } else { 0 };
    assert!(gone <= most, "{name}{place}: {gone} line breaks went\n{edited}");
    let hash =
        was.as_str().is_some_and(|text| text.contains('#')) || value.as_str().is_some_and(|text| text.contains('#'));
    for comment in if hash {
        vec![]
    } else {
        vec!["# why", "#\ttab: in a comment", "# note: see", "#old: 1", "# a file", "# the end"]
    } {
        assert_eq!(text.matches(comment).count(), edited.matches(comment).count(), "{name}{place}: {edited}");
    }
    // Back again: the same values.
    let back = edit(edited, version, before).map_err(|error| format!("back again: {error}"))?;
    assert_eq!(EntityConfig::parse(back.expose_secret()), config, "{name}{place}");
    Ok(())
}

/// Every hand-written text.
fn written_by_hand() -> Vec<(String, String)> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/configs");
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |file: PathBuf| {
        (file.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(&file).unwrap())
    };
    files.into_iter().map(read).collect()
}

#[test]
fn five_thousand_generated_configs_change_in_one_place() {
    let (mut tried, mut refusals) = (0, Vec::new());
    for seed in 0..5_500 {
        let text = people::config_text(seed);
        let config = EntityConfig::parse(&text);
        assert_eq!(config.blocks().len(), 1, "{seed}: {text}");
        assert!(config.blocks()[0].is_readable(), "{seed}: {text}");
        let overrides = config.blocks()[0].expose_overrides().unwrap();
        let places = people::scalars(overrides);
        let Some(place) = places.get(usize::try_from(seed).unwrap() % places.len().max(1)) else { continue };
        tried += 1;
        let value = people::another(overrides.pointer(place).unwrap(), seed);
        if let Err(why) = change_one(&format!("{seed}"), &text, 0, place, value) {
            refusals.push(format!("{seed}{place}: {why}"));
        }
    }
    assert!(tried >= 5_000, "{tried}");
    assert!(refusals.len() * 100 <= tried, "{} of {tried} refused:\n{}", refusals.len(), refusals.join("\n"));
}

#[test]
fn every_scalar_of_every_config_written_by_hand_changes_alone() {
    let texts = written_by_hand();
    assert!(texts.len() >= 60, "{}", texts.len());
    for (name, text) in texts {
        let config = EntityConfig::parse(&text);
        assert!(!config.is_empty(), "{name}");
        for (at, block) in config.blocks().iter().enumerate() {
            let overrides = block.expose_overrides().unwrap_or_else(|| panic!("{name} cannot be read"));
            // Nothing changed: nothing written.
            assert_eq!(edit(&text, block.version(), overrides).unwrap().expose_secret(), text, "{name}");
            for (seed, place) in people::scalars(overrides).iter().enumerate() {
                for seed in [seed, seed + 1000] {
                    let value = people::another(overrides.pointer(place).unwrap(), seed as u64);
                    let Err(why) = change_one(&name, &text, at, place, value) else { continue };
                    let linked = ["anchored as", "the alias", "merged in"].iter().any(|word| why.contains(word));
                    assert!(linked && (text.contains('&')), "{name}{place}: {why}");
                }
            }
        }
    }
}
