//! A chart and its image, from a folder to a release.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use cube_render::publish::{Plan, Published, Released, progress};
use cube_sdk::apollo::publish::{Bump, Progress};
use cube_sdk::release::{Image, Release};
use cube_sdk::{Result, SecretString};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::tool::{Call, Done, Effect, Tool};

const NAME: &str = "build_and_publish_to_apollo";

pub(super) fn tools() -> Vec<Tool> {
    vec![Tool::new(NAME, Effect::Writes, publish).about(
        "Build and publish",
        "Builds the image where there is a Dockerfile, raises the chart's version, packs the chart, pushes it to Apollo's \
         registry and makes the release: through cube-cloud, or with Apollo credentials of your own where they are set. With dry_run it only tells what it would do. A failed image stops it before \
         anything is published; called again it goes on where it stopped.",
    )]
}

#[derive(Deserialize, JsonSchema)]
struct Asked {
    /// The chart's folder or its Chart.yaml; absent: looked for from the working directory.
    #[serde(default)]
    chart_path: Option<PathBuf>,
    /// The new version; overrides bump.
    #[serde(default)]
    version: Option<String>,
    /// How the version grows: patch, minor or major.
    #[serde(default = "patch")]
    bump: String,
    /// The image's tag and the chart's appVersion; absent: the new version where an image is built.
    #[serde(default)]
    app_version: Option<String>,
    /// Build no image even where there is a Dockerfile.
    #[serde(default)]
    skip_docker: bool,
    /// Only tell what would be done; nothing is sent and nothing is changed.
    #[serde(default)]
    dry_run: bool,
    /// Channels to add the release to afterwards, with commas between; absent: Apollo adds it to DEV by itself.
    #[serde(default)]
    release_channels: Option<String>,
    /// Build arguments.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    build_args: BTreeMap<String, SecretString>,
    /// The Dockerfile; a relative path is below the chart's folder. Absent: in that folder, or the one above.
    #[serde(default)]
    dockerfile: Option<PathBuf>,
    /// The stage of the Dockerfile to build up to.
    #[serde(default)]
    target: Option<String>,
    /// Where the image is built: by docker on this machine, by cube-cloud, or as there is docker here or not.
    #[serde(default = "auto")]
    #[schemars(extend("enum" = ["auto", "local", "remote"]))]
    build_mode: String,
    /// What the image is built for.
    #[serde(default = "amd64")]
    platform: String,
    /// Tell the builder's lines too.
    #[serde(default)]
    show_build_log: bool,
}

fn patch() -> String {
    "patch".to_owned()
}

fn auto() -> String {
    "auto".to_owned()
}

fn amd64() -> String {
    "linux/amd64".to_owned()
}

async fn publish(call: Call, asked: Asked) -> Done<Published> {
    let (dry_run, show_build_log) = (asked.dry_run, asked.show_build_log);
    let plan = call.cube.release(&asked.into_release()?)?;
    if dry_run {
        return Ok(Published::planned(Plan::from(&plan)));
    }
    let (tell, lines) = (call.tell.clone(), Lines::default());
    let heard = lines.clone();
    let report = plan.run().progress(move |event| {
        heard.add(&event);
        tell.say(progress(&event).unwrap_or_default());
    });
    let released = Released::from(&report.await?);
    Ok(Published::released(released, if show_build_log { lines.taken() } else { Vec::new() }))
}

impl Asked {
    fn into_release(self) -> Result<Release> {
        let bump = match self.bump.as_str() {
            "major" => Bump::Major,
            "minor" => Bump::Minor,
            _ => Bump::Patch,
        };
        let mut release =
            Release::new().bump(bump).channels(names(self.release_channels.as_deref().unwrap_or_default()));
        if let Some(chart) = self.chart_path {
            release = release.chart(chart);
        }
        if let Some(version) = self.version {
            release = release.version(version);
        }
        if let Some(version) = self.app_version {
            release = release.app_version(version);
        }
        if self.skip_docker {
            return Ok(release);
        }
        let mut image = Image::new().place(self.build_mode.parse()?).platform(self.platform);
        if let Some(file) = self.dockerfile {
            image = image.dockerfile(file);
        }
        if let Some(target) = self.target {
            image = image.target(target);
        }
        for (name, value) in self.build_args {
            image = image.argument(name, value);
        }
        Ok(release.image(image))
    }
}

/// Names with commas between.
fn names(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The builder's lines.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    fn add(&self, event: &Progress) {
        if let Progress::Line(line) = event {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line.clone());
        }
    }

    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
