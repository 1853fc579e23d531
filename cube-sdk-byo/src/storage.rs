//! The entry to the storage half: keys, endpoints, clocks and retry, shared by all sessions.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cube_sdk_core::names::taken;
use cube_sdk_core::settings::Settings;
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};
use url::Url;

use crate::audit::Recorder;
use crate::region::Region;
use crate::s3_uri::Bucket;
use crate::session::{
    Account, AuditScope, AwsSettings, Base, CallerIdentity, GivenKeys, GrantRef, Identity, LeaseCell, Scope, Session,
    caller_identity, lease_cell, session_name_of,
};

/// Reads from the customer's buckets. Cheap to clone; clones share connections, sessions and retry budget.
///
/// ```
/// use cube_sdk_byo::{GrantRef, Scope, Storage};
/// use cube_sdk_core::config::Environment;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let world = cube_sdk_testkit::aws::AwsWorld::builder().start().await?;
/// # let card = world.card();
/// # let (key, secret) = (&card.worker.access_key_id, &card.worker.secret_access_key);
/// # let secret = cube_sdk_core::secret::ExposeSecret::expose_secret(secret);
/// # let endpoint = ("AWS_ENDPOINT_URL", card.endpoint_url.as_str());
/// # let environment =
/// #     Environment::from_pairs([endpoint, ("AWS_ACCESS_KEY_ID", key), ("AWS_SECRET_ACCESS_KEY", secret)]);
/// # let (role, bucket, region) = (&card.role_arn, &card.bucket, &card.region);
/// # let folder = tempfile::tempdir()?;
/// // `Environment::process()`, the default, reads the process's own variables, as AWS's tools do.
/// let storage = Storage::builder().environment(environment).build()?;
/// let external_id = "c2b7a6d4-93e1-4f0a-b1d8-6a1e5d2f7c90".parse()?;
/// let grant = GrantRef::new(role.parse()?, external_id, bucket.parse()?, region.parse()?);
///
/// let session = storage.session(&grant, Scope::Bucket); // assumes the role at its first call
/// let uri = format!("s3://{bucket}/{}", card.object_key);
/// let report = session.open(uri).read_to_file(folder.path().join("net.onnx")).await?;
/// assert_eq!(report.sha256.to_string(), card.object_sha256);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Storage(Arc<Inner>);

struct Inner {
    account: Account,
    session_duration: Duration,
    recorder: Option<Recorder>,
    sessions: Mutex<HashMap<CacheKey, Arc<LeaseCell>>>,
}

type CacheKey = (GrantRef, Scope);

/// Settings of a [`Storage`]: those that every domain takes, and AWS's own.
///
/// What is set in code wins over the environment (`AWS_ENDPOINT_URL`, `AWS_PROFILE`, …), the environment over the files
/// of the profile, whatever the order of the calls. With an [`environment`](Self::environment) of one's own nothing of the
/// process's is read.
///
/// ```
/// use std::time::Duration;
///
/// use cube_sdk_byo::Storage;
/// use cube_sdk_byo::audit::{MemorySink, Recorder};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let world = cube_sdk_testkit::aws::AwsWorld::builder().start().await?;
/// # let card = world.card();
/// let rows = MemorySink::default();
/// let storage = Storage::builder()
///     .keys(&card.admin.access_key_id, card.admin.secret_access_key.clone(), None)
///     .endpoint_url(card.endpoint_url.parse()?)
///     .session_duration(Duration::from_secs(900))
///     .audit(Recorder::new(rows.clone()))
///     .build()?;
/// let session = storage.own_session(&card.bucket, &card.region)?;
/// let uri = format!("s3://{}/{}", card.bucket, card.object_key);
/// assert_eq!(session.inspect(uri).await?.size, card.object_size);
/// assert_eq!(rows.entries().len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct StorageBuilder {
    settings: Settings,
    aws: AwsSettings,
    session_duration: Duration,
    recorder: Option<Recorder>,
}

impl Storage {
    /// Settings with their defaults: keys found as AWS's own tools find them, AWS's endpoints (or those of
    /// `AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL_STS`).
    pub fn builder() -> StorageBuilder {
        StorageBuilder {
            settings: Settings::new(),
            aws: AwsSettings::default(),
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
    ///
    /// # Errors
    /// `InvalidInput` for what is no bucket or region.
    pub fn own_session(
        &self,
        bucket: impl TryInto<Bucket, Error: Into<Error>>,
        region: impl TryInto<Region, Error: Into<Error>>,
    ) -> Result<Session> {
        let (bucket, region) = (taken(bucket)?, taken(region)?);
        Ok(Session {
            account: self.0.account.clone(),
            identity: Identity::Own,
            audit: self.audit_scope(&bucket, None),
            bucket,
            region,
            cell: self.cell(),
        })
    }

    /// Whom the storage's own keys belong to, by STS GetCallerIdentity, which needs no permission. It goes to the region of
    /// `AWS_REGION` or `AWS_DEFAULT_REGION`, else to `us-east-1`, and has no audit row: nothing of a customer's is asked.
    ///
    /// # Errors
    /// `Credentials` when no keys are found; `Unauthenticated` when AWS does not take them, or this machine's clock is off;
    /// `Config` for what is no region; transport errors after retries.
    pub async fn caller_identity(&self) -> Result<CallerIdentity> {
        caller_identity(&self.0.account).await
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

    fn cell(&self) -> Arc<LeaseCell> {
        Arc::new(lease_cell(self.0.account.clock()))
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
        self.aws.path_style = Some(path_style);
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

    /// Checks the settings. Reads and connects nothing yet; keys are found at the first call.
    ///
    /// Clocks that were not set are 15 s to an answer's head, 15 s between two chunks of a body, 120 s for a call that is
    /// no read; reads have no deadline but the one that they are given. Connecting takes at most 5 s.
    ///
    /// # Errors
    /// `Config` for endpoints that are no http(s) URL, for session durations out of range, and for settings that every
    /// domain shares.
    pub fn build(self) -> Result<Storage> {
        if !(1..=43_200).contains(&self.session_duration.as_secs()) {
            return Err(Error::new(ErrorKind::Config, "the session duration must lie between 1 s and 12 h"));
        }
        let ground = self.settings.ground()?;
        self.aws.check(ground.environment())?;
        Ok(Storage(Arc::new(Inner {
            account: Account::new(Base::new(self.aws, &ground)?, &ground),
            session_duration: self.session_duration,
            recorder: self.recorder,
            sessions: Mutex::default(),
        })))
    }
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
            .field("aws", &self.aws)
            .finish_non_exhaustive()
    }
}
