//! What the quickstart prints, with ids, times and figures taken out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::Command;

use regex_lite::Regex;

/// Ids and figures differ from run to run; the words do not.
const REDACTIONS: [(&str, &str); 13] = [
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "[uuid]"),
    (r"request id [A-Z0-9]{16}", "request id [aws]"),
    (r"(?m)^   (Fetch chart|Move to target state).*\n", ""),
    (r"\d+ bytes, request", "[n] bytes, request"),
    (r"/[0-9a-f]{8}…", "/[id]…"),
    (r"[A-Z2-7]{4}-[A-Z2-7]{4}", "[letters]"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:[port]"),
    (r"sha256 [0-9a-f]{64}", "sha256 [digest]"),
    (r"edgegate-trust-[0-9a-f]{8}", "edgegate-trust-[id]"),
    (r"file://\S*/edgegate", "file://[dir]/edgegate"),
    (r"\d+(\.\d+)? (ms|s|MiB/s)\b", "[figure]"),
    (r"  +\d+ bytes", "  [n] bytes"),
    (r"row +\d+ ", "row [n] "),
];

/// Where a line is broken follows its figures.
fn unbroken(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        match (lines.last_mut(), line.strip_prefix("     ")) {
            (Some(last), Some(rest)) if !rest.starts_with([' ', '"', ']']) => {
                last.push(' ');
                last.push_str(rest);
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines.join("\n")
}

fn redacted(text: &str) -> String {
    let mut text = unbroken(text);
    for (pattern, shown) in REDACTIONS {
        text = Regex::new(pattern).unwrap().replace_all(&text, shown).into_owned();
    }
    let totals = Regex::new(r"\d+ rows \((\d+) denied\), \d+ CloudTrail records: \d+ matched").unwrap();
    let text = totals.replace_all(&text, "[n] rows ($1 denied), [n] CloudTrail records: [n] matched");
    // How many parts a read is cut into follows what pays at the moment.
    let mut lines: Vec<&str> = text.lines().collect();
    lines.dedup();
    lines.join("\n")
}

#[test]
fn the_story_is_told_to_its_end() {
    let output = Command::new(env!("CARGO_BIN_EXE_quickstart"))
        .env_clear()
        // Whatever is inherited, the tour stays on the embedded world.
        .envs([("AWS_ENDPOINT_URL", "http://127.0.0.1:9"), ("CUBE_API_KEY", "cube_other"), ("AWS_REGION", "xx-1")])
        .envs([("CUBE_CLOUD_URL", "http://127.0.0.1:9"), ("EDGEGATE_API_URL", "http://127.0.0.1:9")])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    insta::assert_snapshot!(redacted(&text));
    let wide: Vec<_> = text.lines().filter(|line| line.chars().count() > 100).collect();
    assert!(wide.is_empty(), "wider than 100 columns: {wide:#?}");
    assert!(!text.contains('\u{1b}'), "colour in a pipe");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_place_elsewhere_needs_its_bucket_and_key() {
    let output = Command::new(env!("CARGO_BIN_EXE_quickstart"))
        .env_clear()
        .args(["--endpoint-url", "http://127.0.0.1:9"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--bucket"));
}
