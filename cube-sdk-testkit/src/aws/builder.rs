//! How a world is set up.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::state::{Settings, WrongRegion};

/// Sets up an [`AwsWorld`](super::AwsWorld); every setting has a default.
///
/// ```
/// use cube_sdk_testkit::aws::AwsWorld;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let world = AwsWorld::builder().seed(7).region("us-west-2").account_id("210987654321").start().await?;
/// let card = world.card();
/// assert_eq!(card.region, "us-west-2");
/// assert!(card.role_arn.starts_with("arn:aws:iam::210987654321:role/"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct AwsWorldBuilder {
    pub(crate) seed: u64,
    pub(crate) region: String,
    pub(crate) account_id: String,
    pub(crate) edgegate_account_id: String,
    pub(crate) settings: Settings,
    pub(crate) iam_delay: RangeInclusive<Duration>,
    pub(crate) request_log: bool,
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) port: u16,
}

impl Default for AwsWorldBuilder {
    fn default() -> Self {
        Self {
            seed: 1,
            region: "eu-central-1".to_owned(),
            account_id: "111122223333".to_owned(),
            edgegate_account_id: "444455556666".to_owned(),
            settings: Settings::default(),
            iam_delay: Duration::ZERO..=Duration::ZERO,
            request_log: false,
            data_dir: None,
            port: 0,
        }
    }
}

impl AwsWorldBuilder {
    /// Makes ids, keys, contents and random choices repeatable; default 1. A data directory keeps its first seed.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The home region, where the standard bucket lies; default `eu-central-1`.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = region.into();
        self
    }

    /// The customer's account, 12 digits; default `111122223333`.
    pub fn account_id(mut self, id: impl Into<String>) -> Self {
        self.account_id = id.into();
        self
    }

    /// The worker's account, 12 digits; default `444455556666`.
    pub fn edgegate_account_id(mut self, id: impl Into<String>) -> Self {
        self.edgegate_account_id = id.into();
        self
    }

    /// Lets AssumeRole take a `DurationSeconds` from 1 on, where AWS begins at 900: for tests of expiry.
    pub fn short_sessions(mut self) -> Self {
        self.settings.short_sessions = true;
        self
    }

    /// The bytes that a packed session policy may take before AssumeRole answers `PackedPolicyTooLarge`; default 450.
    /// AWS publishes neither its packing nor its limit: here a policy is deflated behind a dictionary of policy words.
    pub fn packed_policy_limit(mut self, bytes: usize) -> Self {
        self.settings.packed_policy = bytes.max(1);
        self
    }

    /// The most body bytes per second that one connection carries; unlimited by default.
    pub fn rate_per_connection(mut self, bytes_per_second: u64) -> Self {
        self.settings.rate = Some(bytes_per_second.max(1));
        self
    }

    /// How long changes to roles take until STS and S3 see them, drawn from this range by tokio's clock; default at
    /// once. IAM's own reads see a change immediately, as AWS's mostly do. Real life is up to about 30 s.
    pub fn iam_delay(mut self, range: RangeInclusive<Duration>) -> Self {
        self.iam_delay = range;
        self
    }

    /// Keeps every request for [`AwsWorld::requests`](super::AwsWorld::requests); off by default.
    pub fn request_log(mut self) -> Self {
        self.request_log = true;
        self
    }

    /// Keeps roles, and buckets and objects made through the S3 API, in this directory; created if absent.
    pub fn data_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(dir.into());
        self
    }

    /// How a wrong region is answered; default [`WrongRegion::PermanentRedirect`].
    pub fn wrong_region(self, shape: WrongRegion) -> Self {
        self.settings.switches().wrong_region = shape;
        self
    }

    /// The loopback port; default 0, any free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }
}
