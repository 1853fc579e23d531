//! Who may call what, and in which order the checks come.

use cube_sdk_server::local::World;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{ARTIFACTS, Client, GRANTS, bucket, uri, with_role, world};

fn grant_path() -> String {
    format!("{GRANTS}/00000000-0000-4000-8000-000000000000/rotate-external-id")
}

/// Every BYO call but setup-info, with the least role that may make it and a body that passes.
fn byo_calls(world: &World) -> Vec<(Method, String, Option<Value>, &'static str)> {
    let role = &world.card().aws.role_arn;
    vec![
        (Method::POST, GRANTS.into(), Some(bucket(world)), "owner"),
        (Method::POST, GRANTS.into(), Some(with_role(world, role)), "owner"),
        (Method::GET, GRANTS.into(), None, "admin"),
        (Method::POST, format!("{GRANTS}/verify"), None, "admin"),
        (Method::POST, format!("{GRANTS}/attach-role"), Some(json!({ "role_arn": role })), "owner"),
        (Method::POST, grant_path(), None, "owner"),
        (Method::DELETE, GRANTS.into(), None, "owner"),
        (Method::POST, ARTIFACTS.into(), Some(uri(world, "k")), "admin"),
        (Method::GET, "/byo-storage/audit".into(), None, "admin"),
    ]
}

#[tokio::test]
async fn every_byo_call_asks_key_workspace_plan_and_role_in_this_order() {
    let world = world().await.start().await.unwrap();
    let stranger_workspace = "00000000-0000-4000-8000-000000000001".to_owned();
    for (method, path, body, role) in byo_calls(&world) {
        let call = async |client: Client| client.call(method.clone(), &path, body.clone()).await;
        let at = format!("{method} {path}");
        assert_eq!(call(Client::free(&world).without_key()).await.0, 401, "{at}");
        let wrong = "egk_live_0000000000000000000000000000000000000000000000000000000000000000".to_owned().into();
        assert_eq!(call(Client::with(&world, &wrong)).await.0, 401, "{at}");
        let unknown = Client::owner(&world).inside(&stranger_workspace);
        assert_eq!(call(unknown).await.0, 404, "{at}");
        // A member of one workspace sees no other: 404, and not the 402 of its plan.
        let elsewhere = Client::admin(&world).inside(&world.card().edgegate.free_workspace);
        assert_eq!(call(elsewhere).await.0, 404, "{at}");
        let (status, refusal) = call(Client::free(&world)).await;
        assert_eq!(status, 402, "{at}");
        assert!(refusal["detail"].as_str().unwrap().contains("/enterprise"), "{refusal}");
        assert_eq!(call(Client::viewer(&world)).await.0, 403, "{at}");
        if role == "owner" {
            assert_eq!(call(Client::admin(&world)).await.0, 403, "{at}");
        }
    }
}

#[tokio::test]
async fn plan_and_role_are_refused_before_the_body_is_looked_at() {
    let world = world().await.start().await.unwrap();
    let bad = Some("{".to_owned());
    let path = |workspace: &str| format!("/v1/workspaces/{workspace}{GRANTS}");
    let free = Client::free(&world);
    assert_eq!(free.raw(Method::POST, &path(&free.workspace), bad.clone()).await.0, 402);
    let viewer = Client::viewer(&world);
    assert_eq!(viewer.raw(Method::POST, &path(&viewer.workspace), bad.clone()).await.0, 403);
    let owner = Client::owner(&world);
    assert_eq!(owner.raw(Method::POST, &path(&owner.workspace), bad).await.0, 422);
    // And the body before the state.
    owner.pending(&world).await;
    assert_eq!(owner.post(GRANTS, json!({ "bucket": "ab", "region": "eu-central-1" })).await.0, 422);
    assert_eq!(owner.post(GRANTS, bucket(&world)).await.0, 409);
}

#[tokio::test]
async fn setup_info_answers_on_every_plan() {
    let world = world().await.start().await.unwrap();
    for client in [Client::free(&world), Client::owner(&world), Client::admin(&world)] {
        let (status, info) = client.get("/byo-storage/setup-info").await;
        assert_eq!(status, 200);
        assert_eq!(info["edgegate_principal_arn"], world.card().aws.principal_arn);
        assert_eq!(info["edgegate_aws_account_id"], world.card().aws.edgegate_account_id);
        assert!(info["setup_info_warning"].is_null());
        assert!(
            info["cloudformation_template_yaml"]
                .as_str()
                .unwrap()
                .starts_with("AWSTemplateFormatVersion: \"2010-09-09\"")
        );
    }
    assert_eq!(Client::viewer(&world).get("/byo-storage/setup-info").await.0, 403);
    assert_eq!(Client::owner(&world).without_key().get("/byo-storage/setup-info").await.0, 401);
}

#[tokio::test]
async fn viewers_read_and_never_write() {
    let world = world().await.start().await.unwrap();
    let viewer = Client::viewer(&world);
    for path in ["", "/pipelines", "/promptpacks", "/runs"] {
        assert_eq!(viewer.get(path).await.0, 200, "{path}");
    }
    for path in ["/pipelines", "/promptpacks", "/runs"] {
        assert_eq!(viewer.post(path, json!({})).await.0, 403, "{path}");
    }
    let id = "00000000-0000-4000-8000-000000000000";
    assert_eq!(viewer.delete(&format!("/artifacts/{id}")).await.0, 403);
    assert_eq!(viewer.post_empty(&format!("/runs/{id}/cancel")).await.0, 403);
    assert_eq!(viewer.get("/api-keys").await.0, 403);
}

#[tokio::test]
async fn workspaces_are_a_bare_list_of_the_callers_own() {
    let world = world().await.start().await.unwrap();
    let (_, list) = Client::owner(&world).raw(Method::GET, "/v1/workspaces", None).await;
    let plans: Vec<_> = list.as_array().unwrap().iter().map(|one| one["plan"].as_str().unwrap()).collect();
    assert_eq!(plans, ["enterprise", "free"]);
    let (_, list) = Client::viewer(&world).raw(Method::GET, "/v1/workspaces", None).await;
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(Client::owner(&world).without_key().raw(Method::GET, "/v1/workspaces", None).await.0, 401);
}

#[tokio::test]
async fn what_is_not_served_says_so() {
    let world = world().await.start().await.unwrap();
    let owner = Client::owner(&world);
    for (method, path) in [
        (Method::GET, "/"),
        (Method::GET, "/v1/aihub/devices"),
        (Method::POST, "/v1/workspaces"),
        (Method::PUT, "/v1/_contracts"),
    ] {
        let (status, body) = owner.raw(method, path, None).await;
        assert_eq!((status, &body["detail"]), (404, &json!("not served by this server")), "{path}");
    }
    for path in ["/members", "/integrations/qaihub", "/runs/x/diff", "/nothing"] {
        assert_eq!(owner.get(path).await, (404, json!({ "detail": "not served by this server" })), "{path}");
    }
    assert_eq!(owner.call(Method::PATCH, GRANTS, None).await.0, 404);
}
