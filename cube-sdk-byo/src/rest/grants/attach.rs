//! Attaching the role to a grant.

use cube_sdk_core::{Result, awaitable};
use http::Method;
use serde::Serialize;

use super::grant::Grant;
use crate::arn::RoleArn;
use crate::rest::api::InWorkspace;
use crate::rest::operations::ATTACH_ROLE;

#[derive(Clone, Debug, Serialize)]
struct Body {
    role_arn: RoleArn,
}

/// Attaches a role: see [`Byo::attach_role`](super::Byo::attach_role). Await it to send.
///
/// ```
/// use cube_sdk_byo::EdgeGate;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// # let server = wiremock::MockServer::start().await;
/// # let answer = wiremock::ResponseTemplate::new(200);
/// # let reply = serde_json::json!({"id": "5f0c7c1e-0d0b-4e55-9a53-0b7c7f0d1a01", "bucket": "acme-models",
/// #     "workspace_id": "0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11", "region": "eu-central-1", "status": "active",
/// #     "external_id": "c2b7a6d4-93e1-4f0a-b1d8-6a1e5d2f7c90", "role_arn": "arn:aws:iam::210987654321:role/reader",
/// #     "created_at": "2026-07-01T08:00:00Z", "updated_at": "2026-07-01T08:00:00Z"});
/// # let answer = answer.set_body_json(reply);
/// # let asked = wiremock::matchers::path_regex("/grants/attach-role$");
/// # wiremock::Mock::given(wiremock::matchers::method("POST")).and(asked).respond_with(answer).mount(&server).await;
/// # let url = server.uri();
/// let edgegate = EdgeGate::builder().base_url(url).api_key("egk_live_example".into()).build()?;
/// let byo = edgegate.workspace("0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11").byo();
/// let grant = byo.attach_role("arn:aws:iam::210987654321:role/reader").await?;
/// assert!(grant.is_active()); // else grant.failure() says what the probe met
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a request is sent when it is awaited"]
pub struct AttachRole {
    workspace: InWorkspace,
    role: Result<RoleArn>,
}

impl AttachRole {
    pub(crate) fn new(workspace: InWorkspace, role: Result<RoleArn>) -> Self {
        Self { workspace, role }
    }

    async fn send(self) -> Result<Grant> {
        let path = ["byo-storage", "grants", "attach-role"];
        let call = self.workspace.call(ATTACH_ROLE, Method::POST, &path)?.json(&Body { role_arn: self.role? })?;
        self.workspace.json(&call).await
    }
}

awaitable!(AttachRole => Grant);
