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
