//! What is released stands whole in its package.

use std::path::Path;

use cargo_metadata::{Package, Target};

use crate::{metadata, root};

fn released() -> Vec<Package> {
    metadata().packages.into_iter().filter(|package| package.publish.is_none()).collect()
}

fn folder(package: &Package) -> &Path {
    package.manifest_path.parent().unwrap().as_std_path()
}

#[test]
fn libraries_and_programs_are_released() {
    let mut names: Vec<_> = released().iter().map(|package| package.name.to_string()).collect();
    names.sort();
    let libraries = ["apollo", "byo", "core", "server", "teleport", "testkit"].map(|name| format!("cube-sdk-{name}"));
    for name in
        libraries.iter().map(String::as_str).chain(["cube-sdk", "cube-server", "cube-render", "cube-agent", "cube-cli"])
    {
        assert!(names.iter().any(|other| other == name), "{name} is not released");
    }
    for name in ["quickstart", "snippets", "cube-sdk-tests", "cube-sdk-benches"] {
        assert!(!names.iter().any(|other| other == name), "{name} is released");
    }
}

#[test]
fn each_tells_what_it_is_and_brings_its_licences() {
    for package in released() {
        let name = &package.name;
        assert!(package.description.as_ref().is_some_and(|text| text.len() > 20), "{name} has no description");
        assert!((3..=5).contains(&package.keywords.len()), "{name}: {:?}", package.keywords);
        assert!(!package.categories.is_empty(), "{name} has no categories");
        assert_eq!(package.license.as_deref(), Some("MIT OR Apache-2.0"), "{name}");
        assert_eq!(package.readme.as_ref().map(|path| path.as_str()), Some("README.md"), "{name}");
        for file in ["LICENSE-MIT", "LICENSE-APACHE"] {
            let own = std::fs::read(folder(&package).join(file)).unwrap_or_default();
            assert!(own == std::fs::read(root().join(file)).unwrap(), "{name}: {file} is not the workspace's");
        }
        for file in ["README.md", "CHANGELOG.md"] {
            assert!(folder(&package).join(file).is_file(), "{name} has no {file}");
        }
        if package.targets.iter().any(Target::is_lib) {
            let docs = &package.metadata["docs"]["rs"];
            assert_eq!(docs["all-features"], true, "{name}: its page would lack what features bring");
        }
    }
}

/// A file that the code takes in from outside its package would be missing there.
#[test]
fn no_file_is_taken_from_outside_a_package() {
    for package in released() {
        let folder = folder(&package);
        let mut files = Vec::new();
        for part in ["src", "tests", "examples", "benches"] {
            if folder.join(part).is_dir() {
                crate::rooms::rust_files(&folder.join(part), &mut files);
            }
        }
        for file in files.into_iter().filter(|file| file.is_file()) {
            let text = std::fs::read_to_string(&file).unwrap();
            for call in ["include_str!(\"", "include_bytes!(\"", "#[path = \""] {
                for taken in text.split(call).skip(1).filter_map(|after| after.split('"').next()) {
                    let place = file.parent().unwrap().join(taken);
                    let Ok(place) = place.canonicalize() else { continue };
                    assert!(place.starts_with(folder), "{}: {taken}", file.display());
                }
            }
        }
    }
}

/// Circles through tests cannot be released, unless packing leaves them out, as it does where there is no version.
#[test]
fn packages_of_ours_are_test_dependencies_by_path_alone() {
    for package in released() {
        for dependency in &package.dependencies {
            let tests = dependency.kind == cargo_metadata::DependencyKind::Development;
            if tests && dependency.path.is_some() {
                assert_eq!(dependency.req.to_string(), "*", "{}: {}", package.name, dependency.name);
            }
        }
    }
}
