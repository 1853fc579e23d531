//! Guides that name what the code has: tools, commands, methods, codes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cube_sdk::byo::ByoCode;
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The cells of every table row whose first cell is one piece of code.
fn rows(page: &str) -> Vec<(String, Vec<String>)> {
    page.lines()
        .filter_map(|line| {
            let cells: Vec<_> =
                line.strip_prefix("| ")?.trim_end_matches(" |").split(" | ").map(str::to_owned).collect();
            let name = cells[0].strip_prefix('`')?.strip_suffix('`')?.to_owned();
            (cells.len() > 2 && !name.contains('`')).then_some((name, cells))
        })
        .collect()
}

/// Names of the public methods of all libraries, by their listings.
fn methods() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for package in ["cube-sdk", "cube-sdk-apollo", "cube-sdk-byo", "cube-sdk-teleport"] {
        let listing = read(&format!("{package}/public-api.txt"));
        for before in
            listing.lines().filter(|line| line.contains(" fn ")).filter_map(|line| line.split(['(', '<']).next())
        {
            found.extend(before.rsplit("::").next().map(str::to_owned));
        }
    }
    found
}

/// What is called in a piece of text: the words before an opening bracket.
fn called(text: &str) -> Vec<&str> {
    let names = text.match_indices('(').map(|(at, _)| {
        let before = &text[..at];
        let start = before.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |start| start + 1);
        &before[start..]
    });
    names.filter(|name| !name.is_empty()).collect()
}

#[test]
fn every_tool_of_the_agent_has_its_row() {
    let tools: Vec<Value> = serde_json::from_str(&read("examples/cube-agent/src/cloud/tools.json")).unwrap();
    let published: Value = serde_json::from_str(&read("examples/cube-agent/tests/agent/published.json")).unwrap();
    let mut wanted: BTreeSet<String> = published.as_object().unwrap().keys().cloned().collect();
    wanted.extend(tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()));
    let told: Vec<_> = rows(&read("cube-sdk/docs/guides/from-python.md")).into_iter().map(|(name, _)| name).collect();
    let told: BTreeSet<_> =
        told.into_iter().filter(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_')).collect();
    assert_eq!(told, wanted);
}

#[test]
fn tools_that_are_said_to_be_in_the_agent_are() {
    let page = read("cube-sdk/docs/guides/from-typescript.md");
    let mut code = String::new();
    for file in ["grants", "runs", "audit"] {
        code += &read(&format!("examples/cube-agent/src/byo/{file}.rs"));
    }
    let rows = rows(&page);
    let tools: Vec<_> = rows.iter().filter(|(name, _)| name.starts_with("edgegate_")).collect();
    assert!(tools.len() > 10, "the table was not read");
    for (name, cells) in tools {
        assert_eq!(cells[1] == "✓", code.contains(&format!("\"{name}\"")), "{name}");
    }
}

#[test]
fn methods_that_the_pages_name_are_there() {
    let methods = methods();
    for page in ["from-python", "from-typescript"] {
        let rows = rows(&read(&format!("cube-sdk/docs/guides/{page}.md")));
        let rust: Vec<_> = rows.iter().filter_map(|(_, cells)| cells.last()).collect();
        let named: Vec<_> = rust.iter().flat_map(|cell| called(cell)).collect();
        assert!(named.len() > 15, "{page}: the table was not read");
        for name in named {
            assert!(methods.contains(name), "{page}: no public method is called `{name}`");
        }
    }
}

#[test]
fn commands_that_the_pages_name_are_there() {
    // Its test of help keeps the help of every command.
    let help = read("examples/cube-cli/tests/cli/snapshots/cli__help__help.snap");
    let commands = help.lines().filter_map(|line| line.strip_prefix("$ ")?.strip_suffix(" --help"));
    let commands: BTreeSet<_> = commands.map(str::to_owned).collect();
    for page in ["from-python", "from-typescript"] {
        for (tool, cells) in rows(&read(&format!("cube-sdk/docs/guides/{page}.md"))) {
            for code in cells.iter().flat_map(|cell| cell.split('`')).filter(|code| code.starts_with("cube ")) {
                let words: Vec<_> = code.split(' ').take_while(|word| !word.starts_with('-')).collect();
                assert!(commands.contains(&words.join(" ")), "{page}, {tool}: no command `{code}`");
            }
        }
    }
}

#[test]
fn every_code_of_byo_is_met_on_the_way() {
    let rows = rows(&read("cube-sdk/docs/guides/onboarding.md"));
    let told: BTreeSet<_> = rows.iter().map(|(name, _)| name.as_str()).collect();
    let known: BTreeSet<_> = ByoCode::KNOWN.iter().map(ByoCode::as_str).collect();
    assert_eq!(told.intersection(&known).copied().collect::<BTreeSet<_>>(), known);
}
