//! The entry to the storage half: keys, endpoints, clocks and retry, shared by all sessions.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cube_sdk_core::config::{Key, Sourced};
use cube_sdk_core::engine::Clocks;
use cube_sdk_core::retry::Retrier;
use cube_sdk_core::settings::{Ground, Settings};
use cube_sdk_core::{Error, ErrorKind, Result, SecretString, Timestamp};
use url::Url;

use crate::audit::Recorder;
use crate::config::{AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL_STS};
use crate::region::Region;
use crate::s3_uri::Bucket;
use crate::session::{
    AuditScope, Base, BaseKeys, GrantRef, Identity, LeaseCell, Scope, ServiceUrls, Session, session_name_of,
};

/// Reads from the customer's buckets. Cheap to clone; clones share connections, sessions and retry budget.
///
/// ```no_run
/// # async fn demo() -> cube_sdk_core::Result<()> {
/// use cube_sdk_byo::{GrantRef, Scope, Storage};
/// let storage = Storage::builder().build()?;
/// let grant = GrantRef::new(
///     "arn:aws:iam::210987654321:role/reader".parse()?,
///     "c2b7a6d4-93e1-4f0a-b1d8-6a1e5d2f7c90".parse()?,
///     "acme-edge-models".parse()?,
///     "eu-central-1".parse()?,
/// );
/// let session = storage.session(&grant, Scope::Bucket);
/// let report = session.open("s3://acme-edge-models/vision/net.onnx".parse()?).read_to_file("net.onnx").await?;
/// println!("{} bytes, {}", report.bytes, report.sha256);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Storage(Arc<Inner>);

struct Inner {
    base: Base,
    ground: Ground,
    clocks: Clocks,
    session_duration: Duration,
    recorder: Option<Recorder>,
    sessions: Mutex<HashMap<CacheKey, Arc<LeaseCell>>>,
}

type CacheKey = (GrantRef, Scope);

/// Settings of a [`Storage`].
#[derive(Clone)]
#[must_use]
pub struct StorageBuilder {
    settings: Settings,
    keys: BaseKeys,
    urls: ServiceUrls,
    path_style: Option<bool>,
    session_duration: Duration,
    recorder: Option<Recorder>,
}

impl Storage {
    /// Settings with their defaults: keys found as AWS's own tools find them, AWS's endpoints (or those of
    /// `AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL_STS`).
    pub fn builder() -> StorageBuilder {
        StorageBuilder {
            settings: Settings::new(),
            keys: BaseKeys::Chain { profile: None },
            urls: ServiceUrls::default(),
            path_style: None,
            session_duration: Duration::from_secs(3600),
            recorder: None,
        }
    }

    /// A session for a grant. Sessions of the same grant, External ID and scope share their credentials,
    /// which are renewed when less than 60 s are left.
    pub fn session(&self, grant: &GrantRef, scope: Scope) -> Session {
        let key = (grant.clone(), scope.clone());
        let mut sessions = self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        // A cell that nobody else holds and that holds nothing fresh is of no more use.
        sessions.retain(|_, cell| Arc::strong_count(cell) > 1 || !cell.is_idle());
        let cell = Arc::clone(sessions.entry(key).or_insert_with(|| self.cell()));
        drop(sessions);
        self.assumed(grant, scope, cell)
    }

    /// A session of its own, never from the cache: what each cell of a run takes, so that a revoked role
    /// is noticed.
    pub fn fresh_session(&self, grant: &GrantRef, scope: Scope) -> Session {
        self.assumed(grant, scope, self.cell())
    }

    /// A session with the storage's own keys, without AssumeRole.
    pub fn own_session(&self, bucket: Bucket, region: Region) -> Session {
        Session {
            account: self.0.account.clone(),
            identity: Identity::Own,
            audit: self.audit_scope(&bucket, None),
            bucket,
            region,
            cell: self.cell(),
        }
    }

    fn assumed(&self, grant: &GrantRef, scope: Scope, cell: Arc<LeaseCell>) -> Session {
        let name = session_name_of(&format!("edgegate-{}", grant.external_id.short()));
        Session {
            account: self.0.account.clone(),
            audit: self.audit_scope(&grant.bucket, Some(grant.role_arn.as_str())),
            bucket: grant.bucket.clone(),
            region: grant.region.clone(),
            identity: Identity::Role { grant: Arc::new(grant.clone()), scope, name, duration: self.0.session_duration },
            cell,
        }
    }

    fn audit_scope(&self, bucket: &Bucket, role_arn: Option<&str>) -> AuditScope {
        AuditScope {
            recorder: self.0.recorder.clone(),
            bucket: bucket.as_str().to_owned(),
            role_arn: role_arn.map(str::to_owned),
            probe_id: None,
        }
    }

    pub(crate) fn base(&self) -> &Base {
        &self.0.base
    }

    pub(crate) fn retrier(&self) -> &Retrier {
        self.0.ground.retrier()
    }

    pub(crate) fn clocks(&self) -> Clocks {
        self.0.clocks
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.ground.clock().now()
    }
}

impl StorageBuilder {
    cube_sdk_core::settings_methods!();

    /// Keys of one's own instead of those that are found: access key id, secret, session token.
    pub fn keys(mut self, id: impl Into<String>, secret: SecretString, token: Option<SecretString>) -> Self {
        self.aws.keys = Some(GivenKeys { id: id.into(), secret, token });
        self
    }

    /// A profile of `~/.aws/config`, in place of `AWS_PROFILE`.
    pub fn profile(mut self, name: impl Into<String>) -> Self {
        self.aws.profile = Some(name.into());
        self
    }

    /// One endpoint for S3 and STS, for servers other than AWS. Buckets then go into the path.
    pub fn endpoint_url(self, url: Url) -> Self {
        self.s3_endpoint_url(url.clone()).sts_endpoint_url(url)
    }

    /// S3's endpoint.
    pub fn s3_endpoint_url(mut self, url: Url) -> Self {
        self.aws.s3_url = Some(url);
        self
    }

    /// STS's endpoint.
    pub fn sts_endpoint_url(mut self, url: Url) -> Self {
        self.aws.sts_url = Some(url);
        self
    }

    /// Bucket in the path (true) or in the host name (false). Default: in the path for endpoints other
    /// than AWS's and for names with dots, which no TLS certificate of AWS covers.
    pub fn path_style(mut self, path_style: bool) -> Self {
        self.path_style = Some(path_style);
        self
    }

    /// How long sessions last: 900 s to 12 h on AWS, and at most what the role allows. Default 3600 s.
    pub fn session_duration(mut self, duration: Duration) -> Self {
        self.session_duration = duration;
        self
    }

    /// Where audit rows go. Without a recorder none are written.
    pub fn audit(mut self, recorder: Recorder) -> Self {
        self.recorder = Some(recorder);
        self
    }

    /// Checks the settings. Connects nothing yet; what AWS's own tools read is read at the first call.
    ///
    /// Clocks that were not set are 15 s to the headers of an answer, 15 s between two chunks of a body, 60 s for
    /// AssumeRole with its repetitions. Endpoints come from code, else from `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL_STS`
    /// and `AWS_ENDPOINT_URL`, else from the profile, else they are AWS's.
    ///
    /// # Errors
    /// `Config`, naming the setting, for endpoints that are no http(s) URL, for session durations out of range, and for
    /// settings of every domain that cannot be used.
    pub fn build(self) -> Result<Storage> {
        let ground = self.settings.ground()?;
        let urls = ServiceUrls {
            s3: endpoint(&ground, self.urls.s3, AWS_ENDPOINT_URL_S3)?,
            sts: endpoint(&ground, self.urls.sts, AWS_ENDPOINT_URL_STS)?,
        };
        if !(1..=43_200).contains(&self.session_duration.as_secs()) {
            return Err(Error::new(ErrorKind::Config, "the session duration must lie between 1 s and 12 h"));
        }
        Ok(Storage(Arc::new(Inner {
            base: Base::new(ground.clone(), self.keys, urls, self.path_style),
            clocks: ground.clocks(default_clocks()),
            ground,
            session_duration: self.session_duration,
            recorder: self.recorder,
            sessions: Mutex::default(),
        })))
    }
}

fn default_clocks() -> Clocks {
    let mut clocks = Clocks::default();
    clocks.first_byte = Duration::from_secs(15);
    clocks.idle = Duration::from_secs(15);
    clocks.attempt = Duration::from_secs(15);
    clocks.deadline = Duration::from_secs(60);
    clocks
}

/// The endpoint of a service: set in code, or in the environment for the service or for all of AWS.
fn endpoint(ground: &Ground, code: Option<Url>, key: Key) -> Result<Option<Url>> {
    let environment = ground.environment();
    let found = match code {
        Some(url) => Some(Sourced::code(url)),
        None => match environment.url(key)? {
            Some(found) => Some(found),
            None => environment.url(AWS_ENDPOINT_URL)?,
        },
    };
    let Some(found) = found else { return Ok(None) };
    let place = format!("{} ({})", key.env, found.origin);
    if !matches!(found.value.scheme(), "http" | "https") || found.value.host().is_none() {
        return Err(Error::new(ErrorKind::Config, "the endpoint must be an http or https URL").with_target(place));
    }
    if ground.check_clear_text(&place, &found.value).is_err() {
        // Requests are signed: what is in the clear is the session token beside the signature, and the bytes.
        tracing::warn!(endpoint = %place, "session tokens and bytes go to this endpoint in clear text");
    }
    Ok(Some(found.value))
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Storage").field("account", &self.0.account).finish_non_exhaustive()
    }
}

impl fmt::Debug for StorageBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StorageBuilder")
            .field("settings", &self.settings)
            .field("urls", &self.urls)
            .finish_non_exhaustive()
    }
}
