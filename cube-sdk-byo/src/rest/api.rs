//! What every call of this room goes through: the engine, where EdgeGate lives, and the workspace.

use std::fmt;
use std::sync::Arc;

use cube_sdk_core::config::{Sourced, join};
use cube_sdk_core::engine::{Call, Engine, Opened};
use cube_sdk_core::{Operation, Result};
use http::Method;
use serde::de::DeserializeOwned;
use url::Url;

use crate::ids::WorkspaceId;

/// EdgeGate, as a place to send calls to. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Api(Arc<Parts>);

struct Parts {
    engine: Engine,
    base: Sourced<Url>,
    has_key: bool,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("base_url", &self.0.base.value.as_str()).finish_non_exhaustive()
    }
}

impl Api {
    pub(crate) fn new(engine: Engine, base: Sourced<Url>, has_key: bool) -> Self {
        Self(Arc::new(Parts { engine, base, has_key }))
    }

    pub(crate) fn base(&self) -> &Sourced<Url> {
        &self.0.base
    }

    pub(crate) fn has_key(&self) -> bool {
        self.0.has_key
    }

    pub(crate) fn url(&self, path: &[&str]) -> Url {
        join(&self.0.base.value, path)
    }

    pub(crate) fn call(&self, operation: Operation, method: Method, path: &[&str]) -> Call {
        Call::new(operation, method, self.url(path))
    }

    pub(crate) async fn json<T: DeserializeOwned>(&self, call: &Call) -> Result<T> {
        self.0.engine.json(call).await
    }
}

/// One workspace, as a place to send calls to. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct InWorkspace {
    pub(crate) api: Api,
    /// A refused id is told by the call that needs it.
    pub(crate) id: Result<WorkspaceId>,
}

impl fmt::Display for InWorkspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            Ok(id) => write!(f, "workspace {id}"),
            Err(_) => f.write_str("a workspace without id"),
        }
    }
}

impl InWorkspace {
    /// A call under `/v1/workspaces/{id}`.
    pub(crate) fn call(&self, operation: Operation, method: Method, path: &[&str]) -> Result<Call> {
        let id = self.id.clone()?.to_string();
        let mut whole = vec!["v1", "workspaces", &id];
        whole.extend_from_slice(path);
        Ok(self.api.call(operation, method, &whole))
    }

    pub(crate) async fn json<T: DeserializeOwned>(&self, call: &Call) -> Result<T> {
        self.api.json(call).await
    }

    /// For calls whose answer has no body.
    pub(crate) async fn send(&self, call: &Call) -> Result<()> {
        self.api.0.engine.run(call).await.map(drop)
    }

    pub(crate) async fn open(&self, call: &Call) -> Result<Opened> {
        self.api.0.engine.open(call).await
    }
}
