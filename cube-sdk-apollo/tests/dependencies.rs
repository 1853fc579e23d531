//! Without features this crate brings no packaging.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::process::Command;

#[test]
fn no_packaging_without_features() {
    let run = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--package", "cube-sdk-apollo", "--edges", "normal", "--prefix", "none"])
        // The tree of this crate alone, not of the workspace's unified features.
        .env_remove("CARGO_RESOLVER_FEATURE_UNIFICATION")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let tree = String::from_utf8(run.stdout).unwrap();
    let names: Vec<_> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains(&"graphql_client"));
    for name in names {
        assert!(!name.contains("oci") && !matches!(name, "tar" | "flate2" | "bollard"), "{name}");
    }
}
