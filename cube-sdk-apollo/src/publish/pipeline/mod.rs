//! From a chart's folder to a release: planned, shown, then done step by step.

mod note;
mod run;

use std::fmt;
use std::sync::Arc;

use cube_sdk_core::names::taken;
use cube_sdk_core::{Error, Result, SecretString};
use serde::Serialize;

use super::image::ImageName;
use super::progress::{Listener, Progress};
use super::{
    Bump, Chart, ChartVersion, Digest, ImageBuild, PushedChart, Registry, RegistryHost, RemoteBuilder, Repository, Tag,
};
use crate::Apollo;

/// The group that the published agent publishes under.
pub const DEFAULT_GROUP: &str = "com.edgescaleai-cube";

/// Publishing of charts to Apollo. From [`Apollo::publish`].
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
    apollo: Apollo,
}

impl Apollo {
    /// Publishing of charts: packaging, images, the registry, releases.
    pub fn publish(&self) -> Publish {
        Publish { apollo: self.clone() }
    }
}

impl Publish {
    /// Begins a release of a chart.
    pub fn release(&self, chart: &Chart) -> ReleaseOf {
        ReleaseOf {
            apollo: self.apollo.clone(),
            chart: chart.clone(),
            group: DEFAULT_GROUP.to_owned(),
            registry: None,
            version: Wanted::Bump(Bump::Patch),
            app_version: None,
            image: None,
        }
    }
}

#[derive(Clone, Debug)]
enum Wanted {
    Bump(Bump),
    Version(Result<ChartVersion>),
}

#[derive(Clone, Debug)]
struct Image {
    build: ImageBuild,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Local { user: String, password: Option<SecretString> },
    Remote(Arc<dyn RemoteBuilder>),
}

/// A release that is being put together. From [`Publish::release`].
#[derive(Clone, Debug)]
#[must_use = "call plan"]
pub struct ReleaseOf {
    apollo: Apollo,
    chart: Chart,
    group: String,
    registry: Option<Registry>,
    version: Wanted,
    app_version: Option<String>,
    image: Option<Image>,
}

impl ReleaseOf {
    /// The product's group, `com.example`. Default: [`DEFAULT_GROUP`].
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = group.into();
        self
    }

    /// Where charts and images go. Default: the registry at Apollo's own host, with Apollo's token.
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = Some(registry);
        self
    }

    /// The version grows so. Default: by a patch. A release that was begun and not ended goes on with its version.
    pub fn bump(mut self, bump: Bump) -> Self {
        self.version = Wanted::Bump(bump);
        self
    }

    /// This version, whatever the chart's is.
    ///
    /// ```
    /// # use cube_sdk_testkit::apollo::registry::{Guard, Registry as Double};
    /// # cube_sdk_testkit::apollo::tour(async |world| {
    /// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let folder = folder.path().join("web");
    /// # std::fs::create_dir_all(&folder).unwrap();
    /// # std::fs::write(folder.join("Chart.yaml"), "apiVersion: v2\nname: web\nversion: 1.4.2\n").unwrap();
    /// # std::fs::write(folder.join("Dockerfile"), "FROM scratch\n").unwrap();
    /// use cube_sdk_apollo::publish::{Chart, ImageBuild, Registry, RegistryHost};
    ///
    /// # let registry = Registry::builder(RegistryHost::parse("localhost:5000")?).plain_http().anonymous().build()?;
    /// let chart = Chart::find(Some(&folder))?;
    /// let build = ImageBuild::of_chart(chart.folder())?.expect("there is a Dockerfile");
    /// let release = apollo.publish().release(&chart).registry(registry).version("2.0.0");
    /// let plan = release.local_image(build, "ci", Some("a token".to_owned().into())).plan()?;
    /// assert!(plan.to_string().contains("com.edgescaleai-cube/web:2.0.0"), "{plan}");
    /// # Ok::<(), cube_sdk_core::Error>(()) });
    /// ```
    pub fn version(mut self, version: impl TryInto<ChartVersion, Error: Into<Error>>) -> Self {
        self.version = Wanted::Version(taken(version));
        self
    }

    /// Writes this `appVersion`, which is also the image's tag.
    pub fn app_version(mut self, version: impl Into<String>) -> Self {
        self.app_version = Some(version.into());
        self
    }

    /// Builds an image with this machine's docker, logged in as `user` where there is a password.
    pub fn local_image(mut self, build: ImageBuild, user: impl Into<String>, password: Option<SecretString>) -> Self {
        self.image = Some(Image { build, place: Place::Local { user: user.into(), password } });
        self
    }

    /// Builds an image by a service.
    ///
    /// ```
    /// # use cube_sdk_testkit::apollo::registry::{Guard, Registry as Double};
    /// # cube_sdk_testkit::apollo::tour(async |world| {
    /// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let folder = folder.path().join("web");
    /// # std::fs::create_dir_all(&folder).unwrap();
    /// # std::fs::write(folder.join("Chart.yaml"), "apiVersion: v2\nname: web\nversion: 1.4.2\n").unwrap();
    /// # std::fs::write(folder.join("Dockerfile"), "FROM scratch\n").unwrap();
    /// use cube_sdk_apollo::publish::{BuildStatus, Chart, ImageBuild, PreparedBuild, RemoteBuild, RemoteBuilder};
    /// use cube_sdk_core::Result;
    ///
    /// #[derive(Debug)]
    /// struct Cloud;
    ///
    /// #[async_trait::async_trait]
    /// impl RemoteBuilder for Cloud {
    ///     async fn prepare(&self, image: &str, tag: &str) -> Result<PreparedBuild> {
    ///         # let _ = (image, tag);
    ///         Ok(PreparedBuild { job: "j-1".into(), upload_url: "https://uploads.example/j-1?sig=…".to_owned().into() })
    ///     }
    ///     async fn start(&self, build: &RemoteBuild) -> Result<()> {
    ///         # let _ = build;
    ///         Ok(())
    ///     }
    ///     async fn status(&self, job: &str) -> Result<BuildStatus> {
    ///         # let _ = job;
    ///         Ok(BuildStatus::default())
    ///     }
    /// }
    /// # let status = Cloud.status(&Cloud.prepare("web", "1").await?.job).await?;
    /// # assert!(status.state.is_none());
    ///
    /// let chart = Chart::find(Some(&folder))?;
    /// let build = ImageBuild::of_chart(chart.folder())?.expect("there is a Dockerfile");
    /// # let registry = cube_sdk_apollo::publish::Registry::builder("localhost:5000".parse()?).plain_http().build()?;
    /// let plan = apollo.publish().release(&chart).registry(registry).remote_image(build, Cloud).plan()?;
    /// assert!(plan.to_string().contains("remotely"));
    /// # Ok::<(), cube_sdk_core::Error>(()) });
    /// ```
    pub fn remote_image(mut self, build: ImageBuild, builder: impl RemoteBuilder) -> Self {
        self.image = Some(Image { build, place: Place::Remote(Arc::new(builder)) });
        self
    }

    /// What will be done. Everything that can be wrong with the chart, its ignore rules, the names and the image's settings
    /// is told here; nothing is sent and nothing is changed.
    ///
    /// # Errors
    /// `InvalidInput` with a [`PublishFault`](super::PublishFault); `Config` where the registry cannot be set up.
    pub fn plan(self) -> Result<ReleasePlan> {
        let begun = note::begun(&self.chart);
        let (version, goes_on) = match (self.version, begun) {
            (Wanted::Version(version), begun) => {
                let version = version?;
                let goes_on = begun.is_some_and(|note| note.to == version);
                (version, goes_on)
            }
            (Wanted::Bump(_), Some(note)) => (note.to, true),
            (Wanted::Bump(bump), None) => (self.chart.version().bumped(bump)?, false),
        };
        let contents = self.chart.contents()?;
        contents.check_links()?;
        let registry = match self.registry {
            Some(registry) => registry,
            None => own_registry(&self.apollo)?,
        };
        let group = Repository::parse(&self.group)?;
        let repository = Repository::parse("charts")?.child(group.as_str())?.child(self.chart.name().as_str())?;
        Tag::parse(&version.tag())?;
        let image = match self.image {
            Some(image) => {
                image.build.check()?;
                let tag = Tag::parse(self.app_version.as_deref().unwrap_or(&version.tag()))?;
                let repository = group.child(self.chart.name().as_str())?;
                Some((image, ImageName { host: registry.host().clone(), repository, tag }))
            }
            None => None,
        };
        // What is built is what is written: the image's tag.
        let app_version = match &image {
            Some((_, name)) => Some(name.tag.to_string()),
            None => self.app_version,
        };
        let warnings = contents.warnings().to_vec();
        Ok(ReleasePlan {
            apollo: self.apollo,
            chart: self.chart,
            group: self.group,
            registry,
            repository,
            version,
            app_version,
            image,
            goes_on,
            warnings,
        })
    }
}

/// The registry at Apollo's host.
fn own_registry(apollo: &Apollo) -> Result<Registry> {
    let url = apollo.url();
    let host = url.host_str().unwrap_or_default();
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let mut registry = Registry::builder(RegistryHost::parse(&host)?).settings(apollo.settings().clone());
    if url.scheme() == "http" {
        registry = registry.plain_http();
    }
    registry.credentials(apollo.credentials()).build()
}

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
    apollo: Apollo,
    chart: Chart,
    group: String,
    registry: Registry,
    repository: Repository,
    version: ChartVersion,
    app_version: Option<String>,
    image: Option<(Image, ImageName)>,
    goes_on: bool,
    warnings: Vec<String>,
}

impl ReleasePlan {
    /// The version that will be released.
    pub const fn version(&self) -> &ChartVersion {
        &self.version
    }

    /// The steps, in their order.
    fn steps(&self) -> Vec<Step> {
        let image = self.image.is_some().then_some(Step::Image);
        [Some(Step::Look), image, Some(Step::Write), Some(Step::Pack), Some(Step::Push), Some(Step::Release)]
            .into_iter()
            .flatten()
            .collect()
    }

    fn says(&self, step: Step) -> String {
        let place = format!("{}/{}", self.registry.host(), self.repository);
        match step {
            Step::Look => format!("see that {place}:{} is free", self.version.tag()),
            Step::Image => match &self.image {
                Some((Image { build, place: Place::Local { .. } }, name)) => {
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
            Step::Release => format!("release {}:{}:{} in Apollo", self.group, self.chart.name(), self.version),
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
enum Step {
    Look,
    Image,
    Write,
    Pack,
    Push,
    Release,
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
    /// What its maker should look at.
    pub warnings: Vec<String>,
}
