//! A release as people ask for one: a chart's folder, how the version grows, the image and where it is built.
//!
//! ```
//! use cube_sdk::apollo::publish::Bump;
//! use cube_sdk::prelude::*;
//! use cube_sdk::release::Release;
//! # use cube_sdk_server::local::World;
//! # #[tokio::main]
//! # async fn main() -> Result<()> {
//! # let world = World::start().await?;
//! # let folder = tempfile::tempdir().unwrap();
//! # let folder = folder.path().join("web");
//! # std::fs::create_dir_all(&folder).unwrap();
//! # std::fs::write(folder.join("Chart.yaml"), "apiVersion: v2\nname: web\nversion: 1.4.2\n").unwrap();
//! let cube = Cube::builder().environment(world.environment()).build(); // in a program of yours: Cube::from_env()?
//! let release = Release::new().chart(folder).bump(Bump::Minor).channels(["BETA"]);
//! let plan = cube.release(&release)?;
//! println!("{plan}"); // nothing is done yet
//! let report = plan.run().await?;
//! assert_eq!((report.release.as_str(), report.channels.len()), ("com.edgescaleai-cube:web:1.5.0", 1));
//! # Ok(())
//! # }
//! ```

use std::path::PathBuf;

use cube_sdk_apollo::config::{CLIENT_ID, CLIENT_SECRET, TOKEN};
use cube_sdk_apollo::publish::{Bump, Chart, ImageBuild, Platform, Publish, ReleasePlan};
use cube_sdk_core::{Result, SecretString};

use crate::Cube;
use crate::cloud::BuildPlace;

/// What is asked of a release, for [`Cube::release`]. What is left out is looked for, or as the published agent has it.
///
/// ```
/// use cube_sdk::apollo::publish::Bump;
/// use cube_sdk::release::{Image, Release};
///
/// let next = Release::new().chart("charts/web").bump(Bump::Minor).channels(["BETA", "STABLE"]);
/// let named = Release::new().chart("charts/web").version("2.0.0").app_version("2026.11").image(Image::new());
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "hand it to Cube::release"]
pub struct Release {
    chart: Option<PathBuf>,
    version: Option<String>,
    bump: Bump,
    app_version: Option<String>,
    image: Option<Image>,
    channels: Vec<String>,
}

impl Release {
    /// The next patch of the chart in the working directory, without an image.
    pub fn new() -> Self {
        Self::default()
    }

    /// The chart's folder or its `Chart.yaml`. Default: looked for from the working directory.
    pub fn chart(mut self, chart: impl Into<PathBuf>) -> Self {
        self.chart = Some(chart.into());
        self
    }

    /// The new version, in place of a bump.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// How the version grows. Default: by a patch.
    pub fn bump(mut self, bump: Bump) -> Self {
        self.bump = bump;
        self
    }

    /// The image's tag and the chart's appVersion. Default: the new version where an image is built.
    pub fn app_version(mut self, version: impl Into<String>) -> Self {
        self.app_version = Some(version.into());
        self
    }

    /// The image. Default: none is built, even where there is a Dockerfile.
    pub fn image(mut self, image: Image) -> Self {
        self.image = Some(image);
        self
    }

    /// Channels to add the release to; Apollo adds it to `DEV` by itself.
    pub fn channels(mut self, channels: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.channels = channels.into_iter().map(Into::into).collect();
        self
    }
}

/// The image of a [`Release`]: built where there is a Dockerfile.
///
/// ```
/// use cube_sdk::cloud::BuildPlace;
/// use cube_sdk::release::{Image, Release};
///
/// let token = std::env::var("NPM_TOKEN").unwrap_or_default();
/// let image = Image::new().place(BuildPlace::Cloud).dockerfile("deploy/Dockerfile").target("runtime");
/// let image = image.platform("linux/arm64").argument("NPM_TOKEN", token.into());
/// let release = Release::new().image(image);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "hand it to Release::image"]
pub struct Image {
    place: BuildPlace,
    dockerfile: Option<PathBuf>,
    target: Option<String>,
    platform: Option<String>,
    arguments: Vec<(String, SecretString)>,
}

impl Image {
    /// By the Dockerfile of the chart's folder or of the folder above, for `linux/amd64`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where it is built. Default: here where there is docker, else by cube-cloud.
    pub fn place(mut self, place: BuildPlace) -> Self {
        self.place = place;
        self
    }

    /// The Dockerfile, below the chart's folder.
    pub fn dockerfile(mut self, file: impl Into<PathBuf>) -> Self {
        self.dockerfile = Some(file.into());
        self
    }

    /// The stage of the Dockerfile to build up to.
    pub fn target(mut self, stage: impl Into<String>) -> Self {
        self.target = Some(stage.into());
        self
    }

    /// What it is built for.
    pub fn platform(mut self, platform: impl Into<String>) -> Self {
        self.platform = Some(platform.into());
        self
    }

    /// A build argument.
    pub fn argument(mut self, name: impl Into<String>, value: SecretString) -> Self {
        self.arguments.push((name.into(), value));
        self
    }

    /// What is built; none where there is no Dockerfile.
    fn build(&self, chart: &Chart) -> Result<Option<ImageBuild>> {
        let build = match &self.dockerfile {
            Some(file) => Some(ImageBuild::new(&chart.folder().join(file))?),
            None => ImageBuild::of_chart(chart.folder())?,
        };
        let Some(mut build) = build else { return Ok(None) };
        if let Some(platform) = &self.platform {
            build = build.platform(Platform::parse(platform)?);
        }
        if let Some(target) = &self.target {
            build = build.target(target);
        }
        for (name, value) in &self.arguments {
            build = build.build_arg(name, value.clone())?;
        }
        Ok(Some(build))
    }
}

impl Cube {
    /// Publishing of charts: by Apollo itself where credentials for it are set, else through cube-cloud.
    ///
    /// # Errors
    /// `Config` as [`Cube::apollo`] and [`Cube::cloud`] have it: `CUBE_APOLLO_CLIENT_ID` without its secret is told.
    pub fn publish(&self) -> Result<Publish> {
        let cloud = self.cloud()?;
        let environment = cloud.service().ground().environment();
        for key in [CLIENT_ID, CLIENT_SECRET, TOKEN] {
            if environment.lookup(key.env)?.is_some() {
                return Ok(self.apollo()?.publish());
            }
        }
        Ok(cloud.publish())
    }

    /// What a release will do, by [`Cube::publish`]. Everything that can be wrong with the chart and its image is told here;
    /// nothing is sent and nothing is changed.
    ///
    /// # Errors
    /// `InvalidInput` with a [`PublishFault`](cube_sdk_apollo::publish::PublishFault); `Config` as [`Cube::publish`].
    pub fn release(&self, asked: &Release) -> Result<ReleasePlan> {
        let chart = Chart::find(asked.chart.as_deref())?;
        let mut release = self.publish()?.release(&chart).bump(asked.bump).channels(asked.channels.clone());
        if let Some(version) = &asked.version {
            release = release.version(version.as_str());
        }
        if let Some(version) = &asked.app_version {
            release = release.app_version(version);
        }
        let Some(image) = &asked.image else { return release.plan() };
        let Some(build) = image.build(&chart)? else { return release.plan() };
        let cloud = self.cloud()?;
        let here = match image.place {
            BuildPlace::Auto => cloud.has_docker()?,
            BuildPlace::Here => true,
            BuildPlace::Cloud => false,
        };
        let release =
            if here { release.local_image(build) } else { release.remote_image(build, cloud.image_builder()) };
        release.plan()
    }
}
