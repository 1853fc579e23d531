//! Images that cube-cloud builds, and whether this machine can.

use std::str::FromStr;

use async_trait::async_trait;
use cube_sdk_apollo::publish::{BuildState, BuildStatus, PreparedBuild, RemoteBuild, RemoteBuilder};
use cube_sdk_core::secret::ExposeSecret as _;
use cube_sdk_core::{Error, ErrorKind, Result};
use serde_json::{Map, Value};

use super::Cloud;
use super::service::CUBE_AGENT_DISABLE_DOCKER;
use super::tools::ImageBuild;

/// cube-cloud as the builder of a chart's image. From [`Cloud::image_builder`].
///
/// ```
/// use cube_sdk::apollo::publish::RemoteBuilder;
/// use cube_sdk::prelude::*;
/// # use cube_sdk_server::local::World;
/// # #[tokio::main]
/// # async fn main() -> Result<()> {
/// # let world = World::start().await?;
/// # let cube = Cube::builder().environment(world.environment()).build();
/// // In a program of yours: Cube::from_env()?
/// let cloud = cube.cloud()?;
/// // A release takes it where this machine has no docker: release.remote_image(build, cloud.image_builder())
/// if !cloud.has_docker()? {
///     println!("{:?} builds", cloud.image_builder());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ImageBuilder(Cloud);

impl Cloud {
    /// cube-cloud as the builder of a chart's image.
    pub fn image_builder(&self) -> ImageBuilder {
        ImageBuilder(self.clone())
    }

    /// Is there a `docker` in the environment's PATH that may be used? Whether its daemon runs shows when it builds.
    ///
    /// # Errors
    /// `Config` when `PATH` or `CUBE_AGENT_DISABLE_DOCKER` is no text.
    pub fn has_docker(&self) -> Result<bool> {
        let environment = self.service().ground().environment();
        if environment.text(CUBE_AGENT_DISABLE_DOCKER)?.is_some() {
            return Ok(false);
        }
        let Some(path) = environment.lookup("PATH")? else { return Ok(false) };
        let name = format!("docker{}", std::env::consts::EXE_SUFFIX);
        Ok(std::env::split_paths(path.expose_secret()).any(|folder| folder.join(&name).is_file()))
    }
}

/// Where an image is built.
///
/// ```
/// use cube_sdk::cloud::BuildPlace;
/// assert_eq!("remote".parse::<BuildPlace>()?, BuildPlace::Cloud);
/// assert!("elsewhere".parse::<BuildPlace>().is_err());
/// # Ok::<(), cube_sdk::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum BuildPlace {
    /// By docker where there is one here, else by cube-cloud.
    #[default]
    Auto,
    /// By this machine's docker.
    Here,
    /// By cube-cloud.
    Cloud,
}

impl FromStr for BuildPlace {
    type Err = Error;

    /// By the published names: `auto`, `local`, `remote`.
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "auto" => Ok(Self::Auto),
            "local" => Ok(Self::Here),
            "remote" => Ok(Self::Cloud),
            other => Err(Error::new(ErrorKind::InvalidInput, format!("build_mode is {other:?}"))
                .advice("it is auto, local or remote")),
        }
    }
}

#[async_trait]
impl RemoteBuilder for ImageBuilder {
    async fn prepare(&self, image: &str, tag: &str) -> Result<PreparedBuild> {
        let made = no_error(self.0.build_image_prepare(image, tag).await?.into_data()?)?;
        let upload_url = made.upload_url.ok_or_else(|| {
            Error::new(ErrorKind::Decode, "the service tells no upload URL").with_target("build_image_prepare")
        })?;
        Ok(PreparedBuild { job: made.job_id, upload_url })
    }

    async fn start(&self, build: &RemoteBuild) -> Result<()> {
        let mut arguments = Map::new();
        let mut put = |name: &str, value: Value| drop(arguments.insert(name.to_owned(), value));
        put("job_id", build.job.as_str().into());
        put("dockerfile", build.dockerfile.as_str().into());
        put("platform", build.platform.as_str().into());
        if let Some(target) = &build.target {
            put("target", target.as_str().into());
        }
        if !build.arguments.is_empty() {
            let told = build.arguments.iter().map(|(name, value)| (name.clone(), value.expose_secret().into()));
            put("build_args", Value::Object(told.collect()));
        }
        let secrets = build.arguments.iter().map(|(_, value)| value.clone());
        let reply = self.0.call_tool("build_image_start", Value::Object(arguments)).hides(secrets).await?;
        // Old services answer with text that says so.
        let said = reply.data().cloned().or_else(|| serde_json::from_str(reply.text()).ok());
        match said.as_ref().and_then(|said| said.get("error")).and_then(Value::as_str) {
            Some(error) => Err(failed(error)),
            None => Ok(()),
        }
    }

    async fn status(&self, job: &str) -> Result<BuildStatus> {
        let told = no_error(self.0.build_image_status(job).await?.into_data()?)?;
        Ok(BuildStatus {
            state: told.state.as_deref().map(BuildState::from),
            image: told.image_uri,
            reason: told.stopped_reason,
            exit_code: told.exit_code,
            log: told.logs_tail,
        })
    }
}

fn no_error(build: ImageBuild) -> Result<ImageBuild> {
    match &build.error {
        Some(error) => Err(failed(error)),
        None => Ok(build),
    }
}

fn failed(words: &str) -> Error {
    Error::new(ErrorKind::Server, format!("the service does not build: {words}")).with_target("the image")
}
