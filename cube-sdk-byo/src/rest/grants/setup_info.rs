//! What EdgeGate tells about itself for the customer's IAM documents.

use cube_sdk_core::{Error, ErrorKind, Result};
use http::Method;
use serde::{Deserialize, Serialize};

use crate::arn::{AccountId, PrincipalArn};
use crate::rest::api::InWorkspace;
use crate::rest::operations::GET_SETUP_INFO;

/// Set-up info of a workspace. Texts that EdgeGate leaves out are empty.
///
/// The templates are the server's; [`iam`](crate::iam) renders the same documents from parsed values, and
/// those are the ones to use.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SetupInfo {
    /// EdgeGate's AWS account, or the placeholder `<EDGEGATE_ACCOUNT_ID>` when its operator has not set it.
    /// See [`account`](Self::account).
    #[serde(deserialize_with = "crate::rest::tolerant::null_as_default")]
    pub edgegate_aws_account_id: String,
    /// The principal that the trust policy admits. See [`principal`](Self::principal).
    #[serde(deserialize_with = "crate::rest::tolerant::null_as_default")]
    pub edgegate_principal_arn: String,
    /// The onboarding page.
    #[serde(deserialize_with = "crate::rest::tolerant::null_as_default")]
    pub docs_url: String,
    /// JSON text with placeholders.
    #[serde(deserialize_with = "crate::rest::tolerant::null_as_default")]
    pub trust_policy_template: String,
    /// JSON text, without KMS.
    #[serde(deserialize_with = "crate::rest::tolerant::null_as_default")]
    pub permission_policy_template: String,
    /// JSON text, with KMS.
    #[serde(deserialize_with = "crate::rest::tolerant::null_as_default")]
    pub permission_policy_with_kms_template: String,
    /// Where the CloudFormation console can load the template from; empty: no one-click launch.
    #[serde(deserialize_with = "crate::rest::tolerant::null_as_default")]
    pub cloudformation_template_url: String,
    /// The whole CloudFormation template.
    #[serde(deserialize_with = "crate::rest::tolerant::null_as_default")]
    pub cloudformation_template_yaml: String,
    /// The Terraform module, without KMS; may be empty.
    #[serde(deserialize_with = "crate::rest::tolerant::null_as_default")]
    pub terraform_template: String,
    /// The Terraform module, with KMS; may be empty.
    #[serde(deserialize_with = "crate::rest::tolerant::null_as_default")]
    pub terraform_template_with_kms: String,
    /// Set when the operator's set-up is incomplete.
    pub setup_info_warning: Option<String>,
}

/// Asks EdgeGate.
pub(crate) async fn setup_info(workspace: &InWorkspace) -> Result<SetupInfo> {
    let call = workspace.call(GET_SETUP_INFO, Method::GET, &["byo-storage", "setup-info"])?;
    workspace.json(&call).await
}

impl SetupInfo {
    /// EdgeGate's AWS account.
    ///
    /// # Errors
    /// `Config` when the operator of EdgeGate has not set it.
    pub fn account(&self) -> Result<AccountId> {
        self.edgegate_aws_account_id.parse().map_err(|cause| self.unfinished("AWS account id", cause))
    }

    /// The principal that the trust policy must admit.
    ///
    /// # Errors
    /// `Config` when account or principal are not set up by the operator of EdgeGate.
    pub fn principal(&self) -> Result<PrincipalArn> {
        self.account()?;
        self.edgegate_principal_arn.parse().map_err(|cause| self.unfinished("principal ARN", cause))
    }

    fn unfinished(&self, what: &str, cause: Error) -> Error {
        let warning = self.setup_info_warning.as_deref().map(|text| format!(" ({text})")).unwrap_or_default();
        Error::new(ErrorKind::Config, format!("EdgeGate's {what} is not set up{warning}"))
            .with_target("BYO_EDGEGATE_AWS_ACCOUNT_ID")
            .advice("ask the operator of EdgeGate to set BYO_EDGEGATE_AWS_ACCOUNT_ID; nothing was created")
            .cause(cause)
    }
}
