//! Every target over its seeds, without libFuzzer; a finding stays here as a seed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cube_sdk_fuzz::targets::ALL;

fn room(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn names_in(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(room(folder)).expect("the folder is there");
    entries.map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn every_target_bears_its_seeds() {
    for (name, run) in ALL {
        let mut count = 0;
        for entry in fs::read_dir(room("seeds").join(name)).expect("each target has seeds") {
            let path = entry.unwrap().path();
            let seed = fs::read(&path).unwrap();
            let outcome = std::panic::catch_unwind(|| {
                // Cut short as well: half of a valid input is the commonest invalid one.
                for end in [seed.len(), seed.len() / 2, seed.len().saturating_sub(1)] {
                    run(&seed[..end]);
                }
            });
            assert!(outcome.is_ok(), "{} panics, see above", path.display());
            count += 1;
        }
        assert!(count >= 3, "{name} has {count} seeds");
    }
}

#[test]
fn programs_seeds_and_table_agree() {
    let table: BTreeSet<_> = ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names_in("fuzz_targets"), table);
    assert_eq!(names_in("seeds"), table);
    let manifest = fs::read_to_string(room("Cargo.toml")).unwrap();
    for name in &table {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is no program of Cargo.toml");
        let program = fs::read_to_string(room("fuzz_targets").join(format!("{name}.rs"))).unwrap();
        assert!(program.contains(&format!("targets::{name}::run")), "{name}.rs runs another target");
    }
}
