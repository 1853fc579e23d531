//! Every dependency is used by the code that names it.

use std::collections::BTreeSet;
use std::path::Path;

use cargo_metadata::{DependencyKind, Package};
use proc_macro2::{TokenStream, TokenTree};

use crate::rooms::rust_files;
use crate::{metadata, root};

/// Named for what they switch on in another crate, not for their own names: (package, dependency).
const FOR_FEATURES: &[(&str, &str)] = &[];

fn words(tokens: TokenStream, found: &mut BTreeSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Ident(word) => drop(found.insert(word.to_string())),
            TokenTree::Group(group) => words(group.stream(), found),
            // Doc comments: examples name crates too.
            TokenTree::Literal(text) => {
                let text = text.to_string();
                let parts = text.split(|c: char| !c.is_alphanumeric() && c != '_');
                found.extend(parts.filter(|part| !part.is_empty()).map(str::to_owned));
            }
            TokenTree::Punct(_) => {}
        }
    }
}

fn words_below(folder: &Path) -> BTreeSet<String> {
    let mut paths = Vec::new();
    let mut found = BTreeSet::new();
    if folder.is_file() {
        paths.push(folder.to_path_buf());
    } else if folder.is_dir() {
        rust_files(folder, &mut paths);
    }
    for path in paths.iter().filter(|path| path.is_file()) {
        words(std::fs::read_to_string(path).unwrap().parse().unwrap(), &mut found);
    }
    found
}

/// Dependencies of a package that none of its code names.
fn unused(package: &Package) -> Vec<String> {
    let folder = package.manifest_path.parent().unwrap().as_std_path();
    let code = words_below(&folder.join("src"));
    let mut tests = code.clone();
    for place in ["tests", "benches", "examples", "build.rs"] {
        tests.extend(words_below(&folder.join(place)));
    }
    if package.name.as_str() == "cube-sdk" {
        // Its doc examples stand in pages too.
        let mut pages = ["README.md", "cube-sdk/README.md", "cube-sdk/docs/byo.md", "cube-sdk/docs/error.md"]
            .map(|page| root().join(page))
            .to_vec();
        let guides = std::fs::read_dir(root().join("cube-sdk/docs/guides")).unwrap();
        pages.extend(guides.map(|page| page.unwrap().path()));
        for page in pages {
            let page = std::fs::read_to_string(page).unwrap();
            tests.extend(page.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_owned));
        }
    }
    let mut found = Vec::new();
    for dependency in &package.dependencies {
        let name = dependency.rename.as_deref().unwrap_or(&dependency.name);
        let known = FOR_FEATURES.contains(&(package.name.as_str(), name));
        // A package of benches or tests alone names all it needs as normal dependencies.
        let place = if dependency.kind == DependencyKind::Normal && !code.is_empty() { &code } else { &tests };
        if !known && !place.contains(&name.replace('-', "_")) {
            found.push(format!("{}: {name}", package.name));
        }
    }
    found
}

#[test]
fn every_dependency_is_used() {
    let found: Vec<_> = metadata().packages.iter().flat_map(unused).collect();
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_name_in_the_code_is_seen_and_one_in_none_is_not() {
    let mut found = BTreeSet::new();
    words(
        "use bytes::Bytes; /// see tempfile::tempdir\nfn f() { vec![uuid::Uuid::nil()] }".parse().unwrap(),
        &mut found,
    );
    for name in ["bytes", "tempfile", "uuid"] {
        assert!(found.contains(name), "{name}");
    }
    assert!(!found.contains("thiserror"));
}
