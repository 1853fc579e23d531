//! `cube publish`: a chart and its image, from a folder to a release.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};
use cube_render::publish::{Plan, Published, Released, progress};
use cube_sdk::apollo::publish::{self, Chart, ImageBuild, Platform, ReleaseOf};
use cube_sdk::{Cube, SecretString};

use crate::context::{Context, given};
use crate::failure::refused;
use crate::output::Output;
use crate::progress::Progress;

/// Build the image, raise the chart's version, push both, make the release
///
/// It stops at the first step that fails; nothing is published before the image is there. Run again it goes on where it
/// stopped. Needs Apollo's credentials: CUBE_APOLLO_CLIENT_ID and CUBE_APOLLO_CLIENT_SECRET.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  cube publish --dry-run\n  cube publish charts/web --bump minor --channel BETA\n  \
                        cube publish --no-image --release 2.0.0\n  \
                        GIT_TOKEN=… cube publish --build-arg GIT_TOKEN --build remote"
)]
pub(crate) struct Publish {
    /// The chart's folder or its Chart.yaml [default: looked for from the working directory]
    chart: Option<PathBuf>,
    /// The new version, in place of --bump
    #[arg(long, value_name = "VERSION", conflicts_with = "bump")]
    release: Option<String>,
    /// How the version grows
    #[arg(long, value_enum, default_value_t)]
    bump: Bump,
    /// The image's tag and the chart's appVersion [default: the new version where an image is built]
    #[arg(long, value_name = "VERSION")]
    app_version: Option<String>,
    /// A channel to add the release to; may be repeated
    #[arg(long = "channel", value_name = "CHANNEL")]
    channels: Vec<String>,
    /// Build no image even where there is a Dockerfile
    #[arg(long)]
    no_image: bool,
    #[command(flatten)]
    image: Image,
    /// Only show what would be done
    #[arg(long)]
    dry_run: bool,
}

/// The image.
#[derive(Args)]
struct Image {
    /// Where it is built: by docker here, by cube-cloud, or as there is docker here or not
    #[arg(long, value_enum, default_value_t)]
    build: Where,
    /// The Dockerfile, below the chart's folder [default: there, or in the folder above]
    #[arg(long, value_name = "FILE")]
    dockerfile: Option<PathBuf>,
    /// The stage of the Dockerfile to build up to
    #[arg(long, value_name = "STAGE")]
    target: Option<String>,
    /// What it is built for
    #[arg(long, default_value = "linux/amd64")]
    platform: String,
    /// A build argument; its value is that of the environment variable of this name
    #[arg(long = "build-arg", value_name = "NAME")]
    arguments: Vec<String>,
}

/// How a version grows.
#[derive(Clone, Copy, Default, ValueEnum)]
enum Bump {
    #[default]
    Patch,
    Minor,
    Major,
}

/// Where an image is built.
#[derive(Clone, Copy, Default, Eq, PartialEq, ValueEnum)]
enum Where {
    #[default]
    Auto,
    Local,
    Remote,
}

impl Publish {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let (cube, output) = (context.cube(), context.output());
        let chart = Chart::find(self.chart.as_deref())?;
        let bump = match self.bump {
            Bump::Patch => publish::Bump::Patch,
            Bump::Minor => publish::Bump::Minor,
            Bump::Major => publish::Bump::Major,
        };
        let release = cube.apollo()?.publish().release(&chart).bump(bump);
        let mut release = given!(release, version = self.release, app_version = self.app_version);
        if !self.no_image
            && let Some(build) = self.image.of(&chart)?
        {
            release = self.image.placed(&cube, release, build, self.dry_run).await?;
        }
        let plan = release.plan()?;
        if self.dry_run {
            return output.view("publish", &Published::planned(Plan::from(&plan)));
        }
        let report = plan.run().progress(told(output)).await?;
        let mut released = Released::from(&report);
        if !self.channels.is_empty() {
            cube.apollo()?.channels().add(released.release.as_str(), self.channels.clone()).await?;
            released.channels = self.channels;
        }
        output.view("publish", &Published::released(released, Vec::new()))
    }
}

/// Steps as lines on stderr, or on a terminal as a line that is redrawn.
fn told(output: &Output) -> impl Fn(publish::Progress) + Send + Sync + 'static {
    let (output, drawn) = (output.clone(), Progress::new(output));
    move |event| {
        let Some(line) = progress(&event) else { return };
        if output.draws() { drawn.tell(0.0, None, Some(&line)) } else { output.note(&line) }
    }
}

impl Image {
    /// The image to build; none where there is no Dockerfile.
    fn of(&self, chart: &Chart) -> Result<Option<ImageBuild>> {
        let build = match &self.dockerfile {
            Some(file) => Some(ImageBuild::new(&chart.folder().join(file))?),
            None => ImageBuild::of_chart(chart.folder())?,
        };
        let Some(build) = build else { return Ok(None) };
        let build = build.platform(Platform::parse(&self.platform)?);
        let mut build = given!(build, target = self.target.as_deref());
        for name in &self.arguments {
            let value =
                std::env::var(name).map_err(|_| refused(format!("--build-arg {name}: the variable is not set")))?;
            build = build.build_arg(name, SecretString::from(value))?;
        }
        Ok(Some(build))
    }

    async fn placed(&self, cube: &Cube, release: ReleaseOf, build: ImageBuild, dry_run: bool) -> Result<ReleaseOf> {
        let cloud = cube.cloud()?;
        if self.build == Where::Remote || (self.build == Where::Auto && !cloud.has_docker()?) {
            return Ok(release.remote_image(build, cloud.image_builder()));
        }
        // A dry run asks nobody for a token.
        if dry_run {
            return Ok(release.local_image(build, "", None));
        }
        let token = cloud.acr_get_token().await?.into_data()?;
        Ok(release.local_image(build, token.username.unwrap_or_default(), Some(token.token)))
    }
}
