//! Attaching the role to a grant.

use cube_sdk_core::{Result, awaitable};
use http::Method;
use serde::Serialize;

use super::operations::ATTACH_ROLE;
use super::{Byo, Grant};
use crate::arn::RoleArn;

#[derive(Clone, Debug, Serialize)]
struct Body {
    role_arn: RoleArn,
}

/// Attaches a role: see [`Byo::attach_role`]. Await it to send.
#[derive(Clone, Debug)]
#[must_use = "a request is sent when it is awaited"]
pub struct AttachRole {
    byo: Byo,
    body: Body,
}

impl AttachRole {
    pub(crate) fn new(byo: Byo, role: RoleArn) -> Self {
        Self { byo, body: Body { role_arn: role } }
    }

    async fn send(self) -> Result<Grant> {
        let workspace = self.byo.workspace();
        let path = ["byo-storage", "grants", "attach-role"];
        let call = workspace.call(ATTACH_ROLE, Method::POST, &path).json(&self.body)?;
        workspace.edgegate().engine().json(&call).await
    }
}

awaitable!(AttachRole => Grant);
