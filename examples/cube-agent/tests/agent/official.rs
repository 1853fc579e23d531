//! What the official client of Python and the public inspector's command line see beside the tools' answers. Runs with
//! `CUBE_REAL=1`; `CUBE_REAL_BIN` names the folder with both.

use cube_sdk_server::local::World;
use serde_json::json;

use crate::clients::{Client as _, Inspector, Python, real};
use crate::host::{text, variables};

#[tokio::test(flavor = "multi_thread")]
async fn pythons_client_sees_schemas_prompts_progress_and_what_is_missing() {
    let Some(bin) = real() else { return };
    let world = World::start().await.unwrap();
    let mut client = Python::start(&bin, &variables(&world));
    let saw = client.saw();
    assert_eq!((&saw["server"], &saw["schemas"]), (&json!("cube-agent"), &json!(54)), "{saw}");
    assert_eq!(saw["prompts"], json!(["first_login", "byo_onboarding"]));
    client.call("app_proxy", json!({ "app": "echo" }));
    assert!(!client.progress().is_empty());
    // What is not complete is not done, and the result names what is missing.
    for tool in client.tools() {
        let required = tool["inputSchema"]["required"].as_array().cloned().unwrap_or_default();
        if !required.is_empty() {
            let result = client.call(tool["name"].as_str().unwrap(), json!({}));
            let said = text(&result);
            assert_eq!(result["isError"], true, "{result}");
            assert!(required.iter().any(|name| said.contains(name.as_str().unwrap())), "{}: {said}", tool["name"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inspector_sees_the_answer_of_a_tool() {
    let Some(bin) = real() else { return };
    let world = World::start().await.unwrap();
    let mut inspector = Inspector::new(&bin, variables(&world));
    let status = inspector.call("agent_status", json!({}));
    assert_eq!(status["structuredContent"]["connected"], true, "{status}");
    let nodes = json!({ "cluster": world.card().kube.cluster, "command": "get nodes" });
    let nodes = inspector.call("kubectl_exec", nodes);
    assert!(text(&nodes).contains("node-1"), "{nodes}");
}
