//! Every tool through `/mcp/`.

use cube_sdk_testkit::apollo::{Fault, On};
use serde_json::{Value, json};

use crate::support::{CLUSTER_SECRET, Cloud};

/// A good call of every tool against the doubles, in an order in which each can work.
pub fn calls() -> Vec<(&'static str, Value)> {
    let in_cube = |more: Value| {
        let mut arguments = json!({ "environment": "cube-7" });
        for (name, value) in more.as_object().unwrap() {
            arguments[name] = value.clone();
        }
        arguments
    };
    vec![
        ("cube_list", json!({})),
        ("cube_status", json!({ "cluster": "cube-7" })),
        ("cube_cluster_login", json!({ "cluster": "cube-7" })),
        ("kubectl_exec", json!({ "cluster": "cube-7", "command": "get pods -n default" })),
        ("list_services", json!({ "environment": "cube-7" })),
        ("app_list", json!({})),
        ("list_environments", json!({ "search": null })),
        ("list_modules", in_cube(json!({ "search": "control" }))),
        ("entity_health", in_cube(json!({ "entity_id": "mosquitto" }))),
        ("list_products", json!({ "page_size": 500 })),
        ("list_release_channels", json!({ "include_env_specific": true })),
        ("list_change_requests", in_cube(json!({ "status": "PENDING_APPROVALS" }))),
        ("enforce_entity_config", in_cube(json!({ "entity_name": "mosquitto" }))),
        (
            "update_entity_config",
            in_cube(json!({ "entity_name": "mosquitto", "config_overrides": "{\"replicas\": 2}" })),
        ),
        (
            "create_secret",
            in_cube(
                json!({ "entity_name": "mosquitto", "secret_name": "login", "secret_value": "canary-of-a-secret" }),
            ),
        ),
        (
            "update_secret",
            in_cube(
                json!({ "entity_name": "mosquitto", "secret_name": "login", "secret_key": "k", "secret_key_value": "canary-of-a-secret" }),
            ),
        ),
        ("uninstall_entity", in_cube(json!({ "entity_name": "mosquitto" }))),
        ("create_environment", json!({ "name": "cube-9" })),
        ("delete_environment", json!({ "environment": "cube-8" })),
        ("reset_environment_agents", json!({ "environment": "cube-7" })),
    ]
}

const CHANGES: [&str; 17] = [
    "apollo_publish_manifest",
    "create_environment",
    "replicate_environment",
    "delete_environment",
    "reset_environment_agents",
    "install_entity",
    "uninstall_entity",
    "update_entity_config",
    "enforce_entity_config",
    "cancel_active_plan",
    "install_module",
    "uninstall_module",
    "update_module_variables",
    "create_secret",
    "update_secret",
    "set_label_on_product",
    "review_change_request",
];

pub async fn listed(cloud: &Cloud, key: &str) -> Vec<Value> {
    cloud.mcp(key, "tools/list", json!({})).await["result"]["tools"].as_array().unwrap().clone()
}

#[tokio::test]
async fn every_mandatory_remote_tool_is_there_with_the_published_names() {
    let cloud = Cloud::start().await;
    let tools = listed(&cloud, &cloud.key("admin").await).await;
    let names: Vec<_> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    for name in [
        "cube_list",
        "cube_status",
        "cube_cluster_login",
        "kubectl_exec",
        "app_list",
        "acr_get_token",
        "apollo_publish_manifest",
        "list_environments",
        "create_environment",
        "replicate_environment",
        "delete_environment",
        "install_entity",
        "uninstall_entity",
        "entity_health",
        "plan_details",
        "update_entity_config",
        "enforce_entity_config",
        "reset_environment_agents",
        "cancel_active_plan",
        "install_module",
        "uninstall_module",
        "list_modules",
        "update_module_variables",
        "create_secret",
        "update_secret",
        "list_products",
        "compare_product_versions",
        "list_release_channels",
        "get_product_releases",
        "add_product_to_release_channel",
        "remove_product_from_release_channel",
        "set_label_on_product",
        "remove_label_from_product",
        "list_change_requests",
        "review_change_request",
        "list_services",
    ] {
        assert!(names.contains(&name), "{name}");
    }
    for tool in &tools {
        let (name, reads) = (&tool["name"], tool["annotations"]["readOnlyHint"].as_bool().unwrap());
        assert_eq!(tool["inputSchema"]["type"], "object", "{name}");
        assert!(tool["description"].as_str().unwrap().len() > 20 && tool["title"].is_string(), "{name}");
        assert!(!tool["outputSchema"]["properties"].as_object().unwrap().is_empty(), "{name}");
        if CHANGES.iter().any(|change| name == change) {
            assert!(!reads, "{name}");
        }
    }
}

#[tokio::test]
async fn every_tool_with_every_profile() {
    let cloud = Cloud::start().await;
    let all = listed(&cloud, &cloud.key("admin").await).await;
    for (group, allowed) in [
        ("readers", (|name, reads| reads && name != "acr_get_token") as fn(&str, bool) -> bool),
        ("bare", |name, _| {
            name.starts_with("cube_")
                || ["kubectl_exec", "list_services", "app_list"].contains(&name)
                || name.starts_with("build_image")
        }),
        ("narrow", |name, _| name == "list_products"),
    ] {
        let key = cloud.key(group).await;
        let seen = listed(&cloud, &key).await;
        for tool in &all {
            let name = tool["name"].as_str().unwrap();
            let may = allowed(name, tool["annotations"]["readOnlyHint"] == true);
            assert_eq!(seen.iter().any(|it| it["name"] == name), may, "{group} sees {name}");
            // Arguments that no tool takes: whoever may call is told so, whoever may not gets a 403 before.
            let outcome = cloud
                .agent_call(
                    &key,
                    name,
                    json!({ "environment": 1, "cluster": 1, "search": 1, "company": 1, "page_size": "x" }),
                )
                .await;
            assert_eq!(outcome == Err("403".to_owned()), !may, "{group} calls {name}: {outcome:?}");
        }
    }
    assert!(cloud.apollo.executions().is_empty(), "nothing was executed");
}

#[tokio::test]
async fn good_calls_answer_people_and_programs_and_show_no_secret() {
    let cloud = Cloud::start().await;
    cloud.apollo.declare_config("cube-7", "mosquitto", "0.0.0:\n  overrides:\n    password: canary-of-a-config\n");
    let key = cloud.key("admin").await;
    let tools = listed(&cloud, &key).await;
    for (name, arguments) in calls() {
        good(&cloud, &key, &tools, name, arguments).await;
    }
}

/// A call that must work: its reply is for people and for programs, as the tool's schema says, and shows no secret.
pub async fn good(cloud: &Cloud, key: &str, tools: &[Value], name: &str, arguments: Value) -> Value {
    let reply = cloud.mcp(key, "tools/call", json!({ "name": name, "arguments": arguments })).await;
    let result = &reply["result"];
    assert!(result["isError"] == false, "{name}: {reply}");
    assert!(!result["content"][0]["text"].as_str().unwrap().trim().is_empty(), "{name}");
    let schema = &tools.iter().find(|tool| tool["name"] == name).unwrap()["outputSchema"];
    let fields = schema["properties"].as_object().unwrap();
    for (field, kind) in fields.iter().filter(|(field, _)| !["dry_run", "cursor"].contains(&field.as_str())) {
        let value = &result["structuredContent"][field];
        let fits = match kind["type"].as_str().unwrap() {
            "array" => value.is_array(),
            "object" => value.is_object(),
            "boolean" => value.is_boolean(),
            _ => value.is_string(),
        };
        assert!(fits, "{name}: {field}: {value}");
    }
    let text = reply.to_string();
    assert!(!text.contains("canary"), "{name}: {text}");
    assert_eq!(text.contains(CLUSTER_SECRET), name == "cube_cluster_login", "{name}");
    reply
}

#[tokio::test]
async fn arguments_that_cannot_be_used_are_refused_before_anything_is_sent() {
    let cloud = Cloud::start().await;
    let key = cloud.key("admin").await;
    let entity = |more: (&str, Value)| {
        let mut arguments = json!({ "environment": "cube-7", "entity_name": "mosquitto", "secret_name": "s" });
        arguments[more.0] = more.1;
        arguments
    };
    for (tool, arguments) in [
        ("update_entity_config", entity(("config_overrides", json!("[1]")))),
        ("update_entity_config", entity(("config_overrides", json!("{ not json")))),
        ("update_entity_config", entity(("config_overrides", json!("{\"password\": \"<hidden, 9 chars>\"}")))),
        ("create_secret", entity(("description", json!("neither value nor keys")))),
        ("update_secret", entity(("secret_key", json!("k")))),
        ("review_change_request", json!({ "rid": "ri.x", "action": "reject" })),
        ("review_change_request", json!({ "rid": "ri.x", "action": "merge" })),
        ("list_change_requests", json!({ "status": "OPEN" })),
        ("compare_product_versions", json!({ "product_id": "a:b", "environments": " , " })),
        ("get_product_releases", json!({ "product_id": "not a coordinate" })),
        ("kubectl_exec", json!({ "cluster": "cube-7", "command": "delete pods --all" })),
        ("kubectl_exec", json!({ "cluster": "cube-7", "command": "get secrets -o yaml" })),
    ] {
        let error = cloud.agent_call(&key, tool, arguments.clone()).await.unwrap_err();
        assert!(error.starts_with("remote error -32602"), "{tool} {arguments}: {error}");
    }
    assert!(cloud.apollo.executions().is_empty());
}

#[tokio::test]
async fn clusters_of_another_profile_are_neither_listed_nor_reached() {
    let cloud = Cloud::start().await;
    let key = cloud.key("readers").await;
    assert_eq!(cloud.agent_call(&key, "cube_list", json!({})).await.unwrap(), "cube-7\n");
    for (tool, arguments) in [
        ("cube_status", json!({ "cluster": "other-1" })),
        ("cube_cluster_login", json!({ "cluster": "other-1" })),
        ("kubectl_exec", json!({ "cluster": "other-1", "command": "get pods" })),
        ("list_services", json!({ "environment": "other-1" })),
    ] {
        let error = cloud.agent_call(&key, tool, arguments).await.unwrap_err();
        assert!(error.starts_with("remote error -32003"), "{tool}: {error}");
    }
    let missing = cloud.agent_call(&key, "cube_status", json!({ "cluster": "cube-none" })).await.unwrap_err();
    assert!(missing.contains("no cluster `cube-none`"), "{missing}");
    let text = cloud.agent_call(&key, "cube_status", json!({ "cluster": "cube-7" })).await.unwrap();
    assert!(
        text.contains("n1  Ready  v1.30.1  cpu 4") && text.contains("DiskPressure is True: the disk is full"),
        "{text}"
    );
    let text = cloud.agent_call(&key, "list_services", json!({ "environment": "cube-7" })).await.unwrap();
    assert_eq!(text, "shop/web  port 80  http://web.shop.svc.cluster.local:80\n");
    let login = cloud.agent_call(&key, "cube_cluster_login", json!({ "cluster": "cube-7" })).await.unwrap();
    let login: Value = serde_json::from_str(&login).expect("the published agent reads the text as JSON");
    assert!(login["kubeconfig"].as_str().unwrap().contains(CLUSTER_SECRET) && login["cluster"] == "cube-7");
}

#[tokio::test]
async fn a_failure_behind_the_tools_is_told_as_one() {
    let cloud = Cloud::start().await;
    let key = cloud.key("admin").await;
    cloud.apollo.inject(On::Any, 0, 1000, Fault::Status { status: 500, retry_after: None, body: String::new() });
    for tool in ["list_environments", "list_products", "list_release_channels"] {
        let error = cloud.agent_call(&key, tool, json!({})).await.unwrap_err();
        assert!(error.starts_with("remote error -32000"), "{tool}: {error}");
    }
}

#[tokio::test]
async fn the_registry_token_stands_alone_on_its_line_and_not_for_who_may_only_read() {
    let cloud = Cloud::start().await;
    let text = cloud.agent_call(&cloud.key("admin").await, "acr_get_token", json!({})).await.unwrap();
    let token = text.trim();
    assert!(text.lines().count() == 1 && !token.is_empty() && !token.contains(' '), "{text}");
    assert_eq!(cloud.agent_call(&cloud.key("readers").await, "acr_get_token", json!({})).await.unwrap_err(), "403");
}

/// Arguments that are good in form, by the tool's own schema.
pub fn filled(tool: &Value) -> Value {
    let schema = &tool["inputSchema"];
    let mut arguments = json!({});
    for name in schema["required"].as_array().into_iter().flatten() {
        let name = name.as_str().unwrap();
        arguments[name] = match name {
            "environment" | "source" => json!("cube-7"),
            "target" => json!("cube-8"),
            "product_id" => json!("com.example:mosquitto"),
            "maven_coordinate" => json!("com.example:control:1.0.0"),
            "version" => json!("1.2.3"),
            "config_overrides" | "variables" => json!("{\"a\": 1}"),
            "rid" => json!("ri.apollo.main.change-request.1"),
            "action" => json!("approve"),
            "manifest_yaml" => {
                json!("manifest-version: '1.0'\nproduct-group: com.example\nproduct-name: x\nproduct-version: 1.0.0\n")
            }
            _ => json!("name"),
        };
    }
    for (name, more) in [("create_secret", "secret_value"), ("update_secret", "secret_value")] {
        if tool["name"] == name {
            arguments[more] = json!("x");
        }
    }
    arguments
}

#[tokio::test]
async fn every_tool_over_apollo_tells_a_failure_of_it_as_one() {
    let cloud = Cloud::start().await;
    let (key, bare) = (cloud.key("admin").await, cloud.key("bare").await);
    let without: Vec<Value> = listed(&cloud, &bare).await.into_iter().map(|tool| tool["name"].clone()).collect();
    let tools = listed(&cloud, &key).await;
    let over_apollo: Vec<&Value> = tools.iter().filter(|tool| !without.contains(&tool["name"])).collect();
    assert!(over_apollo.len() >= 28, "{}", over_apollo.len());
    // A token first, so that it is Apollo itself that fails.
    cloud.agent_call(&key, "list_products", json!({})).await.unwrap();
    cloud.apollo.inject(On::Any, 0, 100_000, Fault::Status { status: 500, retry_after: None, body: String::new() });
    let calls = over_apollo.iter().filter(|tool| tool["name"] != "acr_get_token").map(async |tool| {
        let name = tool["name"].as_str().unwrap();
        (name, cloud.agent_call(&key, name, filled(tool)).await)
    });
    for (name, outcome) in futures_util::future::join_all(calls).await {
        let error = outcome.expect_err(name);
        assert!(error.starts_with("remote error -32000"), "{name}: {error}");
    }
}

#[tokio::test]
async fn a_dry_run_shows_what_would_be_sent_and_sends_nothing() {
    let cloud = Cloud::start().await;
    let key = cloud.key("admin").await;
    let tools = listed(&cloud, &key).await;
    let dry: Vec<&Value> =
        tools.iter().filter(|tool| !tool["inputSchema"]["properties"]["dry_run"].is_null()).collect();
    assert!(dry.len() >= 15, "{}", dry.len());
    for (name, mut arguments) in calls() {
        if !dry.iter().any(|tool| tool["name"] == name) {
            continue;
        }
        arguments["dry_run"] = json!(true);
        if name == "update_secret" {
            arguments["secret_name"] = json!("admin");
        }
        let text = cloud.agent_call(&key, name, arguments).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(text.starts_with("Nothing was sent. This would be:\napollo."), "{name}: {text}");
        assert!(!text.contains("canary"), "{name}: {text}");
    }
    for change in ["createApolloEnvironment", "deleteEnvironment", "createSecret", "updateSecret", "uninstallEntity"] {
        assert_eq!(cloud.apollo.executed(change), 0, "{change}");
    }
    assert_eq!(
        cloud.agent_call(&key, "list_environments", json!({ "search": "cube-9" })).await.unwrap().trim(),
        "No environment fits."
    );
    for (tool, arguments) in [
        ("list_products", json!({ "dry_run": true })),
        ("create_environment", json!({ "name": "x", "dry_run": "yes" })),
        ("replicate_environment", json!({ "source": "cube-7", "target": "x", "dry_run": true })),
    ] {
        let error = cloud.agent_call(&key, tool, arguments).await.unwrap_err();
        assert!(error.starts_with("remote error -32602"), "{tool}: {error}");
    }
    assert_eq!(
        cloud
            .agent_call(&cloud.key("readers").await, "create_environment", json!({ "name": "x", "dry_run": true }))
            .await
            .unwrap_err(),
        "403"
    );
}

/// The process of a program that never ends by itself, once it runs.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn who_goes_away_stops_the_work() {
    use tokio::io::AsyncWriteExt as _;
    let cloud = Cloud::start().await;
    let key = cloud.key("admin").await;
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "kubectl_exec", "arguments": { "cluster": "cube-7", "command": "get events" } } });
    let body = body.to_string();
    let mut stream = tokio::net::TcpStream::connect(cloud.address).await.unwrap();
    let head = format!(
        "POST /mcp/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let process = loop {
        let written = std::fs::read_to_string(cloud.dir().join("running")).unwrap_or_default();
        match written.trim().parse::<u32>() {
            Ok(process) => break std::path::PathBuf::from(format!("/proc/{process}/cmdline")),
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    };
    assert!(!std::fs::read(&process).unwrap().is_empty());
    drop(stream);
    let gone = std::time::Instant::now();
    // A process that ended and was not waited for has no command line any more.
    while std::fs::read(&process).is_ok_and(|line| !line.is_empty()) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(gone.elapsed() < std::time::Duration::from_secs(45), "it was its own limit of 60 s that ended it");
}
