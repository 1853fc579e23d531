//! The log of every call that EdgeGate made to the customer's account.

use cube_render::audit::Page;
use cube_sdk::byo::rest::AuditCursor;
use cube_sdk::core::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::tool::{Call, Done, Effect, Tool};

pub(super) fn tools() -> Vec<Tool> {
    vec![Tool::new("edgegate_get_byo_audit", Effect::Reads, page).about(
        "Audit of the bucket",
        "One page of the log of every call that EdgeGate made to the customer's AWS account, newest as the service \
         orders them; each has AWS's request id, to be found again in CloudTrail.",
    )]
}

#[derive(Deserialize, JsonSchema)]
struct Asked {
    /// The workspace, a UUID.
    workspace_id: String,
    /// Only rows about this artifact, a UUID.
    #[serde(default)]
    artifact_id: Option<String>,
    /// Only rows of this run, a UUID.
    #[serde(default)]
    run_id: Option<String>,
    /// Only rows newer than this: a time such as 2026-07-01T08:00:00Z.
    #[serde(default)]
    since: Option<String>,
    /// Where an earlier page ended.
    #[serde(default)]
    cursor: Option<i64>,
    /// Rows of the page, 1 to 500; 100 unless told otherwise.
    #[serde(default)]
    #[schemars(extend("minimum" = 1, "maximum" = 500))]
    limit: Option<u32>,
}

async fn page(call: Call, asked: Asked) -> Done<Page> {
    let mut request = call.cube.edgegate()?.workspace(asked.workspace_id).byo().audit();
    if let Some(id) = &asked.artifact_id {
        request = request.artifact(id.as_str());
    }
    if let Some(id) = &asked.run_id {
        request = request.run(id.as_str());
    }
    if let Some(since) = &asked.since {
        request = request.since(since.parse::<Timestamp>()?);
    }
    if let Some(cursor) = asked.cursor {
        request = request.cursor(cursor.to_string().parse::<AuditCursor>()?);
    }
    if let Some(limit) = asked.limit {
        request = request.page_size(limit);
    }
    Ok(Page::from(&request.await?))
}
