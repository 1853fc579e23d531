//! Configs read, one scalar changed and written, before the eyes of PyYAML and helm 3 and 4: that scalar is what was
//! meant, and they read the rest as before.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use cube_sdk::apollo::entity_config::{EntityConfig, edit, render};
use cube_sdk::core::secret::ExposeSecret;
use cube_sdk_testkit::apollo::people;
use cube_sdk_tests::real::{Seen, YamlReader, workspace};
use serde_json::{Value, json};

/// Every text written by hand.
fn by_hand() -> Vec<(String, String)> {
    let mut files: Vec<_> = std::fs::read_dir(workspace().join("cube-sdk-apollo/tests/configs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let read = |file: &std::path::PathBuf| {
        (file.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(file).unwrap())
    };
    files.iter().map(read).collect()
}

/// One change: the text after it, and what stands at its place then.
struct Change {
    name: String,
    before: String,
    label: String,
    value: Value,
    depth: usize,
}

/// The changes of every scalar, or of one of them.
fn changes(
    name: &str,
    text: &str,
    one: Option<u64>,
    into: &mut BTreeMap<String, String>,
    all: &mut Vec<Change>,
) -> usize {
    let config = EntityConfig::parse(text);
    let before = format!("{name}.before");
    into.insert(before.clone(), text.to_owned());
    let mut refused = 0;
    for block in config.blocks() {
        let overrides = block.expose_overrides().unwrap_or_else(|| panic!("{name}: {text}"));
        let places = people::scalars(overrides);
        let picked = one.map(|seed| usize::try_from(seed).unwrap() % places.len().max(1));
        for (at, place) in places.iter().enumerate().filter(|(at, _)| picked.is_none_or(|picked| picked == *at)) {
            let value = people::another(overrides.pointer(place).unwrap(), one.unwrap_or(at as u64));
            let mut meant = overrides.clone();
            *meant.pointer_mut(place).unwrap() = value.clone();
            let Ok(edited) = edit(text, block.version(), &meant) else {
                refused += 1;
                continue;
            };
            let name = format!("{name}.{}.{at}", block.version());
            into.insert(name.clone(), edited.expose_secret().to_owned());
            let depth = place.matches('/').count() + 2;
            all.push(Change { name, before: before.clone(), label: block.version().to_owned(), value, depth });
        }
    }
    refused
}

/// The places where two trees differ, each as its depth and what stands there after.
fn differences(before: &Value, after: &Value, depth: usize, found: &mut Vec<(usize, Option<Value>)>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) if before.keys().all(|key| after.contains_key(key)) => {
            assert_eq!(before.len(), after.len(), "{after:?}");
            before.iter().for_each(|(key, value)| differences(value, &after[key], depth + 1, found));
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            before.iter().zip(after).for_each(|(before, after)| differences(before, after, depth + 1, found));
        }
        _ if before == after => {}
        _ => found.push((depth, Some(after.clone()))),
    }
}

/// The same value, numbers compared as the reader holds them.
fn same(seen: &Value, meant: &Value) -> bool {
    seen == meant || seen.is_number() && seen.as_f64() == meant.as_f64()
}

/// What is typed is read so by both; a text is read as that text, or as something else than text.
fn agrees(ours: &Value, theirs: &Value, at: &str) {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            let known = ours.iter().filter_map(|(key, value)| Some((key, value, theirs.get(key)?)));
            known.for_each(|(key, ours, theirs)| agrees(ours, theirs, &format!("{at}/{key}")));
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            assert_eq!(ours.len(), theirs.len(), "{at}");
            ours.iter().zip(theirs).enumerate().for_each(|(index, (a, b))| agrees(a, b, &format!("{at}/{index}")));
        }
        (Value::String(ours), Value::String(theirs)) => {
            assert!(ours == theirs || theirs.starts_with('\0') || at.contains("binary"), "{at}: {ours:?} {theirs:?}");
        }
        (Value::String(_), theirs) => assert!(!theirs.is_object() && !theirs.is_array(), "{at}: {ours} {theirs}"),
        (ours, theirs) => assert!(same(theirs, ours), "{at}: {ours} {theirs}"),
    }
}

/// Checks every change before one reader; tells how many it could load.
fn check(reader: &YamlReader, seen: &Seen, texts: &BTreeMap<String, String>, changes: &[Change]) -> usize {
    let mut loaded = 0;
    for change in changes {
        let text = &texts[&change.name];
        let was = &texts[&change.before];
        let Some(before) = &seen[&change.before] else { continue };
        let after = seen[&change.name].as_ref();
        let after = after.unwrap_or_else(|| panic!("{reader:?} refuses {}: {was:?} {text:?}", change.name));
        loaded += 1;
        let mut found = Vec::new();
        differences(before, after, 0, &mut found);
        let told = || format!("{reader:?} {} {} {found:?}\n{was}\n{text}", change.name, change.value);
        assert!(found.len() <= 1, "{}", told());
        if let Some((depth, Some(value))) = found.first() {
            assert_eq!(*depth, change.depth, "{}", told());
            assert!(same(value, &change.value), "{}", told());
        }
        for block in EntityConfig::parse(text).blocks().iter().filter(|block| block.version() == change.label) {
            if let Some(theirs) = after.get(block.version()).and_then(|body| body.get("overrides")) {
                agrees(block.expose_overrides().unwrap(), theirs, &change.name);
            }
        }
    }
    loaded
}

#[test]
fn one_scalar_changes_before_the_eyes_of_pyyaml_and_helm() {
    let Some(readers) = YamlReader::all() else { return };
    let (mut texts, mut all) = (BTreeMap::new(), Vec::new());
    let mut refused = 0;
    for seed in 0..5_500 {
        refused += changes(&format!("g{seed:04}"), &people::config_text(seed), Some(seed), &mut texts, &mut all);
    }
    assert!(all.len() >= 5_000 && refused * 100 <= all.len(), "{refused} of {} refused", all.len() + refused);
    let hand = by_hand();
    assert!(hand.len() >= 60);
    for (name, text) in &hand {
        changes(name, text, None, &mut texts, &mut all);
    }
    for reader in &readers {
        let seen = reader.read(&texts);
        let loaded = check(reader, &seen, &texts, &all);
        assert!(loaded * 10 >= all.len() * 6, "{reader:?} could load {loaded} of {} only", all.len());
    }
}

/// Texts that a reader could take for something else.
#[test]
fn what_is_rendered_is_read_alike() {
    let Some(readers) = YamlReader::all() else { return };
    let words = include_str!("config_readers/words.txt").lines().map(str::to_owned);
    let odd = [
        "",
        " ",
        "\n",
        "a\n",
        "\ta",
        "a\u{85}b",
        "\u{2028}",
        "\u{feff}a",
        "\u{7f}",
        "a: b",
        "- a",
        "#",
        "a #b",
        "\r\n",
        "🦀",
    ];
    let texts: Vec<String> = words.chain(odd.map(str::to_owned)).collect();
    let numbers = json!([0, -1, u64::MAX, i64::MIN, 0.1, 1.0, 1e21, 1e-7, -2.5e300, 5e-324]);
    let keys: serde_json::Map<_, _> = texts.iter().map(|text| (text.clone(), json!(1))).collect();
    let meant = json!({"texts": texts, "numbers": numbers, "keys": keys, "empty": {}, "none": [], "null": null, "deep": [[{"a": [true]}]]});
    let rendered = render("17.0.0", &meant).unwrap().expose_secret().to_owned();
    for reader in readers {
        let seen = reader.read(&BTreeMap::from([("rendered".to_owned(), rendered.clone())]));
        let seen = &seen["rendered"].as_ref().unwrap()["17.0.0"]["overrides"];
        assert_eq!(seen["texts"], meant["texts"], "{reader:?}");
        assert_eq!(seen["keys"], meant["keys"], "{reader:?}");
        for (seen, meant) in seen["numbers"].as_array().unwrap().iter().zip(numbers.as_array().unwrap()) {
            assert!(same(seen, meant), "{reader:?}: {seen} {meant}");
        }
        for key in ["empty", "none", "null", "deep"] {
            assert_eq!(seen[key], meant[key], "{reader:?}");
        }
    }
}

/// As a values file, through `helm template -f` and `toYaml`.
#[test]
fn helm_prints_the_rest_of_the_values_as_before() {
    let Some([_, helms @ ..]) = YamlReader::all() else { return };
    for (name, text) in by_hand().iter().filter(|(name, _)| ["01", "03", "08", "22", "33", "54"].contains(&&name[..2]))
    {
        let (mut texts, mut all) = (BTreeMap::new(), Vec::new());
        changes(name, text, Some(1), &mut texts, &mut all);
        for helm in &helms {
            for change in &all {
                let (before, after) = (helm.values(text).unwrap(), helm.values(&texts[&change.name]).unwrap());
                let (before, after): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
                // A changed scalar may take more lines than before, in one place, and at most its own old line goes.
                let head = before.iter().zip(&after).take_while(|(before, after)| before == after).count();
                let (before_rest, after_rest) = (&before[head..], &after[head..]);
                let tails = before_rest.iter().rev().zip(after_rest.iter().rev());
                let tail = tails.take_while(|(before, after)| before == after).count();
                let gone = before_rest.len() - tail;
                assert!(gone <= 1 && before != after, "{name}: {before:?} {after:?}");
            }
        }
    }
}
