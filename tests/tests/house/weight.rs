//! How many crates a user builds.

use std::collections::BTreeSet;
use std::process::Command;

use crate::root;

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
