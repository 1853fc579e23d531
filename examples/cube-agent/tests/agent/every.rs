//! Every tool that is listed, called with success over stdio: in plain JSON-RPC, by the official client of Python, and by
//! the public inspector's command line. The last two run with `CUBE_REAL=1`; `CUBE_REAL_BIN` names the folder with both.
#![cfg(unix)]

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cube_sdk::core::secret::ExposeSecret as _;
use cube_sdk_server::local::World;
use serde_json::{Value, json};

use crate::clients::{Client, Inspector, Python, real};
use crate::host::{Host, text, variables, with};
use crate::login::Person;

/// Of these the world's cube-cloud builds none, and says so; cube-sdk-server, tests/cloud/images.rs, has their success.
const IMAGES: [&str; 3] = ["build_image_prepare", "build_image_start", "build_image_status"];

const MOSQUITTO: &str = "com.example:mosquitto";
const MODULE: &str = "module:builtin-control-plane-minimal:0.0.40";

/// A client, and which tools went well by it.
struct Noting {
    client: Box<dyn Client>,
    done: BTreeSet<String>,
}

impl Noting {
    fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let result = self.client.call(tool, arguments);
        assert_eq!(result["isError"], false, "{tool}: {result}");
        assert!(!text(&result).trim().is_empty(), "{tool} says nothing");
        self.done.insert(tool.to_owned());
        result["structuredContent"].clone()
    }
}

fn program(folder: &Path, name: &str, lines: &str) -> PathBuf {
    let program = folder.join(name);
    std::fs::write(&program, format!("#!/bin/sh\n{lines}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    program
}

/// What is said beyond plain JSON-RPC is said by `client`: it gets the world's variables, and a browser whose person signs in.
async fn every_tool(client: impl FnOnce(Vec<(String, String)>) -> Box<dyn Client>) {
    let folder = tempfile::tempdir().unwrap();
    let nodes = "case \"$*\" in *json*) echo '{\"items\":[]}';; *) echo 'node-1 Ready';; esac";
    let world = World::builder().kubectl(program(folder.path(), "kubectl", nodes)).start().await.unwrap();
    let shown = folder.path().join("shown");
    let browser =
        program(folder.path(), "browser", &format!("echo \"$1\" >'{0}.part' && mv '{0}.part' '{0}'", shown.display()));
    let variables = with(variables(&world), "BROWSER", browser.to_str().unwrap());
    let mut all = Noting { client: client(variables), done: BTreeSet::new() };
    let listed: BTreeSet<String> =
        all.client.tools().iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect();
    let person = Person::of(&world);
    let signing_in = tokio::spawn(async move {
        while !shown.exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        person.sign_in(std::fs::read_to_string(shown).unwrap().trim()).await;
    });
    tokio::task::block_in_place(|| {
        all.call("agent_login_browser", json!({}));
        on_this_machine(&mut all, &world, folder.path());
        clusters(&mut all, &world);
        environments(&mut all, &world);
        modules_and_secrets(&mut all);
        products(&mut all);
        storage(&mut all, &world);
        all.call("agent_logout", json!({}));
        for tool in IMAGES {
            let result = all.client.call(tool, json!({ "image_name": "app", "tag": "latest", "job_id": "j" }));
            assert!(result["isError"] == true && text(&result).contains("off on this server"), "{tool}: {result}");
            assert!(all.done.insert(tool.to_owned()));
        }
    });
    signing_in.await.unwrap();
    assert_eq!(listed, all.done, "left: listed, right: called");
    assert_eq!(listed.len(), 54, "{listed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tool_goes_well_over_plain_json_rpc() {
    every_tool(|variables| Box::new(Host::start(&variables, &[]))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tool_goes_well_by_pythons_official_client() {
    if let Some(bin) = real() {
        every_tool(|variables| Box::new(Python::start(&bin, &variables))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tool_goes_well_by_the_public_inspector() {
    if let Some(bin) = real() {
        every_tool(|variables| Box::new(Inspector::new(&bin, variables))).await;
    }
}

fn on_this_machine(all: &mut Noting, world: &World, folder: &Path) {
    all.call("agent_status", json!({}));
    all.call("agent_login", json!({ "api_key": world.card().cloud.api_key.expose_secret() }));
    all.call("app_list", json!({}));
    all.call("app_proxy", json!({ "app": "echo" }));
    all.call("app_proxy_status", json!({}));
    let stopped = if all.client.is_one_process() { json!({ "app": "echo" }) } else { json!({}) };
    all.call("app_proxy_stop", stopped);
    let chart = folder.join("web");
    std::fs::create_dir(&chart).unwrap();
    std::fs::write(chart.join("Chart.yaml"), "apiVersion: v2\nname: web\nversion: 1.4.2\n").unwrap();
    let data = all.call("build_and_publish_to_apollo", json!({ "chart_path": chart }));
    assert_eq!(data["released"]["release"], "com.edgescaleai-cube:web:1.4.3");
    all.call("acr_get_token", json!({}));
}

fn clusters(all: &mut Noting, world: &World) {
    let cluster = world.card().kube.cluster.as_str();
    all.call("cube_list", json!({}));
    all.call("cube_status", json!({ "cluster": cluster }));
    all.call("cube_cluster_login", json!({ "cluster": cluster }));
    all.call("kubectl_exec", json!({ "cluster": cluster, "command": "get nodes" }));
    all.call("list_services", json!({ "environment": cluster }));
}

fn environments(all: &mut Noting, world: &World) {
    all.call("list_environments", json!({ "search": "cube" }));
    all.call("create_environment", json!({ "name": "cube-90" }));
    let installed = json!({ "environment": "cube-8", "entity_name": "broker", "product_id": MOSQUITTO });
    let opened = all.call("install_entity", installed);
    let rid = opened["change_request"]["rid"].as_str().unwrap_or_else(|| panic!("{opened}")).to_owned();
    all.call("list_change_requests", json!({}));
    all.call("review_change_request", json!({ "rid": rid, "action": "approve" }));
    world.apollo().approve_all();
    all.call("replicate_environment", json!({ "source": "cube-7", "target": "cube-91" }));
    let mosquitto = json!({ "environment": "cube-7", "entity_name": "mosquitto" });
    all.call("entity_health", json!({ "environment": "cube-7" }));
    all.call("enforce_entity_config", mosquitto.clone());
    all.call("plan_details", mosquitto.clone());
    all.call("cancel_active_plan", mosquitto.clone());
    let config = json!({ "environment": "cube-7", "entity_name": "mosquitto", "config_overrides": "{\"a\": 1}" });
    all.call("update_entity_config", config);
    all.call("reset_environment_agents", json!({ "environment": "cube-7" }));
    all.call("uninstall_entity", json!({ "environment": "cube-8", "entity_name": "broker" }));
    all.call("delete_environment", json!({ "environment": "cube-90" }));
}

fn modules_and_secrets(all: &mut Noting) {
    let module = json!({
        "environment": "cube-8", "maven_coordinate": MODULE, "display_name": "Plane", "variables": "{\"tier\": \"edge\"}"
    });
    all.call("install_module", module);
    all.call("list_modules", json!({ "environment": "cube-8" }));
    let changed = json!({ "environment": "cube-8", "module_name": "Plane", "variables": "{\"tier\": \"core\"}" });
    all.call("update_module_variables", changed);
    all.call("uninstall_module", json!({ "environment": "cube-8", "module_name": "Plane" }));
    let secret = json!({
        "environment": "cube-7", "entity_name": "mosquitto", "secret_name": "word", "secret_value": "a word"
    });
    all.call("create_secret", secret.clone());
    all.call("update_secret", secret);
}

fn products(all: &mut Noting) {
    let manifest = "manifest-version: '1.0'\nproduct-group: com.example\nproduct-name: fresh\nproduct-version: 1.0.0\n";
    all.call("apollo_publish_manifest", json!({ "manifest_yaml": manifest }));
    all.call("list_products", json!({}));
    all.call("get_product_releases", json!({ "product_id": "com.example:fresh" }));
    all.call("list_release_channels", json!({}));
    let release = json!({ "product_id": "com.example:fresh", "version": "1.0.0", "channels": "BETA" });
    all.call("add_product_to_release_channel", release.clone());
    all.call("remove_product_from_release_channel", release);
    all.call("set_label_on_product", json!({ "product_id": MOSQUITTO, "label_id": "tier", "label_value": "edge" }));
    all.call("remove_label_from_product", json!({ "product_id": MOSQUITTO, "label_id": "tier" }));
    let compared = json!({ "product_id": MOSQUITTO, "environments": "cube-7, cube-8" });
    all.call("compare_product_versions", compared);
}

fn storage(all: &mut Noting, world: &World) {
    let (aws, edgegate) = (&world.card().aws, &world.card().edgegate);
    let workspace = edgegate.workspace.as_str();
    let bucket = json!({
        "workspace_id": workspace, "role_arn": aws.role_arn, "bucket": aws.bucket, "region": aws.region
    });
    all.call("edgegate_register_byo_bucket", bucket.clone());
    all.call("edgegate_disconnect_byo_bucket", json!({ "workspace_id": workspace }));
    all.call("edgegate_register_byo_bucket", bucket);
    all.call("edgegate_check_byo_bucket", json!({ "workspace_id": workspace }));
    let uri = format!("s3://{}/{}", aws.bucket, aws.object_key);
    let artifact = all.call("edgegate_register_byo_artifact", json!({ "workspace_id": workspace, "s3_uri": uri }));
    let run = json!({
        "workspace_id": workspace, "pipeline_id": edgegate.pipeline, "model_artifact_id": artifact["artifact_id"]
    });
    let started = all.call("edgegate_run_gate", run);
    all.call("edgegate_check_status", json!({ "workspace_id": workspace, "run_id": started["run_id"] }));
    all.call("edgegate_get_byo_audit", json!({ "workspace_id": workspace }));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cube_cloud_tells_of_its_way_reaches_the_host() {
    let world = World::start().await.unwrap();
    let mut host = Host::in_world(&world, &[]);
    let compared = json!({ "product_id": MOSQUITTO, "environments": "cube-7, cube-8" });
    let id = host.begin_watched("compare_product_versions", compared);
    for (done, name) in [(0, "cube-7"), (1, "cube-8")] {
        let progress = host.progress(id);
        assert!(progress["message"].as_str().is_some_and(|said| said.contains(name)), "{progress}");
        assert_eq!((progress["progress"].as_f64(), progress["total"].as_f64()), (Some(f64::from(done)), Some(2.0)));
    }
    assert_eq!(host.answer(id)["result"]["isError"], false);
}
