//! Every public method stands in a doc example; the list of methods is rustdoc's own.
//!
//! Ring 3: documenting the crate takes a compiler run. `CUBE_REAL=1` makes it run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// rustdoc's description of the crate, as JSON.
fn described() -> Value {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_owned();
    let run = Command::new(env!("CARGO"))
        .args(["rustdoc", "--quiet", "-p", "cube-sdk-apollo", "--all-features", "--target-dir"])
        .arg(&target)
        .args(["--", "-Z", "unstable-options", "--output-format", "json"])
        .env("RUSTDOC", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rustdoc_json.sh"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let text = std::fs::read_to_string(target.join("doc/cube_sdk_apollo.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Public inherent methods and free functions of the crate, by name.
fn methods(description: &Value) -> BTreeSet<String> {
    let index = description["index"].as_object().unwrap();
    let blocks = index.values().map(|item| &item["inner"]["impl"]).filter(|block| !block["trait"].is_null());
    let from_traits: BTreeSet<String> =
        blocks.flat_map(|block| block["items"].as_array().into_iter().flatten()).map(Value::to_string).collect();
    let own = index.iter().filter(|(id, item)| {
        item["crate_id"] == 0
            && item["visibility"] == "public"
            && !item["inner"]["function"].is_null()
            && !from_traits.contains(*id)
    });
    own.filter_map(|(_, item)| item["name"].as_str()).map(str::to_owned).collect()
}

/// The code of every doc example: plain fenced blocks of doc comments.
fn examples(folder: &Path, found: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            examples(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let mut inside = false;
            for line in text.lines().map(str::trim_start) {
                let Some(doc) = line.strip_prefix("//!").or_else(|| line.strip_prefix("///")) else { continue };
                if doc.trim().starts_with("```") {
                    assert!(matches!(doc.trim(), "```"), "{}: an example that does not run: {doc}", path.display());
                    inside = !inside;
                } else if inside {
                    found.push_str(doc);
                    found.push('\n');
                }
            }
        }
    }
}

#[test]
fn every_public_method_stands_in_an_example() {
    if std::env::var("CUBE_REAL").is_ok_and(|value| value == "1") {
        let mut text = String::new();
        examples(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut text);
        let methods = methods(&described());
        assert!(methods.len() > 120, "{}", methods.len());
        let called = |name: &str| {
            text.match_indices(name).any(|(start, _)| {
                !text[..start].ends_with(|c: char| c.is_alphanumeric() || c == '_')
                    && text[start + name.len()..].starts_with('(')
            })
        };
        let missing: Vec<_> = methods.iter().filter(|name| !called(name)).collect();
        assert!(missing.is_empty(), "without an example: {missing:?}");
    } else {
        eprintln!("SKIPPED: documenting the crate takes a compiler run; set CUBE_REAL=1");
    }
}
