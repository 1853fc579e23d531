//! The keys that the storage itself acts with: given, or found as AWS's own tools find them.

use std::fmt;

use aws_config::BehaviorVersion;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::SdkConfig;
use cube_sdk_core::SecretString;
use cube_sdk_core::secret::ExposeSecret;
use tokio::sync::OnceCell;
use url::Url;

use super::http_client::AwsHttpClient;
use crate::region::Region;

/// Where the keys come from.
#[derive(Clone)]
pub(crate) enum BaseKeys {
    /// Environment, profile, container or instance, in AWS's order.
    Chain { profile: Option<String> },
    /// Given by the caller.
    Given { id: String, secret: SecretString, token: Option<SecretString> },
}

/// Endpoints other than AWS's own.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServiceUrls {
    pub(crate) s3: Option<Url>,
    pub(crate) sts: Option<Url>,
}

/// The base configuration, read at the first call.
pub(crate) struct Base {
    keys: BaseKeys,
    urls: ServiceUrls,
    path_style: Option<bool>,
    http: AwsHttpClient,
    loaded: OnceCell<SdkConfig>,
}

impl Base {
    pub(crate) fn new(keys: BaseKeys, urls: ServiceUrls, path_style: Option<bool>, http: AwsHttpClient) -> Self {
        Self { keys, urls, path_style, http, loaded: OnceCell::new() }
    }

    async fn config(&self) -> &SdkConfig {
        self.loaded.get_or_init(|| self.load()).await
    }

    async fn load(&self) -> SdkConfig {
        let loader = aws_config::defaults(BehaviorVersion::latest()).http_client(self.http.clone());
        match &self.keys {
            BaseKeys::Chain { profile: Some(profile) } => loader.profile_name(profile).load().await,
            BaseKeys::Chain { profile: None } => loader.load().await,
            // Nothing of the environment is read: what the caller gave is all there is.
            BaseKeys::Given { id, secret, token } => {
                let token = token.as_ref().map(|token| token.expose_secret().to_owned());
                let keys = Credentials::new(id, secret.expose_secret(), token, None, "given");
                SdkConfig::builder()
                    .behavior_version(BehaviorVersion::latest())
                    .credentials_provider(SharedCredentialsProvider::new(keys))
                    .http_client(self.http.clone())
                    .sleep_impl(aws_smithy_async::rt::sleep::SharedAsyncSleep::new(
                        aws_smithy_async::rt::sleep::TokioSleep::new(),
                    ))
                    .build()
            }
        }
    }

    /// An S3 client for a bucket: with given credentials, or with the base keys.
    pub(crate) async fn s3(&self, region: &Region, bucket: &str, keys: Option<Credentials>) -> aws_sdk_s3::Client {
        use aws_sdk_s3::config::{Builder, RequestChecksumCalculation, ResponseChecksumValidation};
        let config = self.config().await;
        let mut builder = Builder::from(config)
            .region(aws_types::region::Region::new(region.as_str().to_owned()))
            .retry_config(aws_smithy_types::retry::RetryConfig::disabled())
            .timeout_config(aws_smithy_types::timeout::TimeoutConfig::disabled())
            .stalled_stream_protection(aws_sdk_s3::config::StalledStreamProtectionConfig::disabled())
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .force_path_style(self.path_style.unwrap_or_else(|| self.is_custom(config) || bucket.contains('.')));
        if let Some(url) = &self.urls.s3 {
            builder = builder.endpoint_url(url.as_str());
        }
        if let Some(keys) = keys {
            builder = builder.credentials_provider(SharedCredentialsProvider::new(keys));
        }
        aws_sdk_s3::Client::from_conf(builder.build())
    }

    /// An STS client in the region of a bucket.
    pub(crate) async fn sts(&self, region: &Region) -> aws_sdk_sts::Client {
        let mut builder = aws_sdk_sts::config::Builder::from(self.config().await)
            .region(aws_types::region::Region::new(region.as_str().to_owned()))
            .retry_config(aws_smithy_types::retry::RetryConfig::disabled())
            .timeout_config(aws_smithy_types::timeout::TimeoutConfig::disabled())
            .stalled_stream_protection(aws_sdk_sts::config::StalledStreamProtectionConfig::disabled());
        if let Some(url) = &self.urls.sts {
            builder = builder.endpoint_url(url.as_str());
        }
        aws_sdk_sts::Client::from_conf(builder.build())
    }

    /// Servers other than AWS rarely have a host name per bucket.
    fn is_custom(&self, config: &SdkConfig) -> bool {
        let from_environment = || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some_and(|url| !url.is_empty());
        let chain = matches!(self.keys, BaseKeys::Chain { .. });
        self.urls.s3.is_some() || config.endpoint_url().is_some() || chain && from_environment()
    }
}

impl fmt::Debug for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = match &self.keys {
            BaseKeys::Chain { profile } => format!("chain {profile:?}"),
            BaseKeys::Given { id, .. } => format!("given {id}"),
        };
        f.debug_struct("Base").field("keys", &keys).field("urls", &self.urls).finish_non_exhaustive()
    }
}
