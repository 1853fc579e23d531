//! A chart and its image, from a folder to a release.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use cube_render::publish::{Plan, Published, Released, progress};
use cube_sdk::SecretString;
use cube_sdk::apollo::publish::{Bump, Chart, Progress};
use schemars::JsonSchema;
use serde::Deserialize;

use super::image::with_image;
use crate::tool::{Call, Done, Effect, Tool};

const NAME: &str = "build_and_publish_to_apollo";

pub(super) fn tools() -> Vec<Tool> {
    vec![Tool::new(NAME, Effect::Writes, publish).about(
        "Build and publish",
        "Builds the image where there is a Dockerfile, raises the chart's version, packs the chart, pushes it to Apollo's \
         registry and makes the release. With dry_run it only tells what it would do. A failed image stops it before \
         anything is published; called again it goes on where it stopped.",
    )]
}

#[derive(Deserialize, JsonSchema)]
pub(super) struct Asked {
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
    pub(super) app_version: Option<String>,
    /// Build no image even where there is a Dockerfile.
    #[serde(default)]
    pub(super) skip_docker: bool,
    /// Only tell what would be done; nothing is sent and nothing is changed.
    #[serde(default)]
    pub(super) dry_run: bool,
    /// Channels to add the release to afterwards, with commas between; absent: Apollo adds it to DEV by itself.
    #[serde(default)]
    release_channels: Option<String>,
    /// Build arguments.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub(super) build_args: BTreeMap<String, SecretString>,
    /// The Dockerfile; a relative path is below the chart's folder. Absent: in that folder, or the one above.
    #[serde(default)]
    pub(super) dockerfile: Option<PathBuf>,
    /// The stage of the Dockerfile to build up to.
    #[serde(default)]
    pub(super) target: Option<String>,
    /// Where the image is built: by docker on this machine, by cube-cloud, or as there is docker here or not.
    #[serde(default = "auto")]
    #[schemars(extend("enum" = ["auto", "local", "remote"]))]
    pub(super) build_mode: String,
    /// What the image is built for.
    #[serde(default = "amd64")]
    pub(super) platform: String,
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
    let chart = Chart::find(asked.chart_path.as_deref())?;
    let release = call.cube.apollo()?.publish().release(&chart);
    let release = match &asked.version {
        Some(version) => release.version(version.as_str()),
        None => release.bump(match asked.bump.as_str() {
            "major" => Bump::Major,
            "minor" => Bump::Minor,
            _ => Bump::Patch,
        }),
    };
    let release = match &asked.app_version {
        Some(version) => release.app_version(version),
        None => release,
    };
    let plan = with_image(&call.cube, release, &chart, &asked).await?.plan()?;
    if asked.dry_run {
        return Ok(Published::planned(Plan::from(&plan)));
    }
    let (tell, lines) = (call.tell.clone(), Lines::default());
    let heard = lines.clone();
    let report = plan.run().progress(move |event| {
        heard.add(&event);
        tell.say(progress(&event).unwrap_or_default());
    });
    let report = report.await?;
    let mut released = Released::from(&report);
    if let Some(channels) = &asked.release_channels {
        released.channels = names(channels);
        let apollo = call.cube.apollo()?;
        let added = apollo.channels().add(released.release.as_str(), released.channels.clone());
        if let Err(error) = added.await {
            released.channels.clear();
            released.warnings.push(format!("the release is in no further channel: {error}"));
        }
    }
    Ok(Published::released(released, if asked.show_build_log { lines.taken() } else { Vec::new() }))
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
