//! Which crate may stand on which.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata};

use crate::metadata;

/// What each crate may depend on: in its normal and build dependencies, and besides in its tests.
fn allowed() -> BTreeMap<&'static str, (&'static [&'static str], &'static [&'static str])> {
    const CORE: &str = "cube-sdk-core";
    const KIT: &str = "cube-sdk-testkit";
    const SERVER: &str = "cube-sdk-server";
    const DOMAINS: [&str; 3] = ["cube-sdk-apollo", "cube-sdk-byo", "cube-sdk-teleport"];
    let mut table: BTreeMap<&str, (&[&str], &[&str])> = BTreeMap::new();
    table.insert(CORE, (&[], &[]));
    table.insert(KIT, (&[CORE], &[]));
    for domain in DOMAINS {
        table.insert(domain, (&[CORE], &[KIT]));
    }
    // Third parties' programs, which know nothing of ours.
    table.insert("cube-sdk-components", (&[], &[]));
    const THIRD_PARTIES: &[&str] = &["cube-sdk-components"];
    table.insert(SERVER, (&[CORE, "cube-sdk-apollo", "cube-sdk-byo", "cube-sdk-teleport", KIT], THIRD_PARTIES));
    table.insert("cube-sdk", (&[CORE, "cube-sdk-apollo", "cube-sdk-byo", "cube-sdk-teleport"], &[SERVER, KIT]));
    // What the programs show: the one crate of theirs that they share.
    table.insert("cube-render", (&["cube-sdk"], &[]));
    table
}

/// Arrows of the workspace that the table forbids.
fn forbidden(arrows: &[(String, String, bool)]) -> Vec<String> {
    let table = allowed();
    let mut found = Vec::new();
    for (from, to, in_tests) in arrows {
        let Some((normal, dev)) = table.get(from.as_str()) else {
            // Examples, benches and tests stand on top; nothing may stand on them.
            if !table.contains_key(to.as_str()) {
                found.push(format!("{from} -> {to}: nothing may depend on a program, bench or test"));
            }
            continue;
        };
        if !(normal.contains(&to.as_str()) || *in_tests && dev.contains(&to.as_str())) {
            found.push(format!("{from} -> {to}{}", if *in_tests { " (dev)" } else { "" }));
        }
    }
    found
}

fn arrows(metadata: &Metadata) -> Vec<(String, String, bool)> {
    let ours: BTreeSet<_> = metadata.packages.iter().map(|package| package.name.to_string()).collect();
    let mut arrows = Vec::new();
    for package in &metadata.packages {
        for dependency in package.dependencies.iter().filter(|dependency| ours.contains(&dependency.name)) {
            let in_tests = dependency.kind == DependencyKind::Development;
            arrows.push((package.name.to_string(), dependency.name.clone(), in_tests));
        }
    }
    arrows
}

#[test]
fn arrows_go_down() {
    let arrows = arrows(&metadata());
    assert!(arrows.len() > 8, "the metadata shows hardly any arrow: {arrows:?}");
    assert_eq!(forbidden(&arrows), Vec::<String>::new());
}

#[test]
fn a_forbidden_arrow_is_reported() {
    let arrow = |from: &str, to: &str, dev| (from.to_owned(), to.to_owned(), dev);
    let bad = [
        arrow("cube-sdk-core", "cube-sdk-byo", false),
        arrow("cube-sdk-byo", "cube-sdk-apollo", true),
        arrow("cube-sdk-testkit", "cube-sdk-byo", false),
        arrow("cube-sdk-server", "cube-sdk", false),
        arrow("cube-sdk", "cube-sdk-server", false),
        arrow("cube-sdk-tests", "quickstart", false),
    ];
    assert_eq!(forbidden(&bad).len(), bad.len());
}

/// The server joins the doubles only by its feature `local`.
#[test]
fn doubles_are_optional_in_the_server() {
    let metadata = metadata();
    let server = metadata.packages.iter().find(|package| package.name.as_str() == "cube-sdk-server").unwrap();
    let kit = server.dependencies.iter().find(|d| d.name == "cube-sdk-testkit" && d.kind == DependencyKind::Normal);
    assert!(kit.unwrap().optional);
}
