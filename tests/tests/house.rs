//! The laws of the tree, read from `cargo metadata` and the files themselves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn metadata() -> Metadata {
    MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap()
}

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
    table.insert(SERVER, (&[CORE, "cube-sdk-apollo", "cube-sdk-byo", "cube-sdk-teleport", KIT], &[]));
    table.insert("cube-sdk", (&[CORE, "cube-sdk-apollo", "cube-sdk-byo", "cube-sdk-teleport"], &[SERVER, KIT]));
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

fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" {
                found.push(path.clone());
                rust_files(&path, found);
            }
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
}

const SAYS_NOTHING: [&str; 9] = ["utils", "util", "common", "helpers", "helper", "misc", "types", "shared", "stuff"];

fn empty_names(paths: &[PathBuf]) -> Vec<&PathBuf> {
    paths
        .iter()
        .filter(|path| path.file_stem().is_some_and(|stem| SAYS_NOTHING.contains(&&*stem.to_string_lossy())))
        .collect()
}

#[test]
fn rooms_have_names_that_say_something() {
    let mut paths = Vec::new();
    rust_files(&root(), &mut paths);
    assert!(paths.len() > 20);
    assert_eq!(empty_names(&paths), Vec::<&PathBuf>::new());
    assert_eq!(empty_names(&[PathBuf::from("src/utils.rs"), PathBuf::from("src/common")]).len(), 2);
}

#[test]
fn every_crate_inherits_the_lints() {
    for package in metadata().packages {
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{} does not inherit the lints", package.name);
    }
}

fn tree(arguments: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        // The figure is that of a user's build of the one crate.
        .env_remove("CARGO_RESOLVER_FEATURE_UNIFICATION")
        .args(["tree", "--locked", "--prefix", "none", "-e", "normal,build"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).filter(|line| !line.is_empty()).collect()
}

fn with_prefix<'a>(tree: &'a BTreeSet<String>, prefixes: &[&str]) -> Vec<&'a String> {
    tree.iter().filter(|line| prefixes.iter().any(|prefix| line.starts_with(prefix))).collect()
}

#[test]
fn the_default_build_is_light() {
    let default = tree(&["-p", "cube-sdk"]);
    assert!(default.len() < 200, "{} crates in the default build", default.len());
    let heavy =
        ["aws-sdk", "aws-config", "kube ", "kube-", "k8s-", "sqlx", "rmcp", "ring ", "native-tls", "openssl-sys"];
    assert_eq!(with_prefix(&default, &heavy), Vec::<&String>::new());
    let full = tree(&["-p", "cube-sdk", "--features", "full"]);
    assert!(!with_prefix(&full, &["aws-sdk-s3"]).is_empty(), "the check cannot see aws-sdk-s3 where it must be");
}

#[test]
fn apollo_services_bring_no_packaging() {
    let apollo = tree(&["-p", "cube-sdk-apollo"]);
    assert_eq!(with_prefix(&apollo, &["oci", "tar ", "flate2 ", "bollard"]), Vec::<&String>::new());
}
