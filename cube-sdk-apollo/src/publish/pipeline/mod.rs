//! From a chart's folder to a release: planned, shown, then done step by step.

mod asked;
mod by_apollo;
mod image_place;
mod note;
mod plan;
mod publisher;
mod run;

use std::sync::Arc;

pub use asked::{DEFAULT_GROUP, ReleaseOf};
pub use plan::ReleasePlan;
pub use publisher::Publisher;
use serde::Serialize;

use super::progress::{Listener, Progress};
use super::{Chart, Digest, PushedChart};

/// Publishing of charts to Apollo. From [`Apollo::publish`](crate::Apollo::publish).
///
/// ```
/// # use cube_sdk_testkit::apollo::registry::{Guard, Registry as Double};
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// # let double = Double::start(Guard::Open).await.unwrap();
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path().join("web");
/// # std::fs::create_dir_all(&folder).unwrap();
/// use cube_sdk_apollo::publish::{Bump, Chart, Registry, RegistryHost};
///
/// std::fs::write(folder.join("Chart.yaml"), "apiVersion: v2\nname: web\nversion: 1.4.2\n").unwrap();
/// let registry = Registry::builder(RegistryHost::parse(&double.host())?).plain_http().anonymous().build()?;
/// let plan = apollo
///     .publish()
///     .release(&Chart::find(Some(&folder))?)
///     .group("com.example")
///     .registry(registry) // else Apollo's own, with Apollo's token
///     .bump(Bump::Minor)
///     .app_version("2026.1")
///     .plan()?;
/// assert_eq!(plan.version().as_str(), "1.5.0");
/// println!("{plan}"); // what would be done; nothing is done yet
///
/// let report = plan.run().progress(|event| println!("{event:?}")).await?;
/// assert_eq!((report.release.as_str(), report.chart.tag.as_str()), ("com.example:web:1.5.0", "1.5.0"));
/// assert_eq!(Chart::find(Some(&folder))?.version().as_str(), "1.5.0");
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[derive(Clone, Debug)]
pub struct Publish {
    publisher: Arc<dyn Publisher>,
}

impl Publish {
    /// Releases that are made by somebody else than Apollo itself; [`Publisher`] has an example.
    pub fn by(publisher: impl Publisher) -> Self {
        Self { publisher: Arc::new(publisher) }
    }

    /// Begins a release of a chart.
    pub fn release(&self, chart: &Chart) -> ReleaseOf {
        ReleaseOf::new(Arc::clone(&self.publisher), chart)
    }
}

/// A release that is carried out when it is awaited. From [`ReleasePlan::run`].
///
/// It ends at the first step that fails; nothing is published before the image is there. The same chart planned and run
/// again goes on: what is done is found and not done twice, and the version does not grow once more.
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// # use cube_sdk_testkit::apollo::registry::{Guard, Registry as Double};
/// # let double = Double::start(Guard::Open).await.unwrap();
/// # let host = double.host();
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path().join("web");
/// # std::fs::create_dir_all(&folder).unwrap();
/// # std::fs::write(folder.join("Chart.yaml"), "apiVersion: v2\nname: web\nversion: 1.4.2\n").unwrap();
/// use cube_sdk_apollo::publish::{Chart, Registry, RegistryHost};
///
/// let registry = Registry::builder(RegistryHost::parse(&host)?).plain_http().anonymous().build()?;
/// let chart = Chart::find(Some(&folder))?;
/// let plan = apollo.publish().release(&chart).group("com.example").registry(registry).plan()?;
/// let report = plan.run().progress(|event| println!("{event:?}")).await?;
/// assert_eq!(report.release.as_str(), "com.example:web:1.4.3");
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[derive(Debug)]
#[must_use = "nothing is published until it is awaited"]
pub struct RunRelease {
    plan: ReleasePlan,
    listener: Listener,
}

impl RunRelease {
    /// Called with each step, each line of a builder, and while the chart goes out.
    pub fn progress(mut self, listen: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.listener = Listener::new(listen);
        self
    }
}

cube_sdk_core::awaitable!(RunRelease => ReleaseReport);

/// What a release came to.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ReleaseReport {
    /// `group:chart:version`.
    pub release: String,
    /// The chart in the registry.
    pub chart: PushedChart,
    /// The image that was built.
    pub image: Option<String>,
    /// The digest of the package.
    pub package: Digest,
    /// Bytes of the package.
    pub length: u64,
    /// Apollo had the release before.
    pub existed: bool,
    /// The channels that it was added to.
    pub channels: Vec<String>,
    /// What its maker should look at.
    pub warnings: Vec<String>,
}
