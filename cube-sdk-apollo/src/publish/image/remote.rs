//! Built elsewhere: the context goes up to a presigned URL, then the builder is asked until it is done.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use cube_sdk_core::engine::{Call, Clocks};
use cube_sdk_core::redact::{Hidden, one_line};
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Engine, Error, ErrorKind, Idempotency, Operation, Result, SecretString, open_enum};
use http::Method;
use tokio::time::Instant;
use url::Url;

use super::{ImageBuild, ImageName, failed, is_hidden};
use crate::publish::BuildContext;
use crate::publish::progress::{Listener, Progress};
use crate::publish::registry::file_upload;

const UPLOAD: Operation = Operation::new("image_builder", "upload_context", Idempotency::Repeatable);

/// The pause between two looks, and how long a build may take.
const PAUSE: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(900);

open_enum! {
    /// Where a remote build stands.
    pub enum BuildState {
        /// It waits for its turn.
        Pending = "PENDING",
        /// It runs.
        Running = "RUNNING",
        /// The image is in the registry.
        Succeeded = "SUCCEEDED",
        /// It failed.
        Failed = "FAILED",
    }
}

/// A build that was announced.
#[derive(Clone, Debug)]
pub struct PreparedBuild {
    /// The builder's name for it.
    pub job: String,
    /// Where its context goes: a URL that is a secret, since it carries its own proof.
    pub upload_url: SecretString,
}

/// What a builder is told to build.
#[derive(Clone)]
#[non_exhaustive]
pub struct RemoteBuild {
    /// The builder's name for it.
    pub job: String,
    /// The Dockerfile's name in the context.
    pub dockerfile: String,
    /// What it is built for.
    pub platform: String,
    /// The stage to build up to.
    pub target: Option<String>,
    /// Build arguments.
    pub arguments: Vec<(String, SecretString)>,
}

impl fmt::Debug for RemoteBuild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteBuild")
            .field("job", &self.job)
            .field("dockerfile", &self.dockerfile)
            .finish_non_exhaustive()
    }
}

/// What a builder says of a build.
#[derive(Clone, Debug, Default)]
pub struct BuildStatus {
    /// Where it stands.
    pub state: Option<BuildState>,
    /// The image, once there is one.
    pub image: Option<String>,
    /// Why it stopped.
    pub reason: Option<String>,
    /// The exit code of what built.
    pub exit_code: Option<i64>,
    /// The end of its log.
    pub log: Option<String>,
}

/// A service that builds images from contexts that are uploaded to it; cube-cloud has one.
#[async_trait]
pub trait RemoteBuilder: fmt::Debug + Send + Sync + 'static {
    /// Announces a build of `image`:`tag`.
    ///
    /// # Errors
    /// The service's own.
    async fn prepare(&self, image: &str, tag: &str) -> Result<PreparedBuild>;

    /// Starts a build whose context is uploaded.
    ///
    /// # Errors
    /// The service's own.
    async fn start(&self, build: &RemoteBuild) -> Result<()>;

    /// How far a build is.
    ///
    /// # Errors
    /// The service's own.
    async fn status(&self, job: &str) -> Result<BuildStatus>;
}

/// Builds; the reference of the image.
pub(in crate::publish) async fn build(
    builder: &dyn RemoteBuilder,
    engine: &Engine,
    build: &ImageBuild,
    image: &ImageName,
    listener: &Listener,
) -> Result<String> {
    build.check()?;
    let (folder, dockerfile) = (build.context.clone(), build.dockerfile.clone());
    let packed = tokio::task::spawn_blocking(move || BuildContext::pack(&folder, &dockerfile)).await;
    let context =
        packed.unwrap_or_else(|_| Err(Error::new(ErrorKind::Cancelled, "packing the context was stopped")))?;
    let name = image.repository.as_str().rsplit('/').next().unwrap_or_default();
    let prepared = builder.prepare(name, image.tag.as_str()).await?;
    upload(engine, &context, &prepared.upload_url).await?;
    let told = RemoteBuild {
        job: prepared.job.clone(),
        dockerfile: build.dockerfile.clone(),
        platform: build.platform.to_string(),
        target: build.target.clone(),
        arguments: build.arguments.clone(),
    };
    builder.start(&told).await?;
    let secrets = build.arguments.iter().filter(|(name, value)| is_hidden(name, value)).map(|(_, value)| value.clone());
    let hidden = Hidden::new(secrets.chain([prepared.upload_url]));
    let status = ended(builder, &prepared.job, &hidden, listener).await?;
    Ok(status.image.filter(|image| !image.is_empty()).unwrap_or_else(|| image.to_string()))
}

async fn upload(engine: &Engine, context: &BuildContext, to: &SecretString) -> Result<()> {
    let refused = || failed("the builder's upload URL is none");
    let url = Url::parse(to.expose_secret()).map_err(|_| refused())?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(refused());
    }
    let mut clocks = Clocks::default();
    clocks.first_byte = Duration::from_secs(60);
    clocks.attempt = Duration::from_secs(3600);
    clocks.deadline = Duration::from_secs(7200);
    let about = format!("the upload URL on {}", url.host_str().unwrap_or_default());
    let call = Call::new(UPLOAD, Method::PUT, url).about(about).hides([to.clone()]).clocks(clocks);
    engine.run(&call.upload(file_upload(context.path(), context.length()))).await.map(drop)
}

async fn ended(builder: &dyn RemoteBuilder, job: &str, hidden: &Hidden, listener: &Listener) -> Result<BuildStatus> {
    let began = Instant::now();
    let mut last = String::new();
    loop {
        let status = builder.status(job).await?;
        let state = status.state.as_ref().map(|state| state.as_str().to_owned()).unwrap_or_default();
        if state != last && !state.is_empty() {
            listener.tell(Progress::Build(one_line(&state, 100).into_owned()));
            last = state;
        }
        match status.state {
            Some(BuildState::Succeeded) => return Ok(status),
            Some(BuildState::Failed) => {
                let log = hidden.scrub(status.log.as_deref().unwrap_or_default());
                let skipped = log.chars().count().saturating_sub(2_000);
                let log: String = log.chars().skip(skipped).collect();
                for line in log.lines() {
                    listener.tell(Progress::Line(line.to_owned()));
                }
                let code = status.exit_code.map_or_else(|| "?".to_owned(), |code| code.to_string());
                let reason = hidden.scrub(status.reason.as_deref().unwrap_or_default());
                return Err(failed(format!("the remote build {job} failed with {code}: {reason}; its log ends {log}")));
            }
            _ => {}
        }
        if began.elapsed() >= PATIENCE {
            return Err(Error::new(ErrorKind::Timeout, format!("the remote build {job} did not end within 900 s"))
                .with_fault(crate::publish::PublishFault::BuildFailed)
                .advice("look at it where it is built: it was not stopped"));
        }
        tokio::time::sleep(PAUSE).await;
    }
}
