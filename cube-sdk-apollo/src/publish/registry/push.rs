//! A chart on its way into a registry.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use cube_sdk_core::{Error, ErrorKind, Result, awaitable};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::artifact::{self, CONFIG};
use super::blob::{self, Blob, Source, Watch};
use super::{Digest, Registry, Repository, Tag};
use crate::publish::Package;

/// How far a push is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Sent {
    /// Bytes of the archive that have gone out.
    pub sent: u64,
    /// All of its bytes.
    pub total: u64,
}

/// A chart that is in a registry.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PushedChart {
    /// The repository.
    pub repository: Repository,
    /// The tag: the version, with `_` for `+`.
    pub tag: Tag,
    /// The digest of the manifest.
    pub manifest: Digest,
    /// The digest of the archive.
    pub layer: Digest,
    /// All of it was there before.
    pub existed: bool,
}

/// A push that begins when it is awaited. From [`Registry::push_chart`].
///
/// ```
/// # use cube_sdk_testkit::apollo::registry::{Guard, Registry as Double};
/// # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
/// # let double = Double::start(Guard::Open).await.unwrap();
/// # let host = double.host();
/// # let folder = tempfile::tempdir().unwrap();
/// # let (folder, out) = (folder.path().join("web"), folder.path());
/// # std::fs::create_dir_all(&folder).unwrap();
/// # std::fs::write(folder.join("Chart.yaml"), "apiVersion: v2\nname: web\nversion: 1.4.2\n").unwrap();
/// use cube_sdk_apollo::publish::{Chart, Registry, RegistryHost, Repository};
///
/// let registry = Registry::builder(RegistryHost::parse(&host)?).plain_http().anonymous().build()?;
/// let repository = Repository::parse("charts/com.example/web")?;
/// let package = Chart::find(Some(&folder))?.contents()?.package(out)?;
/// let pushed = registry
///     .push_chart(&repository, &package)
///     .progress(|at| println!("{} of {} bytes", at.sent, at.total))
///     .await?;
/// assert_eq!(pushed.tag.as_str(), "1.4.2");
/// // A second push finds it; one that may move the tag has to say so.
/// assert!(registry.push_chart(&repository, &package).overwrite().await?.existed);
/// # Ok::<(), cube_sdk_core::Error>(()) }).unwrap();
/// ```
#[must_use = "nothing is pushed until it is awaited"]
pub struct PushChart {
    registry: Registry,
    repository: Repository,
    package: Package,
    overwrite: bool,
    watch: Option<Watch>,
}

impl std::fmt::Debug for PushChart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PushChart").field("repository", &self.repository).finish_non_exhaustive()
    }
}

impl PushChart {
    /// Lets the tag be moved where it names something else.
    pub fn overwrite(mut self) -> Self {
        self.overwrite = true;
        self
    }

    /// Called while the archive goes out.
    pub fn progress(mut self, watch: impl Fn(Sent) + Send + Sync + 'static) -> Self {
        let total = self.package.length();
        self.watch = Some(Arc::new(move |sent| watch(Sent { sent, total })));
        self
    }

    async fn send(self) -> Result<PushedChart> {
        let tag = Tag::parse(&self.package.version().tag())?;
        let session = self.registry.session(&self.repository, true).await?;
        let manifest = artifact::chart_manifest(self.package.digest(), self.package.length())?;
        let digest = Digest::of(&manifest);
        let found = session.tagged(&tag).await?;
        let existed = found.as_ref() == Some(&digest);
        match found {
            Some(found) if !existed && !self.overwrite => return Err(artifact::taken(&session, &tag, &found)),
            // The registry would not have taken the manifest without its blobs.
            Some(_) if existed => {}
            _ => {
                let retrier = self.registry.retrier();
                blob::push(&session, retrier, &Blob::of_bytes(CONFIG), None).await?;
                let source = Source::File(self.package.path().to_path_buf());
                let layer = Blob { digest: self.package.digest().clone(), length: self.package.length(), source };
                blob::push(&session, retrier, &layer, self.watch).await?;
                session.put_manifest(&tag, manifest).await?;
            }
        }
        let layer = self.package.digest().clone();
        Ok(PushedChart { repository: self.repository, tag, manifest: digest, layer, existed })
    }
}

awaitable!(PushChart => PushedChart);

impl Registry {
    /// Pushes a package into a repository, under the tag of its version: config, archive, manifest, each looked for first
    /// and sent only where it is missing. The archive is read from disk while it goes out, and goes on where a failure left
    /// it.
    ///
    /// Awaiting it fails as `Conflict` where the tag names something else, `Integrity` where the registry got other bytes,
    /// `Protocol` where it sends the upload to another host, `Credentials`, `Unauthenticated` or `PermissionDenied`.
    /// Nothing is under the tag before all of it is there.
    pub fn push_chart(&self, repository: &Repository, package: &Package) -> PushChart {
        PushChart {
            registry: self.clone(),
            repository: repository.clone(),
            package: package.clone(),
            overwrite: false,
            watch: None,
        }
    }

    /// The digest of the manifest that a package would get.
    pub(crate) fn manifest_of(&self, package: &Package) -> Result<Digest> {
        Ok(Digest::of(&artifact::chart_manifest(package.digest(), package.length())?))
    }

    /// What a version's tag names, before anything is sent.
    pub(crate) async fn tagged(&self, repository: &Repository, tag: &Tag) -> Result<Option<Digest>> {
        self.session(repository, true).await?.tagged(tag).await
    }

    /// Pushes any file as a blob, of any length, without holding it in memory; its digest.
    ///
    /// # Errors
    /// As [`Self::push_chart`]; `Io` where the file cannot be read.
    pub async fn push_file(&self, repository: &Repository, path: &Path) -> Result<Digest> {
        let file = path.to_path_buf();
        let read = tokio::task::spawn_blocking(move || hashed(&file)).await;
        let (digest, length) =
            read.unwrap_or_else(|_| Err(Error::new(ErrorKind::Cancelled, "reading the file was stopped")))?;
        let session = self.session(repository, true).await?;
        let blob = Blob { digest: digest.clone(), length, source: Source::File(path.to_path_buf()) };
        blob::push(&session, self.retrier(), &blob, None).await?;
        Ok(digest)
    }
}

fn hashed(path: &Path) -> Result<(Digest, u64)> {
    let failed = |cause| Error::io(format!("reading {}", path.display()), cause);
    let mut file = File::open(path).map_err(failed)?;
    let (mut hash, mut length, mut buffer) = (Sha256::new(), 0, vec![0; 256 * 1024]);
    loop {
        let read = file.read(&mut buffer).map_err(failed)?;
        if read == 0 {
            return Ok((Digest::of_sha256(&hash.finalize()), length));
        }
        hash.update(&buffer[..read]);
        length += read as u64;
    }
}
