//! The same questions to every tool: does it do its work, refuse what it cannot read, tell a failure behind it?

use std::collections::BTreeSet;

use cube_sdk_testkit::apollo::{Fault, On};
use serde_json::{Value, json};

use crate::support::{Cloud, last_message};
use crate::tools::{calls, filled, good, listed};

/// Those whose work is tested in other files.
const ELSEWHERE: [&str; 4] = ["acr_get_token", "build_image_prepare", "build_image_start", "build_image_status"];
/// Those that take nothing, so that nothing can be wrong with it.
const WITHOUT_ARGUMENTS: [&str; 2] = ["cube_list", "acr_get_token"];

/// Calls beyond [`calls`], in an order in which each can work.
fn more_calls() -> Vec<(&'static str, Value)> {
    let (product, release) = (
        "com.example:mosquitto",
        json!({ "product_id": "com.example:mosquitto", "version": "1.10",
        "channels": "DEV" }),
    );
    let module = |more: Value| {
        let mut arguments = json!({ "environment": "cube-8", "module_name": "Plane" });
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };
    vec![
        ("compare_product_versions", json!({ "product_id": product, "environments": "cube-7, cube-8" })),
        ("get_product_releases", json!({ "product_id": product })),
        ("set_label_on_product", json!({ "product_id": product, "label_id": "customer", "label_value": "acme" })),
        ("remove_label_from_product", json!({ "product_id": product, "label_id": "customer" })),
        ("remove_product_from_release_channel", release.clone()),
        ("add_product_to_release_channel", release),
        (
            "apollo_publish_manifest",
            json!({ "manifest_yaml": "manifest-version: '1.0'\nproduct-group: com.example\nproduct-name: mosquitto\n\
                product-version: 2.0.0\nproduct-type: helm-chart.v1\n" }),
        ),
        (
            "install_module",
            json!({ "environment": "cube-8", "maven_coordinate": "module:builtin-control-plane-minimal:0.0.40",
                "variables": "{\"tier\": \"edge\"}", "display_name": "Plane", "ignore_secret_requirements": true }),
        ),
        ("update_module_variables", module(json!({ "variables": { "tier": "core" } }))),
        ("uninstall_module", module(json!({}))),
        (
            "install_entity",
            json!({ "environment": "cube-8", "entity_name": "bridge", "product_id": "com.example:bridge" }),
        ),
    ]
}

#[tokio::test]
async fn every_tool_does_its_work() {
    let cloud = Cloud::start().await;
    let key = cloud.key("admin").await;
    let tools = listed(&cloud, &key).await;
    let mut done: BTreeSet<&str> = calls().into_iter().map(|(name, _)| name).chain(ELSEWHERE).collect();
    let mut reply = Value::Null;
    for (name, arguments) in more_calls() {
        reply = good(&cloud, &key, &tools, name, arguments).await;
        done.insert(name);
    }
    // The last of them opened a change request.
    let rid = reply["result"]["structuredContent"]["change_request"]["rid"].clone();
    let review = json!({ "rid": rid, "action": "reject", "comment": "not now" });
    good(&cloud, &key, &tools, "review_change_request", review).await;
    cloud.apollo.approve_all();
    let entity = json!({ "environment": "cube-7", "entity_name": "mosquitto" });
    good(&cloud, &key, &tools, "enforce_entity_config", entity.clone()).await;
    // A plan moves as it is looked at: its agent is known once it has started.
    while cloud.agent_call(&key, "plan_details", entity.clone()).await.is_err() {}
    good(&cloud, &key, &tools, "plan_details", entity.clone()).await;
    let mut arguments = entity;
    arguments["plan_index"] = json!(0);
    loop {
        let reply =
            cloud.mcp(&key, "tools/call", json!({ "name": "cancel_active_plan", "arguments": arguments })).await;
        if reply["result"]["isError"] == false {
            assert_eq!(cloud.apollo.executed("deleteAgentById"), 1, "{reply}");
            break;
        }
        let text = reply["result"]["content"][0]["text"].as_str().unwrap();
        assert!(text.contains("no agent carries out") || text.contains("no plan of the entity"), "{text}");
        good(
            &cloud,
            &key,
            &tools,
            "enforce_entity_config",
            json!({ "environment": "cube-7", "entity_name": "mosquitto" }),
        )
        .await;
    }
    let both = json!({ "source": "cube-7", "target": "cube-8" });
    good(&cloud, &key, &tools, "replicate_environment", both).await;
    done.extend(["review_change_request", "plan_details", "cancel_active_plan", "replicate_environment"]);
    let all: BTreeSet<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert!(all.len() >= 36, "{all:?}");
    assert_eq!(all.difference(&done).collect::<Vec<_>>(), Vec::<&&str>::new(), "tools that nobody called");
}

/// A value that an argument cannot have.
fn wrong(argument: &Value) -> Value {
    let text = argument.to_string();
    match () {
        () if text.contains("\"enum\"") || text.contains("$ref") => json!("no-such-word"),
        () if text.contains("\"string\"") => json!(7),
        () => json!("many"),
    }
}

#[tokio::test]
async fn every_argument_of_every_tool_is_looked_at_before_anything_is_sent() {
    let cloud = Cloud::start().await;
    let key = cloud.key("admin").await;
    let mut looked_at = 0;
    for tool in listed(&cloud, &key).await {
        let name = tool["name"].as_str().unwrap();
        let properties = tool["inputSchema"]["properties"].as_object().unwrap();
        assert_eq!(properties.is_empty(), WITHOUT_ARGUMENTS.contains(&name), "{name}");
        for (argument, schema) in properties {
            let mut arguments = filled(&tool);
            arguments[argument] = wrong(schema);
            let error = cloud.agent_call(&key, name, arguments.clone()).await.expect_err(name);
            assert!(error.starts_with("remote error -32602"), "{name} {arguments}: {error}");
            looked_at += 1;
        }
        for required in tool["inputSchema"]["required"].as_array().into_iter().flatten() {
            let mut arguments = filled(&tool);
            arguments.as_object_mut().unwrap().remove(required.as_str().unwrap());
            let error = cloud.agent_call(&key, name, arguments.clone()).await.expect_err(name);
            assert!(error.starts_with("remote error -32602"), "{name} {arguments}: {error}");
            assert!(error.contains(required.as_str().unwrap()), "{name} {arguments}: {error}");
        }
    }
    assert!(looked_at > 80, "{looked_at}");
    assert!(cloud.apollo.executions().is_empty());
    assert!(cloud.apollo.requests().is_empty(), "{:?}", cloud.apollo.requests());
}

#[cfg(unix)]
#[tokio::test]
async fn tools_over_clusters_tell_a_failure_of_kubectl_or_of_tbot_as_one() {
    let cloud = Cloud::start().await;
    let key = cloud.key("admin").await;
    let program = cloud.dir().join("kubectl");
    let calls = [
        ("cube_status", json!({ "cluster": "cube-7" })),
        ("kubectl_exec", json!({ "cluster": "cube-7", "command": "get pods" })),
        ("list_services", json!({ "environment": "cube-7" })),
    ];
    for script in ["#!/bin/sh\necho 'the server is away' >&2\nexit 1\n", "no program\n", ""] {
        match script {
            "" => std::fs::remove_file(&program).unwrap(),
            script => std::fs::write(&program, script).unwrap(),
        }
        for (name, arguments) in &calls {
            let error = cloud.agent_call(&key, name, arguments.clone()).await.expect_err(name);
            assert!(error.starts_with("remote error -32000"), "{name} {script:?}: {error}");
            assert!(!script.contains("away") || error.contains("the server is away"), "{name}: {error}");
        }
    }
    let kubeconfig = cloud.dir().join("tbot/kube/cube-7/kubeconfig.yaml");
    std::fs::write(&kubeconfig, "users: [").unwrap();
    let error = cloud.agent_call(&key, "cube_cluster_login", json!({ "cluster": "cube-7" })).await.unwrap_err();
    assert!(error.starts_with("remote error -32000"), "{error}");
    std::fs::remove_dir_all(cloud.dir().join("tbot")).unwrap();
    std::fs::write(cloud.dir().join("tbot"), "no directory").unwrap();
    let error = cloud.agent_call(&key, "cube_list", json!({})).await.unwrap_err();
    assert!(error.starts_with("remote error -32000"), "{error}");
}

#[tokio::test]
async fn a_token_that_apollo_does_not_give_is_told_as_its_failure() {
    let cloud = Cloud::start().await;
    cloud.apollo.inject(On::Token, 0, 100_000, Fault::status(401));
    let error = cloud.agent_call(&cloud.key("admin").await, "acr_get_token", json!({})).await.unwrap_err();
    assert!(error.starts_with("remote error -32000"), "{error}");
}

#[tokio::test]
async fn failures_are_told_to_programs_by_kind() {
    let cloud = Cloud::start().await;
    let key = cloud.key("admin").await;
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "list_modules", "arguments": { "environment": "no-such-cube" } } });
    let bare = last_message(cloud.post(&key, &body, &[]).await).await;
    assert_eq!(bare["error"]["data"]["kind"], "not_found", "{bare}");
    let full = cloud.mcp(&key, "tools/call", body["params"].clone()).await;
    assert_eq!(full["result"]["_meta"]["cube/fault"]["kind"], "not_found", "{full}");
    // Official clients hold what stands there against the schema of a success.
    assert!(full["result"].get("structuredContent").is_none(), "{full}");
    let bad = cloud.mcp(&key, "tools/call", json!({ "name": "entity_health", "arguments": {} })).await;
    assert_eq!((&bad["error"]["code"], &bad["error"]["data"]["kind"]), (&json!(-32602), &json!("invalid_input")));
    cloud.apollo.inject(On::Any, 0, 1000, Fault::throttle(3600));
    let slow = cloud.mcp(&key, "tools/call", json!({ "name": "list_environments", "arguments": {} })).await;
    let told = &slow["result"]["_meta"]["cube/fault"];
    assert_eq!(told["kind"], "throttled", "{slow}");
    assert!(told["retry_after_s"].as_u64().is_some_and(|seconds| seconds > 3000), "{slow}");
}

#[tokio::test]
async fn long_lists_go_on_where_they_ended() {
    let cloud = Cloud::start().await;
    let key = cloud.key("admin").await;
    cloud.apollo.add_fleet(1200);
    cloud.apollo.add_entities("cube-7", "com.example:bridge", "part", 450);
    for (tool, field, mut arguments, wanted, at_least) in [
        ("list_environments", "environments", json!({ "search": "fleet-" }), 1200, 2),
        ("entity_health", "entities", json!({ "environment": "cube-7", "entity_id": "part-" }), 450, 3),
        ("list_products", "products", json!({ "page_size": 1 }), 3, 3),
    ] {
        let (mut names, mut calls) = (BTreeSet::new(), 0);
        loop {
            let reply = cloud.mcp(&key, "tools/call", json!({ "name": tool, "arguments": arguments })).await;
            let data = &reply["result"]["structuredContent"];
            calls += 1;
            for item in data[field].as_array().unwrap() {
                let name = item.get("name").or_else(|| item.get("id")).or_else(|| item["entity"].get("name")).unwrap();
                assert!(names.insert(name.as_str().unwrap().to_owned()), "{tool}: {name} came twice");
            }
            let cursor = &data["cursor"];
            assert_eq!(data["more"].as_bool().unwrap(), cursor.is_string(), "{tool}: {data}");
            let text = reply["result"]["content"][0]["text"].as_str().unwrap();
            match cursor.as_str() {
                Some(cursor) => assert!(text.contains(cursor), "{tool}: the text names it too"),
                None => break,
            }
            arguments["cursor"] = cursor.clone();
        }
        assert_eq!(names.len(), wanted, "{tool}");
        assert!(calls >= at_least, "{tool}: {calls} calls");
        let other = if tool == "list_products" { "list_environments" } else { "list_products" };
        let of_another = json!({ "cursor": arguments["cursor"] });
        let error = cloud.agent_call(&key, other, of_another).await.unwrap_err();
        assert!(error.starts_with("remote error -32602"), "{tool}: {error}");
    }
}
