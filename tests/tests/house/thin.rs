//! The programs are thin: a tool or a command is parse, one call of the facade, and what is shown.

use std::path::{Path, PathBuf};

use super::{metadata, root};

/// The longest function of a program.
const LONGEST: usize = 60;

const PROGRAMS: [&str; 3] = ["cube-agent", "cube-cli", "cube-render"];

/// Rooms with a tool or a command in each file.
const ROOMS: [&str; 4] =
    ["cube-agent/src/local", "cube-agent/src/byo", "cube-agent/src/cloud", "cube-cli/src/commands"];

/// Files of those rooms that speak a protocol of the program's own.
const OWN: [(&str, &str); 2] = [
    ("doctor/services.rs", "looks at the clock of a service, which nothing but the doctor does"),
    ("tunnel/control.rs", "the socket by which processes of this program speak with each other"),
];

/// What reaches a service past the facade, or reads a service's own words.
const PLUMBING: [&str; 11] = [
    "reqwest",
    "hyper::",
    "http::Method",
    "http::Request",
    "TcpStream",
    "UnixStream",
    "Transport",
    "Engine",
    "aws_sdk",
    "\"/v1/",
    "serde_json::from_slice",
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(path);
        }
    }
    found
}

/// Functions by name, with the lines that each has, as rustfmt lays them out: the end stands below the beginning.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let bare = line.trim_start();
        let words: Vec<&str> = bare.split(' ').collect();
        let Some(keyword) = words.iter().position(|word| *word == "fn") else { continue };
        let before = |word: &&str| word.starts_with("pub") || ["const", "async", "super)", "in"].contains(word);
        if !words[..keyword].iter().all(before) || line.trim_end().ends_with(';') {
            continue;
        }
        let indent = &line[..line.len() - bare.len()];
        let end = format!("{indent}}}");
        let whole = line.trim_end().ends_with('}');
        let length = if whole { 1 } else { lines[at..].iter().position(|line| *line == end).map_or(1, |end| end + 1) };
        let name = words.get(keyword + 1).copied().unwrap_or_default();
        found.push((name.split(['(', '<']).next().unwrap_or_default().to_owned(), length));
    }
    found
}

#[test]
fn functions_of_the_programs_are_read_at_one_look() {
    let mut seen = 0;
    let mut long = Vec::new();
    for program in PROGRAMS {
        for path in sources(&root().join("examples").join(program).join("src")) {
            for (name, length) in functions(&std::fs::read_to_string(&path).unwrap()) {
                seen += 1;
                if length > LONGEST {
                    long.push(format!("{}: {name} has {length} lines", path.display()));
                }
            }
        }
    }
    assert!(seen > 300, "only {seen} functions were found");
    assert!(long.is_empty(), "longer than {LONGEST} lines: {long:#?}");
}

#[test]
fn tools_and_commands_go_through_the_facade() {
    let examples = root().join("examples");
    let mut found = Vec::new();
    for path in ROOMS.iter().flat_map(|room| sources(&examples.join(room))) {
        if OWN.iter().any(|(own, _)| path.ends_with(own)) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            found.extend(PLUMBING.iter().filter(|word| line.contains(**word)).map(|word| (path.clone(), *word)));
        }
    }
    assert!(found.is_empty(), "a domain's own work in a program: {found:#?}");
    for (own, why) in OWN {
        assert!(ROOMS.iter().any(|room| examples.join(room).join(own).exists()), "{own} ({why}) is gone");
    }
}

/// Of ours the programs know the facade and what they show together; no client of a service at all.
#[test]
fn programs_depend_on_no_client_of_a_service() {
    let metadata = metadata();
    for program in PROGRAMS {
        let package = metadata.packages.iter().find(|package| package.name.as_str() == program).unwrap();
        let needed = package.dependencies.iter().filter(|it| it.kind == cargo_metadata::DependencyKind::Normal);
        for name in needed.map(|it| it.name.as_str()) {
            let ours = name.starts_with("cube-");
            assert!(!ours || ["cube-sdk", "cube-render"].contains(&name), "{program} depends on {name}");
            let client = ["reqwest", "hyper", "graphql_client", "sqlx", "tokio-tungstenite", "kube", "oci-spec", "tar"];
            assert!(!client.contains(&name) && !name.starts_with("aws-"), "{program} depends on {name}");
        }
    }
}

#[test]
fn a_long_function_is_found() {
    let body = "    x();\n".repeat(70);
    let text =
        format!("impl A {{\n    pub(crate) async fn run<T>(self) {{\n{body}    }}\n\n    const fn b() {{}}\n}}\n");
    assert_eq!(functions(&text), [("run".to_owned(), 72), ("b".to_owned(), 1)]);
}
