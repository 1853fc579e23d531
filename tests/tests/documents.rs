//! Pages that must say what the code says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use cube_sdk::ErrorKind;

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The cells of every table row whose first cell matches.
fn row<'a>(page: &'a str, first: &str) -> Vec<&'a str> {
    let lead = format!("| {first} |");
    let line = page.lines().find(|line| line.starts_with(&lead)).unwrap_or_else(|| panic!("no row {first}"));
    line.trim_matches('|').split('|').map(str::trim).collect()
}

fn rows_between<'a>(page: &'a str, heading: &str) -> Vec<&'a str> {
    let after = page.split_once(heading).unwrap_or_else(|| panic!("no heading {heading}")).1;
    after.lines().skip_while(|line| !line.starts_with('|')).skip(2).take_while(|line| line.starts_with('|')).collect()
}

#[test]
fn errors_page_lists_every_kind() {
    let page = page("errors.md");
    for kind in ErrorKind::ALL {
        let cells = row(&page, &format!("`{kind}`"));
        assert_eq!(cells[2], kind.retried(), "{kind}");
        assert_eq!(cells[3], kind.exit_code().to_string(), "{kind}");
    }
    assert_eq!(rows_between(&page, "## Kinds").len(), ErrorKind::ALL.len());
}
