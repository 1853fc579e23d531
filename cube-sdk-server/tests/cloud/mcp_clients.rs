//! Clients of the protocol that are not ours: its official Python SDK, and the scenarios of its conformance suite that
//! apply to a server with tools only. Runs with `CUBE_REAL=1`; `CUBE_REAL_BIN` says where they are.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use axum::extract::Request;
use cube_sdk_server::listener::Listener;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::support::Cloud;

/// Where a component is; none when real ones are not asked for.
fn component(name: &str) -> Option<PathBuf> {
    if std::env::var("CUBE_REAL").ok().as_deref() != Some("1") {
        return None;
    }
    let bin = std::env::var("CUBE_REAL_BIN").expect("CUBE_REAL_BIN names the folder with python");
    Some(Path::new(&bin).join(name))
}

#[tokio::test]
async fn the_official_client_lists_and_calls_and_reads_each_way_of_no() {
    let Some(python) = component("python") else { return };
    let cloud = Cloud::start().await;
    let (admin, reader) = (cloud.key("admin").await, cloud.key("readers").await);
    let given = json!({ "url": format!("{}/mcp/", cloud.url), "keys": { "admin": admin, "reader": reader } });
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/real/mcp_client.py");
    let mut command = Command::new(python);
    command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(given.to_string().as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    let seen: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|fault| panic!("{fault}: {}", String::from_utf8_lossy(&output.stderr)));

    let good = &seen["good"];
    assert_eq!(good["server"], "cube-cloud", "{seen}");
    let tools = good["tools"].as_array().unwrap();
    assert!(tools.len() >= 36 && tools.contains(&json!("entity_health")), "{tools:?}");
    let text = |reply: &Value| reply["content"][0]["text"].as_str().unwrap().to_owned();
    assert_eq!(good["success"]["isError"], false, "{good}");
    assert!(text(&good["success"]).starts_with("cube-7  id "), "{good}");
    assert_eq!(good["success"]["structuredContent"]["environments"][0]["name"], "cube-7", "{good}");
    assert_eq!(good["failed"]["isError"], true, "{good}");
    assert!(text(&good["failed"]).contains("no-such-cube"), "{good}");
    assert_eq!(good["watched"]["isError"], false, "{good}");
    let told = good["progress"].as_array().unwrap();
    assert!(told.iter().any(|event| event == &json!([1.0, 2.0, "reading cube-8"])), "{told:?}");

    assert_eq!(seen["bad_arguments"]["code"], -32602, "{seen}");
    assert_eq!(seen["forbidden"]["status"], 403, "{seen}");
    assert_eq!(seen["wrong_key"]["status"], 401, "{seen}");
    assert_eq!(seen["no_key"]["status"], 401, "{seen}");
    assert_eq!(cloud.apollo.executed("createApolloEnvironment"), 0);
}

/// The suite sends no key of its own: a second listener adds one.
async fn with_key(cloud: &Cloud, key: &str) -> Listener {
    let bearer = HeaderValue::from_str(&format!("Bearer {key}")).unwrap();
    let add = axum::middleware::map_request(move |mut request: Request| {
        request.headers_mut().insert(AUTHORIZATION, bearer.clone());
        std::future::ready(request)
    });
    Listener::bind(([127, 0, 0, 1], 0).into(), cloud.router().layer(add)).await.unwrap()
}

#[tokio::test]
async fn the_conformance_suite_s_scenarios_that_apply_pass() {
    let Some(conformance) = component("mcp-conformance") else { return };
    let cloud = Cloud::start().await;
    let key = cloud.key("admin").await;
    let listener = with_key(&cloud, &key).await;
    // The others are about resources, prompts, sampling and tools that only a test server has.
    for scenario in ["server-initialize", "ping", "tools-list", "dns-rebinding-protection"] {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new(&conformance);
        command.args(["server", "--url", &format!("{}/mcp/", listener.url()), "--scenario", scenario, "--output-dir"]);
        let output = command.arg(dir.path()).env("NO_PROXY", "127.0.0.1").kill_on_drop(true).output().await.unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{scenario}: {said}");
        let checks = checks(dir.path());
        assert!(checks.iter().any(|check| check["status"] == "SUCCESS"), "{scenario}: {said}");
        let failed: Vec<_> = checks.iter().filter(|check| check["status"] == "FAILURE").collect();
        assert!(failed.is_empty(), "{scenario}: {failed:?}");
    }
}

/// What the suite checked, as it wrote it down.
fn checks(dir: &Path) -> Vec<Value> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let file = entry.unwrap().path().join("checks.json");
        let checks: Vec<Value> = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        found.extend(checks);
    }
    found
}
