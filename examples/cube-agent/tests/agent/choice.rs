//! `--read-only` and `--tools`.

use cube_sdk_server::local::World;
use serde_json::json;

use crate::host::{Host, program};

#[tokio::test(flavor = "multi_thread")]
async fn read_only_lists_and_calls_what_only_reads() {
    let world = World::start().await.unwrap();
    let mut host = Host::in_world(&world, &["--read-only"]);
    let tools = host.tools();
    assert!(tools.iter().all(|tool| tool["annotations"]["readOnlyHint"] == true), "{tools:?}");
    for name in ["agent_status", "app_proxy_status", "list_environments", "edgegate_check_status"] {
        assert!(tools.iter().any(|tool| tool["name"] == name), "{name} is missing");
    }
    let environment = json!({ "environment": "cube-7", "entity_name": "x", "product_id": "a:b" });
    for (name, arguments) in [
        ("agent_logout", json!({})),
        ("app_proxy", json!({ "app": "echo" })),
        ("delete_environment", environment),
        ("edgegate_disconnect_byo_bucket", json!({ "workspace_id": world.card().edgegate.workspace })),
    ] {
        let said = host.failed(name, arguments);
        assert!(said.contains("--read-only"), "{name}: {said}");
    }
    host.done("list_environments", json!({}));
}

#[test]
fn a_pattern_chooses_tools() {
    let nowhere = [("CUBE_CLOUD_URL".to_owned(), "http://127.0.0.1:9".to_owned())];
    let mut host = Host::start(&nowhere, &["--tools", "app_*", "--tools", "agent_status"]);
    let mut names: Vec<_> = host.tools().iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    assert_eq!(names, ["agent_status", "app_list", "app_proxy", "app_proxy_status", "app_proxy_stop"]);
    for name in ["agent_logout", "cube_list"] {
        assert!(host.failed(name, json!({})).contains("--tools"));
    }
    let folder = tempfile::tempdir().unwrap();
    let output = program(folder.path(), &[], &["--tools", "a["]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--tools"));
}
