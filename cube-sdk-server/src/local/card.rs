//! The world card: where everything is, and the keys to it.

use std::collections::BTreeMap;

use cube_sdk_core::SecretString;
use cube_sdk_core::secret::ExposeSecret;
use serde::{Deserialize, Serialize, Serializer};

/// Where everything in the world is. As JSON it holds the keys in the clear; its Debug text does not.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[non_exhaustive]
pub struct Card {
    /// The EdgeGate BYO service.
    pub edgegate: EdgeGateCard,
    /// The customer's AWS account, a double.
    pub aws: AwsCard,
    /// cube-cloud.
    pub cloud: CloudCard,
    /// Palantir Apollo, a double.
    pub apollo: ApolloCard,
    /// A Kubernetes cluster, a double of its API server.
    pub kube: KubeCard,
}

/// The cluster's double.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[non_exhaustive]
pub struct KubeCard {
    /// Path of a kubeconfig that leads there.
    pub kubeconfig: String,
    /// Its name at cube-cloud.
    pub cluster: String,
}

/// cube-cloud and what it holds at the start.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[non_exhaustive]
pub struct CloudCard {
    /// Base URL, without a trailing slash.
    pub url: String,
    /// A key that may do everything.
    #[serde(serialize_with = "in_the_clear")]
    pub api_key: SecretString,
    /// A key that may only read.
    #[serde(serialize_with = "in_the_clear")]
    pub readonly_api_key: SecretString,
    /// Who may sign in at the login page.
    pub user: String,
    /// Their password.
    #[serde(serialize_with = "in_the_clear")]
    pub password: SecretString,
    /// A folder for the key of a login, in place of `~/.cube-agent`.
    pub config_dir: String,
    /// Apps that tunnels reach, with their addresses: `echo` answers each byte with itself.
    pub apps: BTreeMap<String, String>,
    /// An app that is known and refuses connections.
    pub dead_app: String,
    /// An app that no key may reach.
    pub forbidden_app: String,
}

/// Apollo's double and what it holds at the start.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[non_exhaustive]
pub struct ApolloCard {
    /// Base URL.
    pub url: String,
    /// OAuth2 client id.
    pub client_id: String,
    /// OAuth2 client secret.
    #[serde(serialize_with = "in_the_clear")]
    pub client_secret: SecretString,
    /// An environment with entities and a module.
    pub environment: String,
}

/// The EdgeGate BYO service and what it holds at the start.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[non_exhaustive]
pub struct EdgeGateCard {
    /// Base URL, without a trailing slash.
    pub url: String,
    /// The key of the owner of both workspaces.
    #[serde(serialize_with = "in_the_clear")]
    pub api_key: SecretString,
    /// The key of an admin of the Enterprise workspace.
    #[serde(serialize_with = "in_the_clear")]
    pub admin_api_key: SecretString,
    /// The key of a viewer of the Enterprise workspace.
    #[serde(serialize_with = "in_the_clear")]
    pub viewer_api_key: SecretString,
    /// The Enterprise workspace, a UUID.
    pub workspace: String,
    /// The workspace on the free plan, a UUID.
    pub free_workspace: String,
    /// A single-model pipeline with three devices, so that a run has three cells; a UUID.
    pub pipeline: String,
    /// The string id of a published promptpack, version `1.0.0`.
    pub promptpack: String,
}

/// The customer's AWS account and what it holds at the start.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[non_exhaustive]
pub struct AwsCard {
    /// One endpoint for S3 (path style), STS and IAM.
    pub endpoint_url: String,
    /// The region of `bucket`.
    pub region: String,
    /// The customer's account, 12 digits.
    pub account_id: String,
    /// EdgeGate's account, 12 digits.
    pub edgegate_account_id: String,
    /// The worker's own key.
    pub access_key_id: String,
    /// The worker's own secret.
    #[serde(serialize_with = "in_the_clear")]
    pub secret_access_key: SecretString,
    /// Whom trust policies name: the worker.
    pub principal_arn: String,
    /// The key of the customer's administrator, who may make and revoke roles.
    pub admin_access_key_id: String,
    /// The administrator's secret.
    #[serde(serialize_with = "in_the_clear")]
    pub admin_secret_access_key: SecretString,
    /// The bucket with the models.
    pub bucket: String,
    /// A model of at least 8 MiB.
    pub object_key: String,
    /// Its size in bytes.
    pub object_size: u64,
    /// Its SHA-256, lower-case hex.
    pub object_sha256: String,
    /// An object of 256 MiB.
    pub large_key: String,
    /// Its size in bytes.
    pub large_size: u64,
    /// A key that no object has.
    pub missing_key: String,
    /// An object that the bucket policy denies.
    pub denied_key: String,
    /// An object under `kms_key_arn`, which `role_arn` may not use.
    pub kms_denied_key: String,
    /// The KMS key of `kms_denied_key`.
    pub kms_key_arn: String,
    /// A role that admits the worker with any External ID and may read and list the bucket.
    pub role_arn: String,
    /// The same with `kms:Decrypt` on `kms_key_arn`.
    pub kms_role_arn: String,
    /// The same as `role_arn` without `s3:ListBucket`.
    pub no_list_role_arn: String,
    /// A role that never admits the worker.
    pub bad_role_arn: String,
    /// A role whose trust policy has a placeholder External ID, to be edited to the minted one.
    pub drift_role_arn: String,
    /// A bucket in another region.
    pub other_region_bucket: String,
    /// A bucket that does not exist.
    pub gone_bucket: String,
}

impl From<&cube_sdk_testkit::aws::AwsCard> for AwsCard {
    fn from(card: &cube_sdk_testkit::aws::AwsCard) -> Self {
        let card = card.clone();
        Self {
            endpoint_url: card.endpoint_url,
            region: card.region,
            account_id: card.account_id,
            edgegate_account_id: card.edgegate_account_id,
            access_key_id: card.worker.access_key_id,
            secret_access_key: card.worker.secret_access_key,
            principal_arn: card.principal_arn,
            admin_access_key_id: card.admin.access_key_id,
            admin_secret_access_key: card.admin.secret_access_key,
            bucket: card.bucket,
            object_key: card.object_key,
            object_size: card.object_size,
            object_sha256: card.object_sha256,
            large_key: card.large_key,
            large_size: card.large_size,
            missing_key: card.missing_key,
            denied_key: card.denied_key,
            kms_denied_key: card.kms_denied_key,
            kms_key_arn: card.kms_key_arn,
            role_arn: card.role_arn,
            kms_role_arn: card.kms_role_arn,
            no_list_role_arn: card.no_list_role_arn,
            bad_role_arn: card.bad_role_arn,
            drift_role_arn: card.drift_role_arn,
            other_region_bucket: card.other_region_bucket,
            gone_bucket: card.gone_bucket,
        }
    }
}

fn in_the_clear<S: Serializer>(secret: &SecretString, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(secret.expose_secret())
}
