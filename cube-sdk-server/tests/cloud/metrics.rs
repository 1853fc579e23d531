//! What is counted, and how much of it a stranger can make.

use cube_sdk_server::listener::Listener;
use serde_json::json;

use crate::login::{Browser, ID, poll};
use crate::support::{Cloud, PASSWORD, http};

/// The value of a line of the text format that starts so; 0 when there is none.
fn value(text: &str, line: &str) -> f64 {
    let found = text.lines().find_map(|it| it.strip_prefix(line));
    found.map_or(0.0, |rest| rest.trim().parse().unwrap())
}

#[tokio::test]
async fn calls_logins_keys_and_tunnels_are_counted_with_labels_that_no_stranger_makes() {
    let cloud = Cloud::start().await;
    let served = Listener::bind(([127, 0, 0, 1], 0).into(), cloud.metrics.router()).await.unwrap();
    let seen = async || http().get(format!("{}/metrics", served.url())).send().await.unwrap().text().await.unwrap();
    cloud.user("ann", &["readers"]).await;
    let key = cloud.key("readers").await;
    cloud.agent_call(&key, "app_list", json!({})).await.unwrap();
    cloud.agent_call(&key, "create_environment", json!({ "name": "x" })).await.unwrap_err();
    cloud.agent_call(&key, "entity_health", json!({})).await.unwrap_err();
    cloud.agent_call(&key, "list_modules", json!({ "environment": "no-such-cube" })).await.unwrap_err();
    cloud.agent_call("nonsense", "app_list", json!({})).await.unwrap_err();
    cloud.agent_call(&format!("cube_{}", "A".repeat(43)), "app_list", json!({})).await.unwrap_err();
    let mut browser = Browser::default();
    browser.sign_in(&cloud, ID, "ann", "wrong password").await;
    browser.sign_in(&cloud, ID, "ann", PASSWORD).await;
    browser.decide(&cloud, ID, "allow").await;
    poll(&cloud, ID).await;
    for number in 0..50 {
        let path = format!("{}/no/such/path-{number}", cloud.url);
        http().request(format!("VERB{number}").parse().unwrap(), path).send().await.unwrap();
        cloud.agent_call(&key, &format!("tool-{number}"), json!({})).await.unwrap_err();
    }
    let text = seen().await;
    for (line, expected) in [
        ("cube_tool_calls_total{tool=\"app_list\",outcome=\"ok\"}", 1.0),
        ("cube_tool_calls_total{tool=\"create_environment\",outcome=\"not_permitted\"}", 1.0),
        ("cube_tool_calls_total{tool=\"entity_health\",outcome=\"refused\"}", 1.0),
        ("cube_tool_calls_total{tool=\"list_modules\",outcome=\"failed\"}", 1.0),
        ("cube_tool_seconds_count{tool=\"app_list\"}", 1.0),
        ("cube_logins_total{outcome=\"wrong_password\"}", 1.0),
        ("cube_logins_total{outcome=\"signed_in\"}", 1.0),
        ("cube_logins_total{outcome=\"allowed\"}", 1.0),
        ("cube_logins_total{outcome=\"key_given\"}", 1.0),
        ("cube_key_lookups_total{outcome=\"malformed\"}", 1.0),
        ("cube_key_lookups_total{outcome=\"refused\"}", 1.0),
        ("cube_tunnels_open", 0.0),
        ("cube_tunnel_sent_bytes_total", 0.0),
    ] {
        assert!(text.contains(line), "{line}: {text}");
        assert_eq!(value(&text, line), expected, "{line}: {text}");
    }
    assert_eq!(
        value(&text, "cube_http_requests_total{route=\"other\",method=\"other\",status=\"404\"}"),
        50.0,
        "{text}"
    );
    for made_up in ["VERB", "path-", "tool-", "no-such-cube", "ann", &key, ID] {
        assert!(!text.contains(made_up), "{made_up}: {text}");
    }
    assert!(text.ends_with("# EOF\n"));
    let public = http().get(format!("{}/metrics", cloud.url)).send().await.unwrap();
    assert_eq!(public.status(), 404, "not on the public port");
}
