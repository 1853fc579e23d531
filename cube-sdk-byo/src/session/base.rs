//! The clients of S3 and STS, made from one base configuration that is read at the first call.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::SdkConfig;
use cube_sdk_core::settings::Ground;
use cube_sdk_core::{Error, ErrorKind, Result, WhichClock};
use tokio::sync::OnceCell;
use url::Url;

use super::http_client::AwsHttpClient;
use super::keys::BaseKeys;
use crate::region::Region;

/// Endpoints other than AWS's own.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServiceUrls {
    pub(crate) s3: Option<Url>,
    pub(crate) sts: Option<Url>,
}

/// The base configuration, read at the first call.
pub(crate) struct Base {
    ground: Ground,
    keys: BaseKeys,
    urls: ServiceUrls,
    path_style: Option<bool>,
    http: AwsHttpClient,
    loaded: OnceCell<SdkConfig>,
    own: Cached<OwnKeys>,
    warned: AtomicBool,
}

impl Base {
    pub(crate) fn new(ground: Ground, keys: BaseKeys, urls: ServiceUrls, path_style: Option<bool>) -> Self {
        let http = AwsHttpClient::new(ground.clone());
        Self { ground, keys, urls, path_style, http, loaded: OnceCell::new() }
    }

    /// Reads the configuration once, within the time that a call may take.
    async fn config(&self, region: &Region, limit: std::time::Duration) -> Result<&SdkConfig> {
        let load = async {
            let load = self.keys.load(self.ground.environment(), region, &self.http);
            tokio::time::timeout(limit, load).await.map_err(|_| {
                Error::new(ErrorKind::Timeout, "reading the AWS configuration took longer than the call may")
                    .with_clock(WhichClock::Deadline)
                    .with_sent(cube_sdk_core::error::Sent::No)
            })
        };
        self.loaded.get_or_try_init(|| load).await
    }

    /// An S3 client for a bucket: with given credentials, or with the base keys.
    ///
    /// # Errors
    /// `Timeout` when the configuration cannot be read within `limit`.
    pub(crate) async fn s3(
        &self,
        region: &Region,
        bucket: &str,
        keys: Option<Credentials>,
        limit: std::time::Duration,
    ) -> Result<aws_sdk_s3::Client> {
        use aws_sdk_s3::config::{Builder, RequestChecksumCalculation, ResponseChecksumValidation};
        let config = self.config(region, limit).await?;
        let mut builder = Builder::from(config)
            .region(aws_types::region::Region::new(region.as_str().to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(keys))
            .retry_config(aws_smithy_types::retry::RetryConfig::disabled())
            .timeout_config(aws_smithy_types::timeout::TimeoutConfig::disabled())
            .stalled_stream_protection(aws_sdk_s3::config::StalledStreamProtectionConfig::disabled())
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .force_path_style(self.settings.path_style.unwrap_or_else(in_path));
        if let Some(url) = url {
            builder = builder.endpoint_url(url);
        }
        if let Some(keys) = keys {
            builder = builder.credentials_provider(SharedCredentialsProvider::new(keys));
        }
        Ok(aws_sdk_s3::Client::from_conf(builder.build()))
    }

    /// An STS client in the region of a bucket.
    ///
    /// # Errors
    /// As [`Self::s3`].
    pub(crate) async fn sts(&self, region: &Region, limit: std::time::Duration) -> Result<aws_sdk_sts::Client> {
        let mut builder = aws_sdk_sts::config::Builder::from(self.config(region, limit).await?)
            .region(aws_types::region::Region::new(region.as_str().to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(keys))
            .retry_config(aws_smithy_types::retry::RetryConfig::disabled())
            .timeout_config(aws_smithy_types::timeout::TimeoutConfig::disabled())
            .stalled_stream_protection(aws_sdk_sts::config::StalledStreamProtectionConfig::disabled());
        if let Some(url) = self.endpoint(config, "STS", self.settings.sts_url.as_ref()) {
            builder = builder.endpoint_url(url);
        }
        Ok(aws_sdk_sts::Client::from_conf(builder.build()))
    }

    /// Servers other than AWS rarely have a host name per bucket.
    fn is_custom(&self, config: &SdkConfig) -> bool {
        self.urls.s3.is_some() || config.endpoint_url().is_some()
    }
}

impl fmt::Debug for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Base").field("keys", &self.keys).field("urls", &self.urls).finish_non_exhaustive()
    }
}
