//! Keys over HTTP.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Cloud, http};

async fn ask(cloud: &Cloud, key: &str, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let mut request = http().request(method, format!("{}{path}", cloud.url)).bearer_auth(key);
    if let Some(body) = body {
        request = request.body(body.to_string());
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

#[tokio::test]
async fn only_profiles_that_administer_see_make_and_revoke_keys() {
    let cloud = Cloud::start().await;
    let (admin, reader) = (cloud.key("admin").await, cloud.key("readers").await);
    let new = json!({ "owner": "CI-bot", "groups": ["readers"], "label": "nightly", "days": 7 });
    for (method, path) in [
        (Method::GET, "/admin/keys"),
        (Method::POST, "/admin/keys"),
        (Method::DELETE, "/admin/keys?owner=ci-bot"),
        (Method::DELETE, "/admin/keys/00000000-0000-4000-8000-000000000000"),
    ] {
        assert_eq!(ask(&cloud, &reader, method.clone(), path, Some(new.clone())).await.0, 403, "{method} {path}");
        assert_eq!(ask(&cloud, "x", method.clone(), path, Some(new.clone())).await.0, 401, "{method} {path}");
    }
    let (status, made) = ask(&cloud, &admin, Method::POST, "/admin/keys", Some(new)).await;
    assert_eq!(status, 201, "{made}");
    let key = made["api_key"].as_str().unwrap().to_owned();
    assert!(cloud.agent_call(&key, "app_list", json!({})).await.is_ok());
    let (_, list) = ask(&cloud, &admin, Method::GET, "/admin/keys?owner=ci-bot", None).await;
    assert_eq!(list.as_array().unwrap().len(), 1);
    let row = &list[0];
    assert_eq!(
        (&row["owner"], &row["profile"], &row["prefix"]),
        (&json!("ci-bot"), &json!("reader"), &json!(key[..10]))
    );
    assert!(row["last_used_at"].is_string() && row["expires_at"].is_string() && !list.to_string().contains(&key));
    let path = format!("/admin/keys/{}", made["id"].as_str().unwrap());
    assert_eq!(ask(&cloud, &admin, Method::DELETE, &path, None).await.0, 204);
    assert_eq!(ask(&cloud, &admin, Method::DELETE, &path, None).await.0, 404, "once for good");
    let until_refused = async {
        while cloud.agent_call(&key, "app_list", json!({})).await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), until_refused).await.unwrap();
    for bad in [json!({}), json!({ "owner": "a b", "groups": ["readers"] }), json!({ "owner": "x", "groups": [" y"] })]
    {
        assert_eq!(ask(&cloud, &admin, Method::POST, "/admin/keys", Some(bad.clone())).await.0, 422, "{bad}");
    }
    assert_eq!(ask(&cloud, &admin, Method::POST, "/admin/keys", Some(json!({ "owner": "nobody" }))).await.0, 404);
    let other = json!({ "owner": "ci-bot", "groups": ["admin"] });
    assert_eq!(ask(&cloud, &admin, Method::POST, "/admin/keys", Some(other)).await.0, 409, "no quiet change of groups");
}
