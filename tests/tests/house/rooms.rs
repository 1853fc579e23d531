//! How rooms, files and their tests are named and laid out.

use std::path::{Path, PathBuf};

use crate::{metadata, root};

/// Every folder and every Rust file below a folder, build output aside.
pub(crate) fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) {
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

/// A room is `x/mod.rs` with its files beside it; `x.rs` with a folder `x` is a second style.
fn second_module_style(paths: &[PathBuf]) -> Vec<PathBuf> {
    let all: Vec<_> = paths.iter().filter(|path| path.extension().is_some_and(|ext| ext == "rs")).collect();
    let is_room = |path: &&PathBuf| {
        path.extension().is_some_and(|ext| ext == "rs")
            && all.iter().any(|other| other.parent() == Some(&path.with_extension("")))
    };
    paths.iter().filter(is_room).cloned().collect()
}

#[test]
fn rooms_are_folders_with_a_mod() {
    let mut paths = Vec::new();
    rust_files(&root(), &mut paths);
    assert_eq!(second_module_style(&paths), Vec::<PathBuf>::new());
    let two =
        [PathBuf::from("src/a.rs"), PathBuf::from("src/a"), PathBuf::from("src/a/b.rs"), PathBuf::from("src/b.rs")];
    assert_eq!(second_module_style(&two), [PathBuf::from("src/a.rs")]);
}

/// Unit tests are `mod tests`, in the file or as the room's `tests.rs` or `tests/`; other names and `#[path]` are a second
/// style.
fn second_test_style(path: &Path, text: &str) -> Option<String> {
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    for (at, line) in lines.iter().enumerate() {
        let place = || format!("{}:{}: {line}", path.display(), at + 1);
        if line.starts_with("#[path") {
            return Some(place());
        }
        if *line == "#[cfg(test)]" {
            let module = lines[at + 1..].iter().find(|line| !line.starts_with("#["));
            let module =
                module.and_then(|line| line.strip_prefix("mod ").or_else(|| line.strip_prefix("pub(crate) mod ")));
            if module.is_some_and(|rest| {
                let name = rest.trim_end_matches([';', '{', ' ']);
                name != "tests" && name.contains("test")
            }) {
                return Some(place());
            }
        }
    }
    None
}

#[test]
fn unit_tests_have_one_style() {
    let mut paths = Vec::new();
    rust_files(&root(), &mut paths);
    // The fuzz targets take single files of the crates by path, so that neither TLS nor HTTP is built.
    let ours = paths.iter().filter(|path| path.is_file() && !path.starts_with(root().join("fuzz")));
    let found: Vec<_> =
        ours.filter_map(|path| second_test_style(path, &std::fs::read_to_string(path).unwrap())).collect();
    assert_eq!(found, Vec::<String>::new());
    let path = Path::new("x.rs");
    for bad in ["#[cfg(test)]\n#[path = \"x_tests.rs\"]\nmod tests;", "#[cfg(test)]\n#[allow(x)]\nmod x_tests;"] {
        assert!(second_test_style(path, bad).is_some(), "{bad}");
    }
    assert_eq!(second_test_style(path, "#[cfg(test)]\nmod tests;"), None);
}
