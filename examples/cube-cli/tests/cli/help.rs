//! Help, manual, completions.

use crate::world::{Ended, Place, ended, names, program};

fn run(line: &[&str]) -> Ended {
    ended(program(line).env("COLUMNS", "100").output().unwrap())
}

/// The names of the commands below one, from its help.
fn below(line: &[&str]) -> Vec<String> {
    let help = run(&[line, &["--help"]].concat());
    assert_eq!(help.code, 0, "{line:?}: {help:?}");
    let commands = help.out.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands = commands.take_while(|line| !line.is_empty()).filter(|line| line.starts_with("  "));
    let commands = commands.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    commands.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// Every command that does something, in words.
pub(crate) fn commands() -> Vec<String> {
    let all = everything();
    let group = |words: &[String]| all.iter().any(|other| other.len() > words.len() && other.starts_with(words));
    all.iter().filter(|words| !words.is_empty() && !group(words)).map(|words| words.join(" ")).collect()
}

fn everything() -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    for group in below(&[]) {
        let inner = below(&[&group]);
        all.push(vec![group.clone()]);
        all.extend(inner.into_iter().map(|name| vec![group.clone(), name]));
    }
    all
}

#[test]
fn every_command_has_help_with_an_example_of_itself() {
    let all = everything();
    assert!(all.len() > 65, "{all:?}");
    let mut text = String::new();
    for command in all {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let long = run(&[words.as_slice(), &["--help"]].concat());
        let short = run(&[words.as_slice(), &["-h"]].concat());
        assert_eq!((long.code, short.code), (0, 0));
        assert!(!long.out.contains('\u{1b}'), "{command:?} is coloured in a pipe");
        // A group's own help lists its commands instead.
        if !long.out.contains("\nCommands:\n") {
            let name = format!("cube {}", command.join(" "));
            let examples = long.out.split("Examples:").nth(1).unwrap_or_else(|| panic!("{name} has no example"));
            assert!(examples.contains(&name), "{name}: {examples}");
        }
        text += &format!("$ cube {}\n{}\n", [words.as_slice(), &["--help"]].concat().join(" "), long.out);
    }
    insta::assert_snapshot!("help", text);
}

#[test]
fn a_mistyped_command_gets_the_one_that_was_meant() {
    for (line, meant) in
        [(&["tunel"][..], "tunnel"), (&["env", "lst"], "ls"), (&["env", "ls", "--outptu", "json"], "--output")]
    {
        let refused = run(line);
        assert!(refused.code == 2 && refused.err.contains(meant), "{line:?}: {refused:?}");
    }
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let dir = tempfile::tempdir().unwrap();
    let written = run(&["man", "--dir", dir.path().to_str().unwrap()]);
    assert_eq!(written.code, 0, "{written:?}");
    let pages = names(dir.path());
    assert_eq!(pages.len(), everything().len(), "{pages:?}");
    let page = std::fs::read_to_string(dir.path().join("cube-tunnel-open.1")).unwrap();
    insta::assert_snapshot!("man_tunnel_open", page);
    assert!(run(&["man"]).out.contains(".TH"));
    let refused = run(&["man", "--dir", "/dev/null/x"]);
    assert!(refused.code == 1 && refused.err.contains("/dev/null/x"), "{refused:?}");
}

#[test]
fn completions_are_code_for_each_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let code = run(&["completions", shell]);
        assert!(code.code == 0 && code.out.contains("cube"), "{shell}: {code:?}");
        insta::assert_snapshot!(format!("completions_{shell}"), code.out);
    }
    assert_eq!(run(&["completions", "tcsh"]).code, 2);
}

/// What bash's code asks the program.
fn completed(place: &Place, words: &[&str]) -> Vec<String> {
    let mut line = vec!["--", "cube"];
    line.extend_from_slice(words);
    let mut command = place.command(&line);
    command.env("COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", words.len().to_string()).env("_CLAP_IFS", "\n");
    let ended =
        ended(command.env("_CLAP_COMPLETE_COMP_TYPE", "9").env("_CLAP_COMPLETE_SPACE", "false").output().unwrap());
    assert_eq!(ended.code, 0, "{ended:?}");
    ended.out.lines().map(str::to_owned).collect()
}

#[test]
fn names_are_completed_by_asking_the_service() {
    let place = Place::new();
    assert!(completed(&place, &["tun"]).contains(&"tunnel".to_owned()));
    assert!(completed(&place, &["entity", "health", "cube-"]).contains(&"cube-7".to_owned()));
    assert!(completed(&place, &["tunnel", "open", "e"]).contains(&"echo".to_owned()));
    assert!(completed(&place, &["cluster", "status", ""]).contains(&place.card().kube.cluster));
    assert!(completed(&place, &["env", "ls", "--output", ""]).contains(&"ndjson".to_owned()));
}
