//! Every command of the tree has a test in which it goes well and one in which it fails.

use std::path::Path;

use crate::help::commands;

/// Commands whose tests call them in another way than by `good`, `data`, `bad` or `refused`: in these tests they go well and
/// fail.
const ELSEWHERE: [(&str, &str, &str); 13] = [
    ("login", "a_given_key_is_kept_and_forgotten_again", "a_given_key_is_kept_and_forgotten_again"),
    ("logout", "a_given_key_is_kept_and_forgotten_again", "a_key_that_cannot_be_removed_is_told"),
    ("status", "status_tells_where_the_key_is_from", "status_tells_where_the_key_is_from"),
    ("secret create", "secrets_come_from_standard_input", "secrets_come_from_standard_input"),
    ("secret update", "secrets_come_from_standard_input", "secrets_come_from_standard_input"),
    ("kubectl", "kubectl_is_run_at_the_service", "clusters_and_kubectl"),
    ("tunnel open", "processes_see_and_stop_each_others_tunnels", "a_refused_stream_is_told_and_a_bad_key_ends_it"),
    ("byo register", "a_bucket_from_setup_to_disconnect", "a_bucket_from_setup_to_disconnect"),
    ("byo reconcile", "reconciled", "reconciled"),
    ("doctor", "the_doctor_says_what_is_wrong", "the_doctor_says_what_is_wrong"),
    ("completions", "completions_are_code_for_each_shell", "completions_are_code_for_each_shell"),
    ("man", "the_manual_has_a_page_for_each_command", "the_manual_has_a_page_for_each_command"),
    ("schema", "every_document_has_a_schema", "every_document_has_a_schema"),
];

/// The tests' own text, but for this table.
fn sources() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|it| it == "rs") && !path.ends_with("every.rs"));
    // Line breaks are where rustfmt puts them.
    let texts = files.map(|path| std::fs::read_to_string(path).unwrap());
    texts.collect::<Vec<_>>().join("\n")
}

fn packed(text: &str) -> String {
    text.split_whitespace().collect()
}

fn words(command: &str) -> String {
    command.split(' ').map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(",")
}

#[test]
fn every_command_goes_well_in_one_test_and_fails_in_one() {
    let all = commands();
    assert!(all.len() >= 61, "{all:?}");
    let sources = sources();
    let packed_sources = packed(&sources);
    let called = |by: &[&str], command: &str| {
        let words = words(command);
        let ends = [",", "]"];
        by.iter().any(|by| ends.iter().any(|end| packed_sources.contains(&format!("{by}(&[{words}{end}"))))
    };
    // A test whose name begins so, and that has the command's words.
    let in_test = |name: &str, command: &str| {
        let body = sources.split("\nfn ").find(|body| body.starts_with(name));
        let body = body.unwrap_or_else(|| panic!("there is no test {name}, which {command} is said to have"));
        let last = words(command);
        let found = packed(body).contains(&last) || body.contains("Open::new") || body.contains("schema(");
        assert!(found, "{name} does not call {command}");
    };
    let mut missing = Vec::new();
    for command in &all {
        match ELSEWHERE.iter().find(|(name, ..)| name == command) {
            Some((_, well, fails)) => {
                in_test(well, command);
                in_test(fails, command);
            }
            None => {
                let (well, fails) = (called(&["good", "data"], command), called(&["bad", "refused"], command));
                if !(well && fails) {
                    missing.push(format!("{command}: goes well {well}, fails {fails}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "without a test: {missing:#?}");
    let gone = ELSEWHERE.iter().find(|(name, ..)| !all.iter().any(|command| command == name));
    assert!(gone.is_none(), "there is no such command: {gone:?}");
}
