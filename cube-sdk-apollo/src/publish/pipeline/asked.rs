//! A release that is being put together.

use std::sync::Arc;

use cube_sdk_core::names::{refused, taken};
use cube_sdk_core::{Error, Result, SecretString};

use super::image_place::{DockerLogin, Image, Place};
use super::note;
use super::plan::ReleasePlan;
use super::publisher::Publisher;
use crate::ProductId;
use crate::publish::image::ImageName;
use crate::publish::{Bump, Chart, ChartVersion, ImageBuild, Registry, RemoteBuilder, Repository, Tag};

/// The group that the published agent publishes under.
pub const DEFAULT_GROUP: &str = "com.edgescaleai-cube";

#[derive(Clone, Debug)]
enum Wanted {
    Bump(Bump),
    Version(Result<ChartVersion>),
}

/// A release that is being put together. From [`Publish::release`](super::Publish::release).
#[derive(Clone, Debug)]
#[must_use = "call plan"]
pub struct ReleaseOf {
    publisher: Arc<dyn Publisher>,
    chart: Chart,
    group: String,
    registry: Option<Registry>,
    version: Wanted,
    app_version: Option<String>,
    image: Option<Image>,
    login: Option<DockerLogin>,
    channels: Vec<String>,
}

impl ReleaseOf {
    pub(super) fn new(publisher: Arc<dyn Publisher>, chart: &Chart) -> Self {
        Self {
            publisher,
            chart: chart.clone(),
            group: DEFAULT_GROUP.to_owned(),
            registry: None,
            version: Wanted::Bump(Bump::Patch),
            app_version: None,
            image: None,
            login: None,
            channels: Vec::new(),
        }
    }

    /// The product's group, `com.example`. Default: [`DEFAULT_GROUP`].
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = group.into();
        self
    }

    /// Where charts and images go. Default: the publisher's own, which is the one at Apollo's host.
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
    /// let release = release.local_image(build).docker_login("ci", "a token".to_owned().into());
    /// let plan = release.channels(["BETA"]).plan()?;
    /// assert!(plan.to_string().contains("com.edgescaleai-cube/web:2.0.0"), "{plan}");
    /// assert!(plan.to_string().contains("BETA"), "{plan}");
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

    /// Builds an image with this machine's docker. For the publisher's own registry it is logged in with what the publisher
    /// has there; for another one it has to be, unless [`docker_login`](Self::docker_login) says with what.
    pub fn local_image(mut self, build: ImageBuild) -> Self {
        self.image = Some(Image { build, place: Place::Local });
        self
    }

    /// Logs docker in as this user before it pushes.
    pub fn docker_login(mut self, user: impl Into<String>, password: SecretString) -> Self {
        self.login = Some(DockerLogin::With(user.into(), password));
        self
    }

    /// Channels that the release is added to once it is made. Apollo adds it to `DEV` by itself.
    pub fn channels<C: Into<String>>(mut self, channels: impl IntoIterator<Item = C>) -> Self {
        self.channels = channels.into_iter().map(Into::into).collect();
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
    /// `InvalidInput` with a [`PublishFault`](crate::publish::PublishFault); `Config` where the registry cannot be set up.
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
        let (registry, login) = match self.registry {
            Some(registry) => (registry, DockerLogin::Done),
            None => (self.publisher.registry()?, DockerLogin::Publisher),
        };
        let login = self.login.unwrap_or(login);
        let group = Repository::parse(&self.group)?;
        let repository = Repository::parse("charts")?.child(group.as_str())?.child(self.chart.name().as_str())?;
        Tag::parse(&version.tag())?;
        let product: ProductId = format!("{}:{}", self.group, self.chart.name()).parse()?;
        if let Some(channel) = self.channels.iter().find(|channel| channel.trim().is_empty() || channel.contains(',')) {
            return Err(refused("release channel", channel, "it is empty or holds a comma"));
        }
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
            publisher: self.publisher,
            chart: self.chart,
            group: self.group,
            product,
            registry,
            login,
            repository,
            version,
            app_version,
            image,
            channels: self.channels,
            goes_on,
            warnings,
        })
    }
}
