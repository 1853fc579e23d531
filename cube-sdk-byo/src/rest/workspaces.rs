//! Workspaces: the ones a key can see, and the way into one.

use cube_sdk_core::names::taken;
use cube_sdk_core::{Error, Result, open_enum};
use http::Method;
use serde::{Deserialize, Serialize};

use super::api::{Api, InWorkspace};
use super::api_keys::ApiKeys;
use super::artifacts::Artifacts;
use super::grants::Byo;
use super::operations::{GET_WORKSPACE, LIST_WORKSPACES};
use super::pipelines::Pipelines;
use super::runs::Runs;
use crate::ids::{UserId, WorkspaceId};

open_enum! {
    /// What a workspace's owner pays for. BYO storage needs [`Plan::Enterprise`].
    pub enum Plan {
        /// Free of charge.
        Free = "free",
        /// Pro: API keys among others.
        Pro = "pro",
        /// Team.
        Team = "team",
        /// Enterprise: BYO storage among others.
        Enterprise = "enterprise",
    }
}

/// A workspace.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Workspace {
    /// Its id.
    pub id: WorkspaceId,
    /// Its name.
    #[serde(default, deserialize_with = "super::tolerant::null_as_default")]
    pub name: String,
    /// Who owns it.
    #[serde(default)]
    pub owner_id: Option<UserId>,
    /// Its plan; none when EdgeGate does not tell.
    #[serde(default)]
    pub plan: Option<Plan>,
}

/// The workspaces that the key can see.
///
/// ```
/// use cube_sdk_byo::EdgeGate;
/// use cube_sdk_byo::rest::Plan;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// # let server = wiremock::MockServer::start().await;
/// # let answer = wiremock::ResponseTemplate::new(200);
/// # let reply = serde_json::json!([{"id": "0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11", "name": "acme",
/// #     "plan": "enterprise"}]);
/// # let answer = answer.set_body_json(reply);
/// # let asked = wiremock::matchers::path_regex("/v1/workspaces$");
/// # wiremock::Mock::given(wiremock::matchers::method("GET")).and(asked).respond_with(answer).mount(&server).await;
/// # let url = server.uri();
/// let edgegate = EdgeGate::builder().base_url(url).api_key("egk_live_example".into()).build()?;
/// for workspace in edgegate.workspaces().list().await? {
///     assert_eq!((workspace.name.as_str(), workspace.plan), ("acme", Some(Plan::Enterprise)));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Workspaces {
    api: Api,
}

impl Workspaces {
    pub(crate) fn new(api: Api) -> Self {
        Self { api }
    }

    /// All of them, in the server's order.
    ///
    /// `GET /v1/workspaces`.
    ///
    /// # Errors
    /// Those of any read: see the [module](crate::rest).
    pub async fn list(&self) -> Result<Vec<Workspace>> {
        let call = self.api.call(LIST_WORKSPACES, Method::GET, &["v1", "workspaces"]);
        self.api.json(&call).await
    }

    /// One of them.
    ///
    /// `GET /v1/workspaces/{ws}`.
    ///
    /// # Errors
    /// `NotFound` when there is no such workspace, or when it is hidden from this key.
    pub async fn get(&self, id: impl TryInto<WorkspaceId, Error: Into<Error>>) -> Result<Workspace> {
        let id = taken(id)?;
        let call = self.api.call(GET_WORKSPACE, Method::GET, &["v1", "workspaces", &id.to_string()]);
        self.api.json(&call).await
    }
}

/// One workspace: the way to everything inside it. Making it sends nothing.
///
/// ```
/// use cube_sdk_byo::EdgeGate;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// # let server = wiremock::MockServer::start().await;
/// # let answer = wiremock::ResponseTemplate::new(200);
/// # let reply = serde_json::json!({"id": "0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11", "name": "acme",
/// #     "plan": "enterprise"});
/// # let answer = answer.set_body_json(reply);
/// # let asked = wiremock::matchers::path_regex("/v1/workspaces/[^/]*$");
/// # wiremock::Mock::given(wiremock::matchers::method("GET")).and(asked).respond_with(answer).mount(&server).await;
/// # let answer = wiremock::ResponseTemplate::new(200);
/// # let reply = serde_json::json!([{"id": "3d0e3d4c-6c0e-4b60-8f5e-9c61e0b5a7d2", "name": "gate", "device_count": 1,
/// #     "gate_count": 1, "cell_count": 1, "created_at": "2026-07-01T07:00:00Z",
/// #     "updated_at": "2026-07-01T07:00:00Z"}]);
/// # let answer = answer.set_body_json(reply);
/// # let asked = wiremock::matchers::path_regex("/pipelines$");
/// # wiremock::Mock::given(wiremock::matchers::method("GET")).and(asked).respond_with(answer).mount(&server).await;
/// # let url = server.uri();
/// let edgegate = EdgeGate::builder().base_url(url).api_key("egk_live_example".into()).build()?;
/// let workspace = edgegate.workspace("0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11");
/// assert_eq!(workspace.get().await?.name, "acme");
/// assert_eq!(workspace.pipelines().list().await?.len(), 1); // byo(), artifacts(), runs(), api_keys() likewise
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct WorkspaceScope(InWorkspace);

impl WorkspaceScope {
    pub(crate) fn new(workspace: InWorkspace) -> Self {
        Self(workspace)
    }

    /// Its id.
    ///
    /// # Errors
    /// `InvalidInput` when the scope was asked for by what is no id.
    pub fn id(&self) -> Result<WorkspaceId> {
        self.0.id.clone()
    }

    /// The workspace's row, as [`Workspaces::get`].
    ///
    /// # Errors
    /// As [`Workspaces::get`].
    pub async fn get(&self) -> Result<Workspace> {
        Workspaces::new(self.0.api.clone()).get(self.id()?).await
    }

    /// Its bring-your-own storage.
    pub fn byo(&self) -> Byo {
        Byo::new(self.0.clone())
    }

    /// Its artifacts.
    pub fn artifacts(&self) -> Artifacts {
        Artifacts::new(self.0.clone())
    }

    /// Its pipelines.
    pub fn pipelines(&self) -> Pipelines {
        Pipelines::new(self.0.clone())
    }

    /// Its runs.
    pub fn runs(&self) -> Runs {
        Runs::new(self.0.clone())
    }

    /// Its API keys.
    pub fn api_keys(&self) -> ApiKeys {
        ApiKeys::new(self.0.clone())
    }
}
