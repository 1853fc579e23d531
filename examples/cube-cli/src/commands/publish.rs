//! `cube publish`: a chart and its image, from a folder to a release.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};
use cube_render::publish::{Plan, Published, Released, progress};
use cube_sdk::apollo::publish;
use cube_sdk::cloud::BuildPlace;
use cube_sdk::release::{self, Release};

use crate::context::Context;
use crate::failure::refused;
use crate::output::Output;
use crate::progress::Progress;

/// Build the image, raise the chart's version, push both, make the release
///
/// It stops at the first step that fails; nothing is published before the image is there. Run again it goes on where it
/// stopped. It goes through cube-cloud; where CUBE_APOLLO_CLIENT_ID and CUBE_APOLLO_CLIENT_SECRET are set, straight to Apollo.
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
        let (cube, output, dry_run) = (context.cube(), context.output(), self.dry_run);
        let plan = cube.release(&self.into_release()?)?;
        if dry_run {
            return output.view("publish", &Published::planned(Plan::from(&plan)));
        }
        let report = plan.run().progress(told(output)).await?;
        output.view("publish", &Published::released(Released::from(&report), Vec::new()))
    }

    fn into_release(self) -> Result<Release> {
        let bump = match self.bump {
            Bump::Patch => publish::Bump::Patch,
            Bump::Minor => publish::Bump::Minor,
            Bump::Major => publish::Bump::Major,
        };
        let mut release = Release::new().bump(bump).channels(self.channels);
        if let Some(chart) = self.chart {
            release = release.chart(chart);
        }
        if let Some(version) = self.release {
            release = release.version(version);
        }
        if let Some(version) = self.app_version {
            release = release.app_version(version);
        }
        if self.no_image { Ok(release) } else { Ok(release.image(self.image.asked()?)) }
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
    fn asked(self) -> Result<release::Image> {
        let place = match self.build {
            Where::Auto => BuildPlace::Auto,
            Where::Local => BuildPlace::Here,
            Where::Remote => BuildPlace::Cloud,
        };
        let mut image = release::Image::new().place(place).platform(self.platform);
        if let Some(file) = self.dockerfile {
            image = image.dockerfile(file);
        }
        if let Some(target) = self.target {
            image = image.target(target);
        }
        for name in self.arguments {
            let value =
                std::env::var(&name).map_err(|_| refused(format!("--build-arg {name}: the variable is not set")))?;
            image = image.argument(name, value.into());
        }
        Ok(image)
    }
}
