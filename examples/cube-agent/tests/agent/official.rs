//! The official client of Python, and the public inspector's command line. Runs with `CUBE_REAL=1`; `CUBE_REAL_BIN` names
//! the folder with both.

use std::path::Path;

use cube_sdk_server::local::World;
use serde_json::{Value, json};

use crate::host::variables;

#[tokio::test(flavor = "multi_thread")]
async fn pythons_client_lists_and_calls_every_tool() {
    if std::env::var("CUBE_REAL").ok().as_deref() != Some("1") {
        return;
    }
    let bin = std::env::var("CUBE_REAL_BIN").expect("CUBE_REAL_BIN names the folder with python");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/real/mcp_client.py");
    let world = World::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let output = std::process::Command::new(Path::new(&bin).join("python"))
        .arg(script)
        .arg(env!("CARGO_BIN_EXE_cube-agent"))
        .arg(&world.card().kube.cluster)
        .env_clear()
        .env("HOME", folder.path())
        .env("KUBECONFIG", folder.path().join("kubeconfig"))
        .envs(variables(&world))
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{err}");
    let saw: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{err}"));
    assert_eq!(
        (&saw["server"], &saw["tools"], &saw["schemas"]),
        (&json!("cube-agent"), &json!(54), &json!(54)),
        "{saw}"
    );
    assert_eq!((&saw["failed"], &saw["silent"]), (&json!([]), &json!([])), "{saw}");
    assert_eq!(saw["prompts"], json!(["first_login", "byo_onboarding"]));
    assert!(saw["progress"].as_array().is_some_and(|told| !told.is_empty()), "{saw}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inspector_lists_and_calls_tools() {
    if std::env::var("CUBE_REAL").ok().as_deref() != Some("1") {
        return;
    }
    let bin = std::env::var("CUBE_REAL_BIN").expect("CUBE_REAL_BIN names the folder with mcp-inspector");
    let world = World::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let inspect = |more: &[&str]| {
        let mut command = std::process::Command::new(Path::new(&bin).join("mcp-inspector"));
        command.arg("--cli").env("HOME", folder.path());
        // It gives a server no variable that is not named.
        for (name, value) in variables(&world) {
            command.arg("-e").arg(format!("{name}={value}"));
        }
        let output = command.arg(env!("CARGO_BIN_EXE_cube-agent")).args(more).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{more:?}: {err}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap_or_else(|_| panic!("{more:?}: {err}"))
    };
    let list = inspect(&["--method", "tools/list"]);
    assert_eq!(list["tools"].as_array().map(Vec::len), Some(54));
    let status = inspect(&["--method", "tools/call", "--tool-name", "agent_status"]);
    assert_eq!(status["structuredContent"]["connected"], true, "{status}");
    let nodes = ["--method", "tools/call", "--tool-name", "kubectl_exec", "--tool-arg", "command=get nodes"];
    let cluster = format!("cluster={}", world.card().kube.cluster);
    let nodes = inspect(&[nodes.as_slice(), &["--tool-arg", &cluster]].concat());
    assert!(nodes["content"][0]["text"].as_str().is_some_and(|text| text.contains("node-1")), "{nodes}");
}
