//! Which tools, prompts and resources there are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cube_sdk::core::secret::ExposeSecret as _;
use cube_sdk_server::local::World;
use serde_json::{Value, json};

use crate::host::{Host, with};

const OF_EDGEGATE: [&str; 7] = [
    "edgegate_register_byo_bucket",
    "edgegate_check_byo_bucket",
    "edgegate_register_byo_artifact",
    "edgegate_run_gate",
    "edgegate_check_status",
    "edgegate_get_byo_audit",
    "edgegate_disconnect_byo_bucket",
];

fn names(tools: &[Value]) -> BTreeSet<String> {
    tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

/// The types that a property has, through a reference.
fn kinds(property: &Value, root: &Value) -> Vec<Value> {
    let name = property["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/"));
    let property = name.map_or(property, |name| &root["$defs"][name]);
    match (&property["type"], &property["anyOf"], &property["oneOf"]) {
        (Value::Array(kinds), ..) => kinds.clone(),
        (Value::Null, Value::Array(each), _) | (Value::Null, _, Value::Array(each)) => {
            each.iter().flat_map(|one| kinds(one, root)).collect()
        }
        (kind, ..) => vec![kind.clone()],
    }
}

/// The service's own list, as it sends it.
async fn of_the_service(world: &World) -> Vec<Value> {
    let card = &world.card().cloud;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http
        .post(format!("{}/mcp/", card.url))
        .bearer_auth(card.api_key.expose_secret())
        .header("accept", "application/json, text/event-stream")
        .header("content-type", "application/json")
        .body(json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {} }).to_string());
    let answer: Value = serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap();
    answer["result"]["tools"].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
}

/// `CUBE_WRITE_DOCS=1` writes it anew.
#[tokio::test(flavor = "multi_thread")]
async fn the_bundled_list_is_the_services() {
    let world = World::start().await.unwrap();
    let list = of_the_service(&world).await;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cloud/tools.json");
    let text = format!("{}\n", serde_json::to_string_pretty(&list).unwrap());
    if std::env::var("CUBE_WRITE_DOCS").as_deref() == Ok("1") {
        std::fs::write(&path, &text).unwrap();
    }
    assert!(std::fs::read_to_string(&path).unwrap() == text, "src/cloud/tools.json: write it with CUBE_WRITE_DOCS=1");
}

/// The page is the SDK's own; a package holds no file of another. `CUBE_WRITE_DOCS=1` writes it anew.
#[test]
fn the_page_of_errors_is_the_sdks() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let Ok(page) = std::fs::read_to_string(folder.join("../../cube-sdk/docs/errors.md")) else { return };
    let path = folder.join("src/protocol/errors.md");
    if std::env::var("CUBE_WRITE_DOCS").as_deref() == Ok("1") {
        std::fs::write(&path, &page).unwrap();
    }
    assert!(std::fs::read_to_string(&path).unwrap() == page, "src/protocol/errors.md: write it with CUBE_WRITE_DOCS=1");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_published_tool_is_there_with_its_arguments() {
    let world = World::start().await.unwrap();
    let tools = Host::in_world(&world, &[]).tools();
    let published: BTreeMap<String, BTreeMap<String, (String, bool)>> =
        serde_json::from_str(include_str!("published.json")).unwrap();
    let wanted: BTreeSet<_> =
        published.keys().cloned().chain(OF_EDGEGATE.iter().map(|name| (*name).to_owned())).collect();
    assert_eq!(names(&tools), wanted);
    assert_eq!(tools.len(), wanted.len(), "no tool stands there twice");
    for tool in &tools {
        let name = tool["name"].as_str().unwrap();
        for part in ["title", "description"] {
            assert!(tool[part].as_str().is_some_and(|text| text.len() > 5), "{name} has no {part}");
        }
        assert_eq!(tool["inputSchema"]["type"], "object", "{name}");
        assert_eq!(tool["outputSchema"]["type"], "object", "{name}");
        assert!(tool["annotations"]["readOnlyHint"].is_boolean(), "{name}: {}", tool["annotations"]);
        let Some(arguments) = published.get(name) else { continue };
        let properties = tool["inputSchema"]["properties"].as_object().unwrap();
        let required: Vec<_> = tool["inputSchema"]["required"].as_array().cloned().unwrap_or_default();
        for (argument, (kind, needed)) in arguments {
            let property = properties.get(argument).unwrap_or_else(|| panic!("{name} lacks {argument}"));
            let kinds = kinds(property, &tool["inputSchema"]);
            assert!(kinds.iter().any(|known| known == kind), "{name}.{argument}: {property}, not {kind}");
            assert_eq!(required.iter().any(|it| it == argument), *needed, "{name}.{argument} is needed or not");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_the_profiles_own_and_follows_a_login() {
    let world = World::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let environment = vec![
        ("CUBE_CLOUD_URL".to_owned(), world.card().cloud.url.clone()),
        ("CUBE_AGENT_CONFIG_DIR".to_owned(), folder.path().display().to_string()),
    ];
    let mut host = Host::start(&environment, &[]);
    let signed_out = names(&host.tools());
    assert!(signed_out.contains("delete_environment"), "the bundled list is shown: {signed_out:?}");

    let key = world.card().cloud.readonly_api_key.expose_secret().to_owned();
    host.done("agent_login", json!({ "api_key": key }));
    let signed_in = names(&host.tools());
    assert!(host.notes.iter().any(|note| note["method"] == "notifications/tools/list_changed"), "{:?}", host.notes);
    assert!(signed_in.contains("list_environments") && !signed_in.contains("delete_environment"), "{signed_in:?}");

    host.done("agent_logout", json!({}));
    assert_eq!(names(&host.tools()), signed_out);
}

#[test]
fn offline_the_bundled_list_is_shown_and_a_call_says_what_to_do() {
    // Nothing listens there.
    let nowhere = vec![("CUBE_CLOUD_URL".to_owned(), "http://127.0.0.1:9".to_owned())];
    let mut host = Host::start(&nowhere, &[]);
    let tools = names(&host.tools());
    assert!(tools.contains("list_environments") && tools.contains("app_proxy"), "{tools:?}");
    let said = host.failed("list_environments", json!({}));
    assert!(said.contains("log in") && said.contains("CUBE_API_KEY"), "{said}");

    let mut host = Host::start(&with(nowhere, "CUBE_API_KEY", "cube_example"), &[]);
    assert_eq!(names(&host.tools()), tools);
    let said = host.failed("list_environments", json!({}));
    assert!(said.contains("127.0.0.1"), "{said}");
    assert!(host.close().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn prompts_and_resources_are_listed_and_read() {
    let world = World::start().await.unwrap();
    let mut host = Host::in_world(&world, &[]);
    let prompts = host.ask("prompts/list", json!({}));
    let prompts: Vec<_> =
        prompts["result"]["prompts"].as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
    assert_eq!(prompts, ["first_login", "byo_onboarding"]);
    let prompt = host.ask("prompts/get", json!({ "name": "byo_onboarding", "arguments": { "bucket": "acme-models" } }));
    let said = prompt["result"]["messages"][0]["content"]["text"].as_str().unwrap().to_owned();
    assert!(said.contains("acme-models") && said.contains("sts:ExternalId"), "{said}");
    assert!(host.ask("prompts/get", json!({ "name": "none" }))["error"]["message"].as_str().unwrap().contains("none"));

    let errors = host.ask("resources/read", json!({ "uri": "cube://errors" }));
    assert!(errors["result"]["contents"][0]["text"].as_str().unwrap().contains("PlanRequired"));
    let plan = format!("cube://environments/{}/entities/{}/plan", world.card().apollo.environment, "mosquitto");
    let read = host.ask("resources/read", json!({ "uri": plan }));
    assert!(read["error"]["message"].as_str().unwrap().contains("no plans"), "{read}");
    world.apollo().approve_all();
    host.call("enforce_entity_config", json!({ "environment": "cube-7", "entity_name": "mosquitto" }));
    let read = host.ask("resources/read", json!({ "uri": plan }));
    assert!(read["result"]["contents"][0]["text"].as_str().unwrap().contains("mosquitto"), "{read}");
    for bad in ["cube://nothing", "file:///etc/passwd", "cube://workspaces/x/runs"] {
        let said = host.ask("resources/read", json!({ "uri": bad }));
        assert!(said["error"]["message"].as_str().unwrap().contains(bad), "{said}");
    }
}
