//! Workspaces: the ones a key can see, and the way into one.

use cube_sdk_core::{Result, open_enum};
use http::Method;
use serde::{Deserialize, Serialize};

use super::operations::{GET_WORKSPACE, LIST_WORKSPACES};
use super::{ApiKeys, Artifacts, Byo, Pipelines, Runs, UserId, WorkspaceId};
use crate::client::EdgeGate;

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
#[derive(Clone, Debug)]
pub struct Workspaces {
    edgegate: EdgeGate,
}

impl Workspaces {
    pub(crate) fn new(edgegate: EdgeGate) -> Self {
        Self { edgegate }
    }

    /// All of them, in the server's order.
    ///
    /// `GET /v1/workspaces`.
    ///
    /// # Errors
    /// Those of any read: see the [module](crate::rest).
    pub async fn list(&self) -> Result<Vec<Workspace>> {
        let call = self.edgegate.call(LIST_WORKSPACES, Method::GET, &["v1", "workspaces"]);
        self.edgegate.engine().json(&call).await
    }

    /// One of them.
    ///
    /// `GET /v1/workspaces/{ws}`.
    ///
    /// # Errors
    /// `NotFound` when there is no such workspace, or when it is hidden from this key.
    pub async fn get(&self, id: WorkspaceId) -> Result<Workspace> {
        let call = self.edgegate.call(GET_WORKSPACE, Method::GET, &["v1", "workspaces", &id.to_string()]);
        self.edgegate.engine().json(&call).await
    }
}

/// One workspace: the way to everything inside it. Making it sends nothing.
#[derive(Clone, Debug)]
pub struct WorkspaceScope {
    edgegate: EdgeGate,
    id: WorkspaceId,
}

impl WorkspaceScope {
    pub(crate) fn new(edgegate: EdgeGate, id: WorkspaceId) -> Self {
        Self { edgegate, id }
    }

    /// Its id.
    pub const fn id(&self) -> WorkspaceId {
        self.id
    }

    /// The workspace's row, as [`Workspaces::get`].
    ///
    /// # Errors
    /// As [`Workspaces::get`].
    pub async fn get(&self) -> Result<Workspace> {
        self.edgegate.workspaces().get(self.id).await
    }

    /// Its bring-your-own storage.
    pub fn byo(&self) -> Byo {
        Byo::new(self.clone())
    }

    /// Its artifacts.
    pub fn artifacts(&self) -> Artifacts {
        Artifacts::new(self.clone())
    }

    /// Its pipelines.
    pub fn pipelines(&self) -> Pipelines {
        Pipelines::new(self.clone())
    }

    /// Its runs.
    pub fn runs(&self) -> Runs {
        Runs::new(self.clone())
    }

    /// Its API keys.
    pub fn api_keys(&self) -> ApiKeys {
        ApiKeys::new(self.clone())
    }

    pub(crate) fn edgegate(&self) -> &EdgeGate {
        &self.edgegate
    }

    /// A call under `/v1/workspaces/{id}`.
    pub(crate) fn call(
        &self,
        operation: cube_sdk_core::Operation,
        method: Method,
        path: &[&str],
    ) -> cube_sdk_core::engine::Call {
        let id = self.id.to_string();
        let mut whole = vec!["v1", "workspaces", &id];
        whole.extend_from_slice(path);
        self.edgegate.call(operation, method, &whole)
    }
}
