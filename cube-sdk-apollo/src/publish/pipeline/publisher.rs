//! Who takes a release: the registry, and who publishes its manifest.

use std::fmt;

use async_trait::async_trait;
use cube_sdk_core::{Result, SecretString};

use crate::ProductId;
use crate::publish::{ChartVersion, Registry};

/// Who takes releases. [`Apollo`](crate::Apollo) itself does, with credentials of one's own; so does a service that stands
/// before it and has them, such as cube-cloud. [`Publish::by`](super::Publish::by) makes releases through one.
///
/// ```
/// # use cube_sdk_testkit::apollo::registry::{Guard, Registry as Double};
/// # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
/// # let double = Double::start(Guard::Open).await.unwrap();
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path().join("web");
/// # std::fs::create_dir_all(&folder).unwrap();
/// # std::fs::write(folder.join("Chart.yaml"), "apiVersion: v2\nname: web\nversion: 1.4.2\n").unwrap();
/// use cube_sdk_apollo::ProductId;
/// use cube_sdk_apollo::publish::{Chart, ChartVersion, Publish, Publisher, Registry};
/// use cube_sdk_core::{Result, SecretString};
///
/// /// Puts manifests where somebody else picks them up.
/// #[derive(Debug)]
/// struct Outbox { registry: Registry, folder: std::path::PathBuf }
///
/// #[async_trait::async_trait]
/// impl Publisher for Outbox {
///     fn registry(&self) -> Result<Registry> {
///         Ok(self.registry.clone())
///     }
///     async fn docker_login(&self) -> Result<(String, SecretString)> {
///         Ok(("ci".into(), "a password".to_owned().into()))
///     }
///     async fn has_release(&self, product: &ProductId, version: &ChartVersion) -> Result<bool> {
///         Ok(self.folder.join(format!("{product}:{version}.yaml")).exists())
///     }
///     async fn release(&self, _: &ProductId, manifest: String) -> Result<()> {
///         std::fs::write(self.folder.join("com.example:web:1.4.3.yaml"), manifest).unwrap();
///         Ok(())
///     }
///     async fn promote(&self, _: &ProductId, _: &ChartVersion, _: &[String]) -> Result<()> {
///         Ok(())
///     }
/// }
///
/// let host = double.host().parse()?;
/// let registry = Registry::builder(host).plain_http().anonymous().build()?;
/// let outbox = Outbox { registry, folder: folder.parent().unwrap().into() };
/// # assert_eq!(outbox.docker_login().await?.0, "ci");
/// # outbox.promote(&"a:b".parse()?, &"1.0.0".parse()?, &[]).await?;
/// # assert!(outbox.registry().is_ok() && !outbox.has_release(&"com.example:web".parse()?, &"1.4.3".parse()?).await?);
/// # if false { outbox.release(&"a:b".parse()?, String::new()).await?; }
/// let release = Publish::by(outbox).release(&Chart::find(Some(&folder))?).group("com.example");
/// assert_eq!(release.plan()?.run().await?.release, "com.example:web:1.4.3");
/// # Ok::<(), cube_sdk_core::Error>(()) }).unwrap();
/// ```
#[async_trait]
pub trait Publisher: fmt::Debug + Send + Sync + 'static {
    /// The registry of its charts and images. Nothing is sent.
    ///
    /// # Errors
    /// `Config` where it cannot be set up.
    fn registry(&self) -> Result<Registry>;

    /// User and password by which docker logs in at that registry.
    ///
    /// # Errors
    /// `Credentials`, `Config` or the service's own where there are none.
    async fn docker_login(&self) -> Result<(String, SecretString)>;

    /// Is there this release? False also where nobody can tell: it is then made, or refused as a second one.
    ///
    /// # Errors
    /// The service's own.
    async fn has_release(&self, product: &ProductId, version: &ChartVersion) -> Result<bool>;

    /// Makes the release that a manifest describes, and its product where there is none.
    ///
    /// # Errors
    /// `InvalidInput` or `Conflict` where it is refused, else the service's own.
    async fn release(&self, product: &ProductId, manifest: String) -> Result<()>;

    /// Adds a release to channels.
    ///
    /// # Errors
    /// The service's own.
    async fn promote(&self, product: &ProductId, version: &ChartVersion, channels: &[String]) -> Result<()>;
}
