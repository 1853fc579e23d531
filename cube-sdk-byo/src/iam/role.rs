//! The role that EdgeGate assumes, as data.

use super::role_name::RoleName;
use crate::arn::{KmsKeyArn, PrincipalArn};
use crate::external_id::ExternalId;
use crate::ids::WorkspaceId;
use crate::s3_uri::Bucket;

/// The role that EdgeGate assumes to read one bucket. Every document is rendered from it.
///
/// ```
/// use cube_sdk_byo::iam::ReaderRole;
///
/// let role = ReaderRole::new(
///     "arn:aws:iam::123456789012:user/edgegate-worker".parse()?,
///     "c2b7a6d4-93e1-4f0a-b1d8-6a1e5d2f7c90".parse()?,
///     "acme-models".parse()?,
/// )
/// .kms_key("arn:aws:kms:eu-central-1:210987654321:key/5d1f1f6e-2f3a-4b8e-9a50-7d0e1c2b3a49".parse()?)
/// .name("edge-reader".parse()?);
/// assert!(role.permission_policy().to_string().contains("kms:Decrypt"));
/// println!("{}", role.terraform().module()); // or cloudformation(), aws_cli()
/// # Ok::<(), cube_sdk_core::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReaderRole {
    principal: PrincipalArn,
    external_id: ExternalId,
    bucket: Bucket,
    kms_key: Option<KmsKeyArn>,
    name: Option<RoleName>,
    workspace: Option<WorkspaceId>,
}

impl ReaderRole {
    /// A role that this principal may assume with this External ID, to read this bucket.
    pub fn new(principal: PrincipalArn, external_id: ExternalId, bucket: Bucket) -> Self {
        Self { principal, external_id, bucket, kms_key: None, name: None, workspace: None }
    }

    /// The key that the objects are encrypted with.
    #[must_use]
    pub fn kms_key(mut self, key: KmsKeyArn) -> Self {
        self.kms_key = Some(key);
        self
    }

    /// The role's name. Default: `edgegate-byo-read-` and the External ID's first eight characters.
    #[must_use]
    pub fn name(mut self, name: RoleName) -> Self {
        self.name = Some(name);
        self
    }

    /// The workspace, for the role's tags.
    #[must_use]
    pub fn workspace(mut self, id: WorkspaceId) -> Self {
        self.workspace = Some(id);
        self
    }

    /// Who may assume it.
    pub const fn principal(&self) -> &PrincipalArn {
        &self.principal
    }

    /// What its trust policy demands.
    pub const fn external_id(&self) -> &ExternalId {
        &self.external_id
    }

    /// What it reads.
    pub const fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// What it decrypts with.
    pub const fn key(&self) -> Option<&KmsKeyArn> {
        self.kms_key.as_ref()
    }

    /// Its name.
    pub fn role_name(&self) -> RoleName {
        self.name.clone().unwrap_or_else(|| RoleName::default_for(&self.external_id))
    }

    /// Its description: what IAM shows beside the name.
    pub fn description(&self) -> String {
        format!("EdgeGate read access to s3://{}", self.bucket)
    }

    /// Its tags: workspace, External ID, bucket. A value that IAM takes in no tag is left out.
    pub fn tags(&self) -> Vec<(&'static str, String)> {
        let workspace = self.workspace.map(|id| ("edgegate:workspace_id", id.to_string()));
        // IAM allows 256 characters and no comma in a tag's value.
        let external_id = self.external_id.as_str();
        let external_id = (external_id.len() <= 256 && !external_id.contains(','))
            .then(|| ("edgegate:external_id", external_id.to_owned()));
        workspace.into_iter().chain(external_id).chain([("edgegate:bucket", self.bucket.to_string())]).collect()
    }
}
