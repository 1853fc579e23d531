//! The keys that the storage itself acts with: given, or found as AWS's own tools find them.

use std::fmt;

use aws_config::BehaviorVersion;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_types::SdkConfig;
use cube_sdk_core::SecretString;
use cube_sdk_core::config::{Environment, Key};
use cube_sdk_core::secret::ExposeSecret;

use super::http_client::AwsHttpClient;
use crate::config::{
    AWS_ACCESS_KEY_ID, AWS_CONFIG_FILE, AWS_PROFILE, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN,
    AWS_SHARED_CREDENTIALS_FILE,
};
use crate::region::Region;

/// Where the keys come from.
#[derive(Clone)]
pub(crate) enum BaseKeys {
    /// Environment, profile, container or instance, in AWS's order.
    Chain { profile: Option<String> },
    /// Given by the caller.
    Given { id: String, secret: SecretString, token: Option<SecretString> },
}

impl fmt::Debug for BaseKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chain { profile } => write!(f, "chain {profile:?}"),
            Self::Given { id, .. } => write!(f, "given {id}"),
        }
    }
}

impl BaseKeys {
    /// The configuration that clients are made from. The region is the bucket's: it need not be looked for.
    pub(crate) async fn load(&self, environment: &Environment, region: &Region, http: &AwsHttpClient) -> SdkConfig {
        let region = aws_types::region::Region::new(region.as_str().to_owned());
        let provider = match self {
            Self::Given { id, secret, token } => {
                let token = token.as_ref().map(|token| token.expose_secret().to_owned());
                let keys = Credentials::new(id, secret.expose_secret(), token, None, "given");
                SharedCredentialsProvider::new(keys)
            }
            Self::Chain { profile } if environment.is_process() => {
                let loader = aws_config::defaults(BehaviorVersion::latest()).region(region).http_client(http.clone());
                return match profile {
                    Some(profile) => loader.profile_name(profile).load().await,
                    None => loader.load().await,
                };
            }
            Self::Chain { profile } => found_in(environment, profile.as_deref(), http),
        };
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(region)
            .credentials_provider(provider)
            .http_client(http.clone())
            .sleep_impl(aws_smithy_async::rt::sleep::SharedAsyncSleep::new(
                aws_smithy_async::rt::sleep::TokioSleep::new(),
            ))
            .build()
    }
}

/// The keys of an environment that stands in for the process's own: its variables, and the profile in the files that it
/// names. Nothing else of this machine is asked.
fn found_in(environment: &Environment, profile: Option<&str>, http: &AwsHttpClient) -> SharedCredentialsProvider {
    let text = |key: Key| environment.text(key).map(|found| found.value);
    let secret = environment.secret(AWS_SECRET_ACCESS_KEY);
    if let (None, Some(id), Some(secret)) = (profile, text(AWS_ACCESS_KEY_ID), &secret) {
        let token = environment.secret(AWS_SESSION_TOKEN).map(|found| found.value.expose_secret().to_owned());
        return SharedCredentialsProvider::new(Credentials::new(
            id,
            secret.value.expose_secret(),
            token,
            None,
            "environment",
        ));
    }
    let files =
        [(EnvConfigFileKind::Credentials, AWS_SHARED_CREDENTIALS_FILE), (EnvConfigFileKind::Config, AWS_CONFIG_FILE)];
    let files: Vec<_> = files.into_iter().filter_map(|(kind, key)| Some((kind, text(key)?))).collect();
    if files.is_empty() {
        return SharedCredentialsProvider::new(Nowhere { half: secret.is_some() });
    }
    let named =
        files.into_iter().fold(EnvConfigFiles::builder(), |named, (kind, path)| named.with_file(kind, path)).build();
    let name = profile.map(str::to_owned).or_else(|| text(AWS_PROFILE)).unwrap_or_else(|| "default".to_owned());
    let config = ProviderConfig::empty().with_http_client(http.clone());
    SharedCredentialsProvider::new(
        ProfileFileCredentialsProvider::builder().configure(&config).profile_files(named).profile_name(name).build(),
    )
}

/// No source has keys.
#[derive(Debug)]
struct Nowhere {
    /// There is a secret without an id.
    half: bool,
}

impl ProvideCredentials for Nowhere {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let variables = if self.half {
            "AWS_ACCESS_KEY_ID is not set"
        } else {
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set"
        };
        let words = format!("{variables}; AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE name no file");
        future::ProvideCredentials::ready(Err(CredentialsError::not_loaded(words)))
    }
}
