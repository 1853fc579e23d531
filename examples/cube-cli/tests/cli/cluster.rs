//! cluster, kubectl, app.

use cube_sdk_server::local::World;

use crate::world::{Place, ended, real};

#[test]
fn clusters_and_kubectl() {
    let place = Place::new();
    let cluster = place.card().kube.cluster.clone();
    assert_eq!(place.good(&["cluster", "ls"]), format!("CLUSTER\n{cluster}\n"));
    assert_eq!(place.good(&["cluster", "ls", "-o", "ndjson"]), format!("\"{cluster}\"\n"));
    let table = place.good(&["cluster", "status", &cluster]);
    assert!(table.starts_with("NODE"), "{table}");
    assert!(!place.data(&["cluster", "status", &cluster])["nodes"].as_array().unwrap().is_empty());
    place.bad(&["cluster", "status", "no-such"], 6, "no-such");
    place.good(&["cluster", "services", &cluster]);
    place.bad(&["cluster", "services", "no-such"], 6, "no-such");
    let refused = place.run(&["kubectl", &cluster, "delete", "pods", "--all"]);
    assert_ne!(refused.code, 0, "{refused:?}");
    place.bad(&["kubectl", "no-such", "get", "pods"], 6, "no-such");
    for line in [&["cluster", "ls"][..], &["kubectl", &cluster, "get", "pods"]] {
        place.refused(line);
    }
    place.refused(&["cluster", "ls"]);
}

/// By the real kubectl, with `CUBE_REAL=1`; else by a program in its place.
#[cfg(unix)]
#[test]
fn kubectl_is_run_at_the_service() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let stand_in = folder.path().join("kubectl");
    std::fs::write(&stand_in, "#!/bin/sh\necho 'NAME     STATUS'\necho \"node-1   Ready\"\n").unwrap();
    std::fs::set_permissions(&stand_in, std::fs::Permissions::from_mode(0o755)).unwrap();
    let place = Place::of(World::builder().kubectl(real("kubectl").unwrap_or(stand_in)));
    let cluster = place.card().kube.cluster.clone();
    let said = place.good(&["kubectl", &cluster, "get", "nodes"]);
    assert!(said.starts_with("NAME") && said.contains("node-1") && said.contains("Ready"), "{said}");
    // What stands behind the cluster's name is kubectl's own, options too.
    assert!(place.good(&["kubectl", &cluster, "get", "nodes", "-o", "wide"]).contains("node-1"));
}

#[test]
fn a_cluster_login_merges_into_the_kubeconfig() {
    let place = Place::new();
    let cluster = place.card().kube.cluster.clone();
    let file = place.home.path().join(".kube/config");
    let planned = place.data(&["cluster", "login", &cluster, "--dry-run"]);
    assert!(planned["files"][0].as_str().unwrap().ends_with(".kube/config") && !file.exists(), "{planned}");
    let done = place.data(&["cluster", "login", &cluster, "--backup"]);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(done["context"].as_str().unwrap()), "{text}");
    assert!(place.good(&["cluster", "login", &cluster]).contains("already"));
    let elsewhere = place.home.path().join("one.yaml");
    let other = place.command(&["cluster", "login", &cluster]).env("KUBECONFIG", &elsewhere).output().unwrap();
    assert!(ended(other).code == 0 && elsewhere.exists());
    place.bad(&["cluster", "login", "no-such"], 6, "no-such");
}

#[test]
fn apps() {
    let place = Place::new();
    let found = place.data(&["app", "ls"]);
    assert!(found["apps"].as_array().unwrap().iter().any(|app| app == "echo"), "{found}");
    assert!(place.good(&["app", "ls"]).starts_with("APP\n"));
    assert!(place.good(&["app", "ls", "--company", "nobody"]).contains("No app"));
    place.refused(&["app", "ls"]);
}
