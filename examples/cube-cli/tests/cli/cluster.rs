//! cluster, kubectl, app.

use crate::world::{Place, ended};

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
    match std::process::Command::new("kubectl").arg("version").arg("--client").output() {
        Ok(_) => assert!(place.good(&["kubectl", &cluster, "get", "nodes"]).contains("NAME")),
        Err(_) => eprintln!("SKIPPED: kubectl is not installed, nothing was asked through the service"),
    }
    let refused = place.run(&["kubectl", &cluster, "delete", "pods", "--all"]);
    assert_ne!(refused.code, 0, "{refused:?}");
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
    let refused = place.command(&["app", "ls"]).env("CUBE_API_KEY", "cube_nobody").output().unwrap();
    assert_eq!(ended(refused).code, 4);
}
