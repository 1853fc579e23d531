//! What the published agent depends on, byte for byte.

use serde_json::{Value, json};

use crate::support::{Cloud, http, last_message};

#[tokio::test]
async fn a_bare_call_without_handshake_is_answered_in_json_and_without_a_redirection() {
    let cloud = Cloud::start().await;
    let key = cloud.key("admin").await;
    let text = cloud.agent_call(&key, "list_environments", json!({ "search": "cube-7" })).await.unwrap();
    assert!(text.starts_with("cube-7  id "), "{text}");
    assert_eq!(
        cloud.agent_call(&key, "list_environments", json!({ "search": "__ping__" })).await.unwrap().trim(),
        "No environment fits."
    );
    let body =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "app_list", "arguments": {} } });
    let response = cloud.post(&key, &body, &[]).await;
    assert!(response.headers()["content-type"].to_str().unwrap().contains("application/json"));
    let message: Value = response.json().await.unwrap();
    assert_eq!((&message["jsonrpc"], &message["id"]), (&json!("2.0"), &json!(1)));
    assert_eq!(message["result"]["content"][0]["type"], "text");
}

#[tokio::test]
async fn in_an_event_stream_the_answer_is_the_last_event_on_one_line() {
    let cloud = Cloud::start().await;
    let key = cloud.key("admin").await;
    let params = json!({ "name": "compare_product_versions", "_meta": { "progressToken": "p" },
        "arguments": { "product_id": "com.example:mosquitto", "environments": "cube-7, cube-8" } });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let response = cloud.post(&key, &body, &[]).await;
    assert!(response.headers()["content-type"].to_str().unwrap().contains("text/event-stream"));
    let text = response.text().await.unwrap();
    let data: Vec<Value> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter_map(|json| serde_json::from_str(json).ok())
        .collect();
    let (last, before) = data.split_last().unwrap();
    assert!(last["id"] == 1 && (last.get("result").is_some() || last.get("error").is_some()), "{text}");
    assert!(before.iter().any(|event| event["method"] == "notifications/progress"), "{text}");
}

#[tokio::test]
async fn keys_are_taken_from_the_authorization_header_only() {
    let cloud = Cloud::start().await;
    let key = cloud.key("admin").await;
    for bad in ["", "x", &format!("cube_{}", "A".repeat(43)), &key[..47], &format!("{key}x")] {
        assert_eq!(cloud.agent_call(bad, "app_list", json!({})).await.unwrap_err(), "401", "{bad}");
    }
    let url = format!("{}/mcp/", cloud.url);
    let body =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "app_list" } }).to_string();
    for (name, value) in [
        ("cookie", format!("cube_session={key}")),
        ("x-api-key", key.clone()),
        ("authorization", format!("Basic {key}")),
    ] {
        let response =
            http().post(&url).header(name, value).header("content-type", "application/json").body(body.clone());
        let response = response.send().await.unwrap();
        assert_eq!(response.status(), 401, "{name}");
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
    }
    let at = format!("{url}?token={key}");
    assert_eq!(
        http().post(at).header("content-type", "application/json").body(body).send().await.unwrap().status(),
        401
    );
}

#[tokio::test]
async fn a_refused_tool_is_a_403_and_an_unknown_or_misused_one_an_error_of_the_protocol() {
    let cloud = Cloud::start().await;
    let (reader, bare, narrow) = (cloud.key("readers").await, cloud.key("bare").await, cloud.key("narrow").await);
    let create = json!({ "name": "cube-9" });
    assert_eq!(cloud.agent_call(&reader, "create_environment", create.clone()).await.unwrap_err(), "403");
    assert_eq!(
        cloud.agent_call(&bare, "list_environments", json!({})).await.unwrap_err(),
        "403",
        "never another's credentials"
    );
    assert_eq!(cloud.agent_call(&narrow, "list_environments", json!({})).await.unwrap_err(), "403");
    assert!(cloud.agent_call(&narrow, "list_products", json!({})).await.is_ok());
    assert_eq!(cloud.apollo.executed("createApolloEnvironment"), 0);
    let unknown = cloud.agent_call(&reader, "no_such_tool", json!({})).await.unwrap_err();
    assert!(unknown.starts_with("remote error -32602: no tool `no_such_tool`"), "{unknown}");
    let missing = cloud.agent_call(&reader, "entity_health", json!({})).await.unwrap_err();
    assert!(missing.starts_with("remote error -32602") && missing.contains("environment"), "{missing}");
    let wrong = cloud.agent_call(&reader, "list_products", json!({ "page_size": "many" })).await.unwrap_err();
    assert!(wrong.starts_with("remote error -32602"), "{wrong}");
}

#[tokio::test]
async fn the_second_word_for_a_tool_in_one_message_does_not_get_past_the_gate() {
    let cloud = Cloud::start().await;
    let reader = cloud.key("readers").await;
    for body in [
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"app_list","name":"create_environment","arguments":{"name":"x"}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"create_environment","name":"app_list","arguments":{"name":"x"}}}"#,
        r#"[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"create_environment","arguments":{"name":"x"}}}]"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"create_environment","arguments":{"name":"x"}}}"#,
    ] {
        let request = http()
            .post(format!("{}/mcp/", cloud.url))
            .bearer_auth(&reader)
            .header("content-type", "application/json")
            .body(body)
            .send();
        let reply = request.await.unwrap().text().await.unwrap();
        assert!(!reply.contains("was made"), "{reply}");
    }
    assert_eq!(cloud.apollo.executed("createApolloEnvironment"), 0);
}

#[tokio::test]
async fn a_failure_of_the_tool_is_an_error_for_old_clients_and_is_error_for_others() {
    let cloud = Cloud::start().await;
    let key = cloud.key("admin").await;
    let arguments = json!({ "environment": "no-such-cube" });
    let old = cloud.agent_call(&key, "list_modules", arguments.clone()).await.unwrap_err();
    assert!(old.starts_with("remote error -32000") && old.contains("no-such-cube"), "{old}");
    let new = cloud.mcp(&key, "tools/call", json!({ "name": "list_modules", "arguments": arguments })).await;
    assert_eq!(new["result"]["isError"], true, "{new}");
}

#[tokio::test]
async fn a_client_of_the_protocol_initializes_lists_and_calls() {
    let cloud = Cloud::start().await;
    let key = cloud.key("readers").await;
    let hello =
        json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
    let body = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello });
    let message = last_message(cloud.post(&key, &body, &[]).await).await;
    assert_eq!(message["result"]["serverInfo"]["name"], "cube-cloud", "{message}");
    let listed = cloud.mcp(&key, "tools/list", json!({})).await;
    let tools = listed["result"]["tools"].as_array().unwrap();
    let named = |name: &str| tools.iter().find(|tool| tool["name"] == name);
    assert!(named("create_environment").is_none(), "a read-only profile is shown what it may call");
    let health = named("entity_health").unwrap();
    assert_eq!(health["annotations"]["readOnlyHint"], true);
    assert_eq!(health["inputSchema"]["required"], json!(["environment"]));
    assert_eq!(health["outputSchema"]["type"], "object");
}

#[tokio::test]
async fn a_page_of_another_origin_may_not_call() {
    let cloud = Cloud::start().await;
    let key = cloud.key("admin").await;
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    for (origin, status) in [("https://evil.example", 403), ("null", 403), (cloud.url.as_str(), 200)] {
        assert_eq!(cloud.post(&key, &body, &[("origin", origin)]).await.status(), status, "{origin}");
    }
}
