//! Resources: what a host may want to keep at hand.

use cube_render::View as _;
use cube_render::audit::Page;
use cube_sdk::{ErrorKind, Result};
use rmcp::model::{ErrorData, ReadResourceResult, Resource, ResourceContents, ResourceTemplate};

use crate::agent::Agent;

const ERRORS: &str = "cube://errors";
const MARKDOWN: &str = "text/markdown";
const JSON: &str = "application/json";
/// Rows of an audit: as many as a page of the service has.
const ROWS: u32 = 500;

pub(super) fn fixed() -> Vec<Resource> {
    let about = "Every kind of failure: what it means, whether it is repeated, what to do.";
    vec![Resource::new(ERRORS, "errors").with_title("Errors").with_description(about).with_mime_type(MARKDOWN)]
}

pub(super) fn templates() -> Vec<ResourceTemplate> {
    let audit = "The calls that EdgeGate made to the customer's AWS account for one run.";
    let plan = "The newest plan of an entity, with tasks, events and errors.";
    vec![
        ResourceTemplate::new("cube://workspaces/{workspace_id}/runs/{run_id}/audit", "run_audit")
            .with_title("Audit of a run")
            .with_description(audit)
            .with_mime_type(JSON),
        ResourceTemplate::new("cube://environments/{environment}/entities/{entity}/plan", "plan")
            .with_title("Plan of an entity")
            .with_description(plan)
            .with_mime_type("text/plain"),
    ]
}

pub(super) async fn read(agent: &Agent, uri: &str) -> std::result::Result<ReadResourceResult, ErrorData> {
    let unknown = || {
        let message =
            format!("there is no resource `{}`; resources/templates/list tells their forms", uri.escape_debug());
        ErrorData::resource_not_found(message, None)
    };
    let parts: Vec<_> = uri.strip_prefix("cube://").ok_or_else(unknown)?.split('/').collect();
    let read = match parts.as_slice() {
        ["errors"] => Ok((include_str!("errors.md").to_owned(), MARKDOWN)),
        ["workspaces", workspace, "runs", run, "audit"] => audit(agent, workspace, run).await,
        ["environments", environment, "entities", entity, "plan"] => plan(agent, environment, entity).await,
        _ => return Err(unknown()),
    };
    let (text, kind) = read.map_err(|error| match error.kind() {
        ErrorKind::NotFound => ErrorData::resource_not_found(error.to_string(), None),
        ErrorKind::InvalidInput => ErrorData::invalid_params(error.to_string(), None),
        _ => ErrorData::internal_error(error.to_string(), None),
    })?;
    Ok(ReadResourceResult::new(vec![ResourceContents::text(text, uri).with_mime_type(kind)]))
}

async fn audit(agent: &Agent, workspace: &str, run: &str) -> Result<(String, &'static str)> {
    let byo = agent.cube().edgegate()?.workspace(workspace).byo();
    let page = byo.audit().run(run).page_size(ROWS).await?;
    Ok((Page::from(&page).value().to_string(), JSON))
}

async fn plan(agent: &Agent, environment: &str, entity: &str) -> Result<(String, &'static str)> {
    let found = agent.cube().cloud()?.plan_details(environment, entity).await?;
    Ok((found.text().to_owned(), "text/plain"))
}
