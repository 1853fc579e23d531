//! AWS's own settings: endpoints, profile and region, read as AWS's tools read them.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_config::BehaviorVersion;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::SdkConfig;
use aws_types::os_shim_internal::Env;
use aws_types::service_config::ServiceConfigKey;
use cube_sdk_core::cached::Cached;
use cube_sdk_core::config::{Environment, is_loopback};
use cube_sdk_core::redact::SafeUrl;
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::settings::Ground;
use cube_sdk_core::{Error, ErrorKind, Result};
use tokio::sync::OnceCell;
use url::Url;

use super::connector::Connector;
use super::keys::{self, GivenKeys, OwnKeys};
use crate::config::{AWS_DEFAULT_REGION, AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL_STS, AWS_REGION};
use crate::region::Region;

/// The region of calls that are about no bucket, where none is named.
const ANYWHERE: &str = "us-east-1";

/// What was set in code, before environment and files are asked.
#[derive(Clone, Default)]
pub(crate) struct AwsSettings {
    pub(crate) keys: Option<GivenKeys>,
    pub(crate) profile: Option<String>,
    pub(crate) s3_url: Option<Url>,
    pub(crate) sts_url: Option<Url>,
    pub(crate) path_style: Option<bool>,
}

/// The settings of one account, read at the first call: code first, then environment, then the files of the profile.
pub(crate) struct Base {
    settings: AwsSettings,
    environment: Environment,
    connector: Connector,
    loaded: OnceCell<SdkConfig>,
    own: Cached<OwnKeys>,
    warned: AtomicBool,
}

impl Base {
    pub(crate) fn new(settings: AwsSettings, ground: &Ground) -> Result<Self> {
        Ok(Self {
            settings,
            environment: ground.environment().clone(),
            connector: Connector::new(ground)?,
            loaded: OnceCell::new(),
            own: keys::cell(*ground.clock()),
            warned: AtomicBool::new(false),
        })
    }

    /// The settings; `region` is where the first call goes, so that nobody is asked for another.
    async fn config(&self, region: &Region) -> Result<&SdkConfig> {
        self.loaded.get_or_try_init(|| self.load(region)).await
    }

    async fn load(&self, region: &Region) -> Result<SdkConfig> {
        let region = aws_types::region::Region::new(region.as_str().to_owned());
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(self.connector.clone())
            .region(region)
            .retry_config(aws_smithy_types::retry::RetryConfig::standard());
        if !self.environment.is_process() {
            loader = loader.env(env_of(&self.environment)?);
        }
        if let Some(profile) = &self.settings.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(keys) = &self.settings.keys {
            loader = loader.credentials_provider(SharedCredentialsProvider::new(keys.credentials()));
        }
        Ok(loader.load().await)
    }

    /// The keys that the storage itself acts with.
    pub(crate) async fn keys(&self, region: &Region) -> Result<OwnKeys> {
        let provider = self.config(region).await?.credentials_provider();
        self.own.get(|| keys::found(provider)).await
    }

    /// Where calls go that are about no bucket.
    pub(crate) fn own_region(&self) -> Result<Region> {
        for key in [AWS_REGION, AWS_DEFAULT_REGION] {
            if let Some(found) = self.environment.text(key)? {
                let named = |error: Error| error.with_kind(ErrorKind::Config).with_target(key.env);
                return found.value.parse().map_err(named);
            }
        }
        ANYWHERE.parse()
    }

    /// The keys turned out to be expired, whatever was said of their end.
    pub(crate) fn forget_keys(&self) {
        self.own.invalidate();
    }

    /// An S3 client for a bucket.
    pub(crate) async fn s3(&self, region: &Region, bucket: &str, keys: Credentials) -> Result<aws_sdk_s3::Client> {
        use aws_sdk_s3::config::{Builder, RequestChecksumCalculation, ResponseChecksumValidation};
        let config = self.config(region).await?;
        let url = self.endpoint(config, "S3", self.settings.s3_url.as_ref());
        // Servers other than AWS rarely have a host name per bucket, and no certificate of AWS covers a name with dots.
        let in_path = || url.is_some() || bucket.contains('.');
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
        Ok(aws_sdk_s3::Client::from_conf(builder.build()))
    }

    /// An STS client in the region of a bucket.
    pub(crate) async fn sts(&self, region: &Region, keys: Credentials) -> Result<aws_sdk_sts::Client> {
        let config = self.config(region).await?;
        let mut builder = aws_sdk_sts::config::Builder::from(config)
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

    /// An endpoint other than AWS's own: set in code, or by a variable, or by the profile's `services` section.
    fn endpoint(&self, config: &SdkConfig, service: &str, set: Option<&Url>) -> Option<String> {
        let of_service = || {
            let key = ServiceConfigKey::builder().service_id(service).env("AWS_ENDPOINT_URL").profile("endpoint_url");
            config.service_config()?.load_config(key.build().ok()?)
        };
        let url = set
            .map(|url| url.as_str().to_owned())
            .or_else(of_service)
            .or_else(|| config.endpoint_url().map(str::to_owned))?;
        self.warn_of_clear_text(service, &url);
        Some(url)
    }

    /// Requests are signed, so keys stay secret; what a session's token opens is open to whoever hears it.
    fn warn_of_clear_text(&self, service: &str, url: &str) {
        let Ok(parsed) = Url::parse(url) else { return };
        if parsed.scheme() == "http"
            && !parsed.host_str().is_some_and(is_loopback)
            && !self.warned.swap(true, Ordering::Relaxed)
        {
            let host = parsed.host_str().unwrap_or_default();
            tracing::warn!(
                service,
                host,
                "the endpoint is http to another machine: the session token and all bytes go in clear text"
            );
        }
    }
}

/// These variables as the AWS SDK takes them.
fn env_of(environment: &Environment) -> Result<Env> {
    // An environment of the program's own stands for all of this machine: its instance metadata is not asked.
    let mut variables = HashMap::from([("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned())]);
    for name in environment.names() {
        if let Some(value) = environment.lookup(&name)? {
            variables.insert(name, value.expose_secret().to_owned());
        }
    }
    Ok(Env::from(variables))
}

impl AwsSettings {
    /// Refuses what cannot be an endpoint, in code and in the environment.
    pub(crate) fn check(&self, environment: &Environment) -> Result<()> {
        for key in [AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL_STS] {
            environment.url(key)?;
        }
        for (what, url) in [("S3", &self.s3_url), ("STS", &self.sts_url)] {
            if let Some(url) = url
                && (!matches!(url.scheme(), "http" | "https") || url.host().is_none())
            {
                return Err(Error::new(ErrorKind::Config, format!("the {what} endpoint must be an http or https URL")));
            }
        }
        Ok(())
    }
}

impl fmt::Debug for AwsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsSettings")
            .field("keys", &self.keys)
            .field("profile", &self.profile)
            .field("s3_url", &self.s3_url.as_ref().map(|url| SafeUrl(url).to_string()))
            .field("sts_url", &self.sts_url.as_ref().map(|url| SafeUrl(url).to_string()))
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Base").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_that_are_none_name_their_variable() {
        let check = |name: &str, value: &str| {
            AwsSettings::default().check(&Environment::from_pairs([(name, value)])).unwrap_err()
        };
        for name in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_STS"] {
            for value in ["localhost:9000", "ftp://h/", "https://u:canary@h/"] {
                let error = check(name, value);
                assert_eq!((error.kind(), error.target()), (ErrorKind::Config, Some(name)), "{value}");
                assert!(!format!("{error:?}").contains("canary"), "{error:?}");
            }
        }
    }

    #[test]
    fn debug_shows_no_user_of_an_endpoint() {
        let settings = AwsSettings { s3_url: "http://u:canary@h/".parse().ok(), ..AwsSettings::default() };
        assert!(!format!("{settings:?}").contains("canary"), "{settings:?}");
    }
}
