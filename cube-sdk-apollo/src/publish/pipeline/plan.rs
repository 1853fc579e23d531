//! What a release will do.

use std::fmt;
use std::sync::Arc;

use super::RunRelease;
use super::image_place::{DockerLogin, Image, Place};
use super::publisher::Publisher;
use crate::ProductId;
use crate::publish::image::ImageName;
use crate::publish::progress::Listener;
use crate::publish::{Chart, ChartVersion, Registry, Repository};

/// What a release will do. `Display` says it step by step.
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path().join("web");
/// # std::fs::create_dir_all(&folder).unwrap();
/// # std::fs::write(folder.join("Chart.yaml"), "apiVersion: v2\nname: web\nversion: 1.4.2\n").unwrap();
/// use cube_sdk_apollo::publish::{Bump, Chart, Registry, RegistryHost};
///
/// let registry = Registry::builder(RegistryHost::parse("localhost:5000")?).plain_http().anonymous().build()?;
/// let release = apollo.publish().release(&Chart::find(Some(&folder))?).registry(registry);
/// let plan = release.group("com.example").bump(Bump::Minor).plan()?;
/// println!("{plan}"); // step by step; nothing is sent before plan.run()
/// assert_eq!(plan.version().as_str(), "1.5.0");
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[derive(Clone, Debug)]
pub struct ReleasePlan {
    pub(super) publisher: Arc<dyn Publisher>,
    pub(super) chart: Chart,
    pub(super) group: String,
    pub(super) product: ProductId,
    pub(super) registry: Registry,
    pub(super) login: DockerLogin,
    pub(super) repository: Repository,
    pub(super) version: ChartVersion,
    pub(super) app_version: Option<String>,
    pub(super) image: Option<(Image, ImageName)>,
    pub(super) channels: Vec<String>,
    pub(super) goes_on: bool,
    pub(super) warnings: Vec<String>,
}

impl ReleasePlan {
    /// The version that will be released.
    pub const fn version(&self) -> &ChartVersion {
        &self.version
    }

    /// The steps, in their order.
    pub(super) fn steps(&self) -> Vec<Step> {
        let image = self.image.is_some().then_some(Step::Image);
        let promote = (!self.channels.is_empty()).then_some(Step::Promote);
        [Some(Step::Look), image, Some(Step::Write), Some(Step::Pack), Some(Step::Push), Some(Step::Release), promote]
            .into_iter()
            .flatten()
            .collect()
    }

    pub(super) fn says(&self, step: Step) -> String {
        let place = format!("{}/{}", self.registry.host(), self.repository);
        match step {
            Step::Look => format!("see that {place}:{} is free", self.version.tag()),
            Step::Image => match &self.image {
                Some((Image { build, place: Place::Local }, name)) => {
                    format!("build {build} with docker and push it as {name}")
                }
                Some((Image { build, place: Place::Remote(_) }, name)) => format!("build {build} remotely as {name}"),
                None => String::new(),
            },
            Step::Write => {
                let app = match (&self.app_version, self.chart.app_version()) {
                    (Some(new), old) => format!(", appVersion {} -> {new}", old.unwrap_or("none")),
                    (None, _) => ", appVersion stays".to_owned(),
                };
                format!(
                    "write version {} -> {}{app} into {}",
                    self.chart.version(),
                    self.version,
                    self.chart.file().display()
                )
            }
            Step::Pack => format!("pack {}-{}.tgz", self.chart.name(), self.version),
            Step::Push => format!("push it to oci://{place}:{}", self.version.tag()),
            Step::Release => format!("release {}:{} in Apollo", self.product, self.version),
            Step::Promote => format!("add it to {}", self.channels.join(", ")),
        }
    }

    /// Does it, when awaited.
    pub fn run(self) -> RunRelease {
        RunRelease { plan: self, listener: Listener::default() }
    }
}

impl fmt::Display for ReleasePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "chart {} in {}", self.chart.name(), self.chart.folder().display())?;
        if self.goes_on {
            writeln!(f, "goes on with the release of {} that was begun", self.version)?;
        }
        for (at, step) in self.steps().into_iter().enumerate() {
            writeln!(f, "{}. {}", at + 1, self.says(step))?;
        }
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    Look,
    Image,
    Write,
    Pack,
    Push,
    Release,
    Promote,
}
