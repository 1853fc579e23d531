//! The tools that work on this machine.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use cube_sdk::core::secret::ExposeSecret as _;
use cube_sdk_server::local::World;
use cube_sdk_testkit::apollo::{Fault, On};
use serde_json::json;

use crate::host::{Host, variables, with};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_kept_told_and_forgotten() {
    let world = World::start().await.unwrap();
    let card = &world.card().cloud;
    let mut environment = variables(&world);
    environment.retain(|(name, _)| name != "CUBE_API_KEY");
    let mut host = Host::start(&environment, &[]);
    let (data, said) = host.done("agent_status", json!({}));
    assert_eq!((data["service"].as_str(), data["connected"].as_bool()), (Some("not_asked"), Some(false)), "{said}");

    let key = card.api_key.expose_secret();
    let (data, said) = host.done("agent_login", json!({ "api_key": key }));
    assert_eq!(data["connected"], true, "{data}");
    assert!(!said.contains(key) && !data.to_string().contains(key), "{said}");
    let (data, said) = host.done("agent_status", json!({}));
    assert_eq!(data["service"], "connected", "{said}");
    let clusters = host.call("cube_list", json!({}));
    assert!(clusters["structuredContent"]["clusters"].as_array().is_some_and(|it| !it.is_empty()), "{clusters}");

    let (data, _) = host.done("agent_logout", json!({}));
    assert_eq!(data["removed"], true);
    let (data, said) = host.done("agent_logout", json!({}));
    assert_eq!(data["removed"], false, "{said}");
    assert!(host.failed("cube_list", json!({})).contains("log in"));
    let said = host.failed("agent_login", json!({ "api_key": "  " }));
    assert!(said.contains("next: ") || said.contains("key"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_gets_into_the_users_kubeconfig() {
    let world = World::start().await.unwrap();
    let mut host = Host::in_world(&world, &[]);
    let cluster = world.card().kube.cluster.clone();
    let (data, said) = host.done("cube_cluster_login", json!({ "cluster": cluster }));
    assert_eq!(data["cluster"], cluster.as_str(), "{said}");
    assert!(said.contains("kubectl"), "{said}");
    let written = std::fs::read_to_string(host.folder.path().join("kubeconfig")).unwrap();
    assert!(written.contains(data["context"].as_str().unwrap()), "{said}");
    for bad in ["", "no-such-cluster"] {
        let said = host.failed("cube_cluster_login", json!({ "cluster": bad }));
        assert!(said.contains("cube_list") || said.contains("no-such-cluster"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_go_through_a_tunnel_that_is_listed_and_stopped() {
    let world = World::start().await.unwrap();
    let mut host = Host::in_world(&world, &[]);
    let (data, said) = host.done("app_proxy_stop", json!({}));
    assert_eq!(data["stopped"], json!([]), "{said}");

    let id = host.begin_watched("app_proxy", json!({ "app": "echo" }));
    let progress = host.progress(id);
    assert!(progress["message"].as_str().unwrap().contains("echo"), "{progress}");
    let opened = host.answer(id)["result"]["structuredContent"].clone();
    assert_eq!((opened["app"].as_str(), opened["already"].as_bool()), (Some("echo"), Some(false)), "{opened}");
    let mut stream = TcpStream::connect(opened["address"].as_str().unwrap()).unwrap();
    stream.write_all(b"through").unwrap();
    let mut back = [0; 7];
    stream.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"through");

    let (again, said) = host.done("app_proxy", json!({ "app": "echo", "port": 1 }));
    assert_eq!((&again["already"], &again["port"], &again["other_port"]), (&json!(true), &opened["port"], &json!(1)));
    assert!(said.contains("app_proxy_stop"), "{said}");
    let (status, said) = host.done("app_proxy_status", json!({}));
    assert_eq!(status["tunnels"][0]["state"], "running", "{said}");
    assert_eq!(status["tunnels"][0]["streams"], 1, "{said}");
    assert!(host.failed("app_proxy_stop", json!({ "app": "other" })).contains("echo"));
    let (stopped, _) = host.done("app_proxy_stop", json!({ "app": "echo" }));
    assert_eq!(stopped["stopped"], json!(["echo"]));
    let (status, said) = host.done("app_proxy_status", json!({}));
    assert_eq!((status["tunnels"].clone(), said.as_str()), (json!([]), "No tunnel runs."));
    for bad in [json!({}), json!({ "app": "" }), json!({ "app": "echo", "port": 70000 })] {
        let said = host.failed("app_proxy", bad.clone());
        assert!(said.contains("app") || said.contains("port"), "{bad}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_plans_a_release_and_changes_nothing() {
    let world = World::start().await.unwrap();
    let mut host = Host::in_world(&world, &[]);
    let chart = host.folder.path().join("web");
    std::fs::create_dir(&chart).unwrap();
    let text = "apiVersion: v2\nname: web\nversion: 1.4.2\n";
    std::fs::write(chart.join("Chart.yaml"), text).unwrap();
    std::fs::write(chart.join("Dockerfile"), "FROM scratch\n").unwrap();
    let arguments = json!({ "chart_path": chart, "bump": "minor", "dry_run": true, "build_mode": "remote" });
    let (data, said) = host.done("build_and_publish_to_apollo", arguments);
    assert_eq!(data["plan"]["version"], "1.5.0", "{said}");
    assert!(said.contains("remotely") && said.contains("Nothing was done"), "{said}");
    assert_eq!(std::fs::read_to_string(chart.join("Chart.yaml")).unwrap(), text);
    let here = json!({ "chart_path": chart, "version": "2.0.0", "dry_run": true, "build_mode": "local" });
    let (data, said) = host.done("build_and_publish_to_apollo", here);
    assert_eq!(data["plan"]["version"], "2.0.0");
    assert!(said.contains("with docker"), "{said}");
    for (bad, word) in [
        (json!({ "chart_path": host.folder.path(), "dry_run": true }), "Chart.yaml"),
        (json!({ "chart_path": chart, "dry_run": true, "build_mode": "elsewhere" }), "build_mode"),
        (json!({ "chart_path": chart, "dry_run": "yes" }), "dry_run"),
        (json!({ "chart_path": chart, "dry_run": true, "dockerfile": "Dockerfile.none" }), "Dockerfile"),
        (json!({ "chart_path": chart, "dry_run": true, "build_args": { "A=B": "x" } }), "build argument"),
    ] {
        let said = host.failed("build_and_publish_to_apollo", bad.clone());
        assert!(said.contains(word) || said.contains("boolean"), "{bad}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_needs_no_more_than_a_key_of_cube_cloud() {
    let world = World::start().await.unwrap();
    let mut environment = variables(&world);
    environment.retain(|(name, _)| !name.starts_with("CUBE_APOLLO_CLIENT"));
    let mut host = Host::start(&environment, &[]);
    let chart = host.folder.path().join("web");
    std::fs::create_dir(&chart).unwrap();
    std::fs::write(chart.join("Chart.yaml"), "apiVersion: v2\nname: web\nversion: 1.4.2\n").unwrap();
    let arguments = json!({ "chart_path": chart, "bump": "minor", "release_channels": "BETA, STABLE" });
    let id = host.begin_watched("build_and_publish_to_apollo", arguments);
    let progress = host.progress(id);
    assert!(progress["message"].as_str().unwrap().starts_with("1/"), "{progress}");
    let answer = host.answer(id);
    let released = &answer["result"]["structuredContent"]["released"];
    assert_eq!(released["release"], "com.edgescaleai-cube:web:1.5.0", "{answer}");
    assert_eq!(released["channels"], json!(["BETA", "STABLE"]));
    let registry = world.apollo().registry().unwrap();
    assert!(registry.manifest("charts/com.edgescaleai-cube/web", "1.5.0").is_some());
    let known = host.call("get_product_releases", json!({ "product_id": "com.edgescaleai-cube:web" }));
    assert!(known["structuredContent"].to_string().contains("STABLE"), "{known}");

    // A key that may only read, and a service that refuses.
    let key = world.card().cloud.readonly_api_key.expose_secret();
    let mut reader = Host::start(&with(environment, "CUBE_API_KEY", key), &[]);
    let said = reader.failed("build_and_publish_to_apollo", json!({ "chart_path": chart }));
    assert!(said.contains("next: "), "{said}");
    let text = std::fs::read_to_string(chart.join("Chart.yaml")).unwrap();
    assert!(text.contains("version: 1.5.0"), "{text}");
    world.apollo().inject(On::operation("CreateProductRelease"), 0, 1, Fault::status(500));
    let said = host.failed("build_and_publish_to_apollo", json!({ "chart_path": chart }));
    assert!(said.contains("500") || said.contains("apollo"), "{said}");
    let (again, said) = host.done("build_and_publish_to_apollo", json!({ "chart_path": chart }));
    assert_eq!(again["released"]["release"], "com.edgescaleai-cube:web:1.5.1", "it goes on: {said}");
}
