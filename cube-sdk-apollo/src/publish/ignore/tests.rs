#![allow(clippy::unwrap_used)]

use super::*;
use crate::publish::PublishErrorExt;

/// Rule, path (a directory where it ends in ` d`), ignored: the vectors of the facts.
const VECTORS: &[(&str, &str, bool)] = &[
    ("*.md", "a/b.md", true),
    ("/README.md", "README.md", true),
    ("/README.md", "a/README.md", false),
    ("a/*.md", "a/b.md", true),
    ("a/*.md", "a/c/b.md", false),
    ("build/", "build d", true),
    ("build/", "build", false),
    ("build/", "x/build d", true),
    ("/build/", "x/build d", false),
    ("x/build/", "x/build d", true),
    ("x/build/", "y/x/build d", false),
    ("!*.yaml", "Chart.yaml", false),
    ("!*.yaml", "templates d", true),
    ("!*.yaml", "README.md", true),
    ("!build/", "build d", false),
    ("!build/", "src d", true),
    ("!build/", "Chart.yaml", true),
    ("", "templates/.foo", true),
    ("", "templates/.", false),
    ("", "templates/_helpers.tpl", false),
    ("", "templates/x/.foo", false),
    ("", "a/templates/.foo", false),
    ("[^a].txt", "b.txt", true),
    ("[^a].txt", "a.txt", false),
    ("[!a].txt", "b.txt", false),
    ("[!a].txt", "!.txt", true),
    ("x/a[^b]c", "x/a/c", true),
    ("a[^b]c", "a/c", false),
    ("x/a?c", "x/a/c", false),
    ("[z-a]", "m", false),
    ("[^z-a]", "m", true),
    ("\\!x", "!x", true),
    ("\\#x", "#x", true),
    ("!", "Chart.yaml", true),
    ("/", "a", false),
    ("//a", "a", true),
    ("a//", "a d", false),
    ("[a]]", "a]", true),
    ("[\\]]", "]", true),
    ("*", "Chart.yaml", true),
    ("A", "a", false),
    // More of their kinds.
    ("  *.md  ", "a.md", true),
    ("#*.md", "a.md", false),
    ("a\\/", "a d", false),
    ("ä?", "äö", true),
];

#[test]
fn vectors() {
    for (rule, path, ignored) in VECTORS {
        let rules = IgnoreRules::parse(rule).unwrap();
        let (path, is_folder) = path.strip_suffix(" d").map_or((*path, false), |path| (path, true));
        assert_eq!(rules.ignores(path, is_folder), *ignored, "{rule} {path}");
    }
    for bad in ["**/x", "a/**", "!**", "[]a]", "[-a]", "[a-]", "[a", "a\\", "[", "[^]", "[^", "[a-", "[\\"] {
        let error = IgnoreRules::parse(&format!("\u{feff}# first\n\n{bad}\n")).unwrap_err();
        assert_eq!(error.publish_fault(), Some(&PublishFault::BadRule { line: 3 }), "{bad}: {error}");
    }
}

#[test]
fn a_mark_and_line_ends_of_windows_are_no_part_of_a_rule() {
    let rules = IgnoreRules::parse("\u{feff}*.md\r\n\r\n!keep\r\n").unwrap();
    assert!(rules.ignores("a.md", false));
    assert_eq!(rules.negations(), ["!keep"]);
    assert!(!rules.ignores(".", true) && !rules.ignores("", true));
}
