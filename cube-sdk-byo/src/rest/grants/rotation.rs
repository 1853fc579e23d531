//! Changing the External ID of a grant.

use cube_sdk_core::Result;
use http::Method;

use super::grant::Grant;
use super::setup_info::setup_info;
use crate::external_id::ExternalId;
use crate::iam::ReaderRole;
use crate::ids::GrantId;
use crate::rest::api::InWorkspace;
use crate::rest::operations::ROTATE_EXTERNAL_ID;

/// Says that the caller knows what a rotation does: from that moment every read fails with
/// `BYO_ASSUME_ROLE_FAILED` until the role's trust policy carries the new External ID.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfirmRotation {
    grant: GrantId,
    previous: ExternalId,
}

impl ConfirmRotation {
    /// Confirms the rotation of this grant.
    pub fn reads_fail_until_the_trust_policy_is_edited(grant: &Grant) -> Self {
        Self { grant: grant.id, previous: grant.external_id.clone() }
    }
}

/// A grant with its new External ID.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rotated {
    /// The grant; normally `failed` until the trust policy is edited.
    pub grant: Grant,
    /// The External ID that is no longer valid.
    pub previous: ExternalId,
    /// The role as it must be now: [`ReaderRole::trust_policy`] and
    /// [`AwsCli::update_trust_policy`](crate::iam::AwsCli::update_trust_policy) carry the new External ID.
    /// Its name is the attached role's.
    pub role: ReaderRole,
}

pub(crate) async fn rotate(workspace: &InWorkspace, confirm: ConfirmRotation) -> Result<Rotated> {
    let principal = setup_info(workspace).await?.principal()?;
    let path = ["byo-storage", "grants", &confirm.grant.to_string(), "rotate-external-id"];
    let call = workspace.call(ROTATE_EXTERNAL_ID, Method::POST, &path)?;
    let grant: Grant = workspace.json(&call).await?;
    let mut role =
        ReaderRole::new(principal, grant.external_id.clone(), grant.bucket.clone()).workspace(workspace.id.clone()?);
    // The rotation is done: what cannot be read now must not turn it into an error.
    if let Ok(Some(key)) = grant.kms_key() {
        role = role.kms_key(key);
    }
    if let Some(name) = grant.role().ok().and_then(|arn| arn.name().parse().ok()) {
        role = role.name(name);
    }
    Ok(Rotated { grant, previous: confirm.previous, role })
}
