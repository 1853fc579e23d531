//! A plain JSON client: it knows no type of the server.

use std::time::Duration;

use cube_sdk_core::SecretString;
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_server::local::{World, WorldBuilder};
use reqwest::Method;
use serde_json::{Value, json};

thread_local! {
    /// One per test, because each test has a thread and a runtime of its own.
    static HTTP: reqwest::Client = reqwest::Client::builder().no_proxy().build().unwrap();
}

pub fn http() -> reqwest::Client {
    HTTP.with(reqwest::Client::clone)
}

/// A world still to be started; its EdgeGate keeps its rows in PostgreSQL where [`on_postgres`](crate::on_postgres) says.
#[allow(clippy::unused_async)]
pub async fn world() -> WorldBuilder {
    #[cfg(feature = "postgres")]
    if let Some(store) = crate::on_postgres::fresh().await {
        return World::builder().edgegate_store(store);
    }
    World::builder()
}

/// A status and the body; null when it is empty.
pub type Reply = (u16, Value);

pub struct Client {
    http: reqwest::Client,
    base: String,
    key: Option<String>,
    pub workspace: String,
}

impl Client {
    pub fn owner(world: &World) -> Self {
        Self::with(world, &world.card().edgegate.api_key)
    }

    pub fn admin(world: &World) -> Self {
        Self::with(world, &world.card().edgegate.admin_api_key)
    }

    pub fn viewer(world: &World) -> Self {
        Self::with(world, &world.card().edgegate.viewer_api_key)
    }

    pub fn free(world: &World) -> Self {
        Self { workspace: world.card().edgegate.free_workspace.clone(), ..Self::owner(world) }
    }

    pub fn with(world: &World, key: &SecretString) -> Self {
        let card = &world.card().edgegate;
        Self {
            http: http(),
            base: card.url.clone(),
            key: Some(key.expose_secret().to_owned()),
            workspace: card.workspace.clone(),
        }
    }

    pub fn inside(mut self, workspace: &str) -> Self {
        self.workspace = workspace.to_owned();
        self
    }

    pub fn without_key(mut self) -> Self {
        self.key = None;
        self
    }

    /// Sends to `/v1/workspaces/{ws}` + path.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        self.raw(method, &format!("/v1/workspaces/{}{path}", self.workspace), body.map(|body| body.to_string())).await
    }

    pub async fn raw(&self, method: Method, path: &str, body: Option<String>) -> Reply {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        assert!(response.headers().contains_key("x-request-id"));
        if status == 401 {
            assert_eq!(response.headers()["www-authenticate"], "Bearer");
        }
        let bytes = response.bytes().await.unwrap();
        if status == 204 {
            assert!(bytes.is_empty(), "204 has no body");
        }
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        if status >= 400 {
            assert!(body["detail"].is_string(), "detail is always a string: {status} {body}");
        }
        (status, body)
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.call(Method::POST, path, Some(body)).await
    }

    pub async fn post_empty(&self, path: &str) -> Reply {
        self.call(Method::POST, path, None).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.call(Method::DELETE, path, None).await
    }

    /// A pending grant for the world's bucket.
    pub async fn pending(&self, world: &World) -> Value {
        let (status, grant) = self.post(GRANTS, bucket(world)).await;
        assert_eq!(status, 201, "{grant}");
        grant
    }

    /// An active grant with the role that admits any External ID.
    pub async fn active(&self, world: &World) -> Value {
        let (status, grant) = self.post(GRANTS, with_role(world, &world.card().aws.role_arn)).await;
        assert_eq!((status, &grant["status"]), (201, &json!("active")), "{grant}");
        grant
    }

    /// The world's model as an artifact; its id.
    pub async fn registered(&self, world: &World) -> String {
        let card = &world.card().aws;
        let body = json!({ "s3_uri": format!("s3://{}/{}", card.bucket, card.object_key),
            "expected_sha256": card.object_sha256, "original_filename": "projection.onnx" });
        let (status, artifact) = self.post(ARTIFACTS, body).await;
        assert_eq!(status, 201, "{artifact}");
        artifact["id"].as_str().unwrap().to_owned()
    }

    /// Triggers the world's pipeline with a model; the run's id.
    pub async fn triggered(&self, world: &World, artifact: &str) -> String {
        let body = json!({ "pipeline_id": world.card().edgegate.pipeline, "trigger": "manual", "model_artifact_id": artifact });
        let (status, run) = self.post("/runs", body).await;
        assert_eq!(status, 202, "{run}");
        run["id"].as_str().unwrap().to_owned()
    }

    /// Waits until a run has ended.
    pub async fn ended(&self, run: &str) -> Value {
        for _ in 0..1200 {
            let (_, detail) = self.get(&format!("/runs/{run}")).await;
            if !detail["completed_at"].is_null() {
                return detail;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("run {run} did not end");
    }

    /// Every audit row that matches, newest first.
    pub async fn audit(&self, query: &str) -> Vec<Value> {
        let (status, page) = self.get(&format!("/byo-storage/audit?limit=500{query}")).await;
        assert_eq!(status, 200, "{page}");
        assert!(page["next_cursor"].is_null());
        page["entries"].as_array().unwrap().clone()
    }
}

pub const GRANTS: &str = "/byo-storage/grants";
pub const ARTIFACTS: &str = "/artifacts/byo";

/// The body of a grant without role.
pub fn bucket(world: &World) -> Value {
    let card = &world.card().aws;
    json!({ "bucket": card.bucket, "region": card.region })
}

pub fn with_role(world: &World, role: &str) -> Value {
    let mut body = bucket(world);
    body["role_arn"] = json!(role);
    body
}

pub fn uri(world: &World, key: &str) -> Value {
    json!({ "s3_uri": format!("s3://{}/{key}", world.card().aws.bucket) })
}
