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
//! let release = Release { chart: Some(folder), bump: Bump::Minor, channels: vec!["BETA".into()], ..Release::default() };
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

/// What is asked of a release. What is left out is looked for, or as the published agent has it.
#[derive(Clone, Debug, Default)]
pub struct Release {
    /// The chart's folder or its `Chart.yaml`; none: looked for from the working directory.
    pub chart: Option<PathBuf>,
    /// The new version, in place of `bump`.
    pub version: Option<String>,
    /// How the version grows.
    pub bump: Bump,
    /// The image's tag and the chart's appVersion; none: the new version where an image is built.
    pub app_version: Option<String>,
    /// The image; none: none is built, even where there is a Dockerfile.
    pub image: Option<Image>,
    /// Channels to add the release to; Apollo adds it to `DEV` by itself.
    pub channels: Vec<String>,
}

/// The image of a release: built where there is a Dockerfile.
#[derive(Clone, Debug, Default)]
pub struct Image {
    /// Where it is built.
    pub place: BuildPlace,
    /// The Dockerfile, below the chart's folder; none: there, or in the folder above.
    pub dockerfile: Option<PathBuf>,
    /// The stage of the Dockerfile to build up to.
    pub target: Option<String>,
    /// What it is built for; none: `linux/amd64`.
    pub platform: Option<String>,
    /// Build arguments.
    pub arguments: Vec<(String, SecretString)>,
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

impl Image {
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
