//! A role that a customer makes, as it is shown.

use cube_render::grants::GrantShown;
use cube_sdk::byo::iam::ReaderRole;
use cube_sdk::byo::rest::Grant;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// The role that a customer makes, and the commands that make it.
#[derive(JsonSchema, Serialize)]
pub(crate) struct RoleShown {
    grant: GrantShown,
    role_name: String,
    /// A policy document.
    trust_policy: Value,
    /// A policy document.
    permission_policy: Value,
    /// What to run or apply, in the form that was asked for.
    document: String,
}

impl RoleShown {
    pub(super) fn new(grant: &Grant, role: &ReaderRole, document: String) -> Self {
        Self {
            grant: GrantShown::from(grant),
            role_name: role.role_name().to_string(),
            trust_policy: role.trust_policy().as_value().clone(),
            permission_policy: role.permission_policy().as_value().clone(),
            document,
        }
    }

    pub(super) fn document(&self) -> &str {
        &self.document
    }

    pub(super) const fn grant(&self) -> &GrantShown {
        &self.grant
    }
}
