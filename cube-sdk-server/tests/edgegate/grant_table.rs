//! What each call answers in each state of the grant: the published table, over HTTP.

use cube_sdk_server::local::World;
use serde_json::{Value, json};

use crate::support::{ARTIFACTS, Client, GRANTS, bucket, uri, with_role, world};

#[derive(Clone, Copy, Debug)]
enum State {
    None,
    PendingRole,
    Active,
    Failed,
    Revoked,
}

const STATES: [State; 5] = [State::None, State::PendingRole, State::Active, State::Failed, State::Revoked];

/// Brings a workspace without a grant into a state; the grant's id, if there is one.
async fn bring(client: &Client, world: &World, state: State) -> Option<String> {
    let card = &world.card().aws;
    let body = match state {
        State::None => return None,
        State::PendingRole => bucket(world),
        State::Active | State::Revoked => with_role(world, &card.role_arn),
        State::Failed => with_role(world, &card.bad_role_arn),
    };
    let (status, grant) = client.post(GRANTS, body).await;
    assert_eq!(status, 201, "{state:?}");
    if matches!(state, State::Revoked) {
        assert_eq!(client.delete(GRANTS).await.0, 204);
    }
    grant["id"].as_str().map(str::to_owned)
}

/// Ends whatever grant there is.
async fn clear(client: &Client) {
    client.delete(GRANTS).await;
}

async fn check(what: &str, wanted: [u16; 5], call: impl AsyncFn(&Client, &World, &str) -> (u16, Value)) {
    let world = world().await.start().await.unwrap();
    let client = Client::owner(&world);
    for (state, wanted) in STATES.into_iter().zip(wanted) {
        let id = bring(&client, &world, state).await;
        let id = id.as_deref().unwrap_or("00000000-0000-4000-8000-000000000000");
        let (status, body) = call(&client, &world, id).await;
        assert_eq!(status, wanted, "{what} in {state:?}: {body}");
        clear(&client).await;
    }
}

#[tokio::test]
async fn post_grants_with_a_role() {
    check("POST with role", [201, 409, 409, 409, 201], async |client, world, _| {
        client.post(GRANTS, with_role(world, &world.card().aws.role_arn)).await
    })
    .await;
}

#[tokio::test]
async fn post_grants_without_a_role() {
    check("POST without role", [201, 409, 409, 409, 201], async |client, world, _| {
        client.post(GRANTS, bucket(world)).await
    })
    .await;
}

#[tokio::test]
async fn get_grants() {
    check("GET", [404, 200, 200, 200, 404], async |client, _, _| client.get(GRANTS).await).await;
}

#[tokio::test]
async fn verify() {
    check("verify", [404, 200, 200, 200, 404], async |client, _, _| {
        client.post_empty(&format!("{GRANTS}/verify")).await
    })
    .await;
}

#[tokio::test]
async fn attach_role() {
    check("attach-role", [404, 200, 409, 200, 404], async |client, world, _| {
        let body = json!({ "role_arn": world.card().aws.role_arn });
        client.post(&format!("{GRANTS}/attach-role"), body).await
    })
    .await;
}

#[tokio::test]
async fn rotate() {
    check("rotate", [404, 200, 200, 200, 404], async |client, _, id| {
        client.post_empty(&format!("{GRANTS}/{id}/rotate-external-id")).await
    })
    .await;
}

#[tokio::test]
async fn delete() {
    check("DELETE", [404, 204, 204, 204, 404], async |client, _, _| client.delete(GRANTS).await).await;
}

#[tokio::test]
async fn register() {
    check("artifacts/byo", [400, 400, 201, 400, 400], async |client, world, _| {
        let reply = client.post(ARTIFACTS, uri(world, &world.card().aws.object_key)).await;
        if let Some(id) = reply.1["id"].as_str() {
            client.delete(&format!("/artifacts/{id}")).await;
        }
        reply
    })
    .await;
}

#[tokio::test]
async fn audit_and_setup_info_answer_in_every_state() {
    check("audit", [200; 5], async |client, _, _| client.get("/byo-storage/audit").await).await;
    check("setup-info", [200; 5], async |client, _, _| client.get("/byo-storage/setup-info").await).await;
}

#[tokio::test]
async fn a_run_is_accepted_in_every_state_and_its_cells_tell() {
    let world = world().await.start().await.unwrap();
    let client = Client::owner(&world);
    client.active(&world).await;
    let artifact = client.registered(&world).await;
    // The pointer goes, so that the grant may; a run may still name it.
    assert_eq!(client.delete(&format!("/artifacts/{artifact}")).await.0, 204);
    clear(&client).await;
    for (state, code) in STATES.into_iter().zip([
        Some("BYO_NO_GRANT"),
        Some("BYO_NO_GRANT"),
        None,
        Some("BYO_ASSUME_ROLE_FAILED"),
        Some("BYO_NO_GRANT"),
    ]) {
        bring(&client, &world, state).await;
        let run = client.triggered(&world, &artifact).await;
        let detail = client.ended(&run).await;
        assert_eq!(detail["error_code"], json!(code), "{state:?}: {detail}");
        assert_eq!(detail["status"], if code.is_some() { "failed" } else { "passed" }, "{state:?}");
        clear(&client).await;
    }
}
