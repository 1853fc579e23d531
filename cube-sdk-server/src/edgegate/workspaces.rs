//! `GET /v1/workspaces` and one of them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::app::App;
use super::call::Call;
use crate::refusal::Answer;
use crate::store::{Id, Plan, WorkspaceRow};

#[derive(Serialize)]
pub(crate) struct Workspace {
    id: Id,
    name: String,
    owner_id: Id,
    plan: Plan,
}

impl From<WorkspaceRow> for Workspace {
    fn from(row: WorkspaceRow) -> Self {
        Self { id: row.id, name: row.name, owner_id: row.owner_id, plan: row.plan }
    }
}

pub(crate) async fn list(State(app): State<Arc<App>>, call: Call) -> Answer<Json<Vec<Workspace>>> {
    let user = app.caller(&call).await?;
    Ok(Json(app.store.workspaces_of(user.id).await?.into_iter().map(Workspace::from).collect()))
}

pub(crate) async fn show(State(app): State<Arc<App>>, call: Call) -> Answer<Json<Workspace>> {
    Ok(Json(app.access(&call).await?.workspace.into()))
}
