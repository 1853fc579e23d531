//! A chart out of a registry, compared with its digests.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use cube_sdk_core::engine::Opened;
use cube_sdk_core::whole_file::{Readers, WholeFile};
use cube_sdk_core::{Error, ErrorKind, Idempotency, Operation, Result};
use futures_util::StreamExt as _;
use http::Method;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::artifact::chart_layer;
use super::session::Session;
use super::{Digest, Registry, Repository, Tag};
use crate::publish::{Package, PublishFault};

const GET: Operation = Operation::new("registry", "get_blob", Idempotency::Read);

/// The longest archive that is pulled: a chart's files may come to 100 MiB, and do not grow by being packed.
const LONGEST: u64 = 128 * 1024 * 1024;

/// A chart that was pulled.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PulledChart {
    /// The archive.
    pub path: PathBuf,
    /// The digest of the manifest.
    pub manifest: Digest,
    /// The digest of the archive.
    pub layer: Digest,
}

impl Registry {
    /// Pulls a chart into a folder, as `NAME-TAG.tgz` after the last segment of the repository. The file appears when it is
    /// whole and its digest is right.
    ///
    /// # Errors
    /// `NotFound`; `Decode` for what is no chart; `Integrity` where bytes and digest differ; `Io`.
    pub async fn pull_chart(&self, repository: &Repository, tag: &Tag, folder: &Path) -> Result<PulledChart> {
        let session = self.session(repository, false).await?;
        let manifest = session.fetched(tag.as_str()).await?;
        let (layer, size) = chart_layer(&manifest).map_err(|error| error.with_target(session.about(tag.as_str())))?;
        let name = repository.as_str().rsplit('/').next().unwrap_or_default();
        let path = folder.join(format!("{name}-{tag}.tgz"));
        let failed = |cause| Error::io(format!("writing {}", path.display()), cause);
        std::fs::create_dir_all(folder).map_err(failed)?;
        let mut new = WholeFile::create(&path, Readers::Mask).map_err(failed)?;
        read(&session, &layer, size, |bytes| new.write_all(bytes).map_err(failed)).await?;
        new.commit().map_err(failed)?;
        Ok(PulledChart { path, manifest: Digest::of(&manifest), layer })
    }

    /// Is what the registry holds under the version's tag what was packed? The archive is read from the registry and
    /// compared by digest; nothing is written. Gives the digest of the manifest.
    ///
    /// # Errors
    /// `Integrity` with [`PublishFault::Differs`] where it is not; `NotFound` where there is no such tag.
    pub async fn verify_chart(&self, repository: &Repository, package: &Package) -> Result<Digest> {
        let tag = Tag::parse(&package.version().tag())?;
        let session = self.session(repository, false).await?;
        let manifest = session.fetched(tag.as_str()).await?;
        let about = |error: Error| error.with_target(session.about(tag.as_str()));
        let (layer, size) = chart_layer(&manifest).map_err(about)?;
        if (&layer, size) != (package.digest(), package.length()) {
            return Err(about(differs(&layer, package.digest())));
        }
        read(&session, &layer, size, |_| Ok(())).await?;
        Ok(Digest::of(&manifest))
    }
}

fn differs(found: &Digest, wanted: &Digest) -> Error {
    Error::new(ErrorKind::Integrity, format!("the registry holds {found}, not {wanted}"))
        .with_fault(PublishFault::Differs)
        .advice("look who else publishes this version, and publish under another one")
}

/// Reads a blob through; exactly the bytes of its digest, or an error.
async fn read(session: &Session, digest: &Digest, size: u64, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let about = |error: Error| error.with_operation(GET).with_target(session.about(digest.as_str()));
    if size > LONGEST {
        return Err(about(Error::new(ErrorKind::InvalidInput, format!("an archive of {size} bytes is no chart"))));
    }
    // Registries may send to a storage of theirs, which gets no credentials.
    let call = session.call(GET, Method::GET, &format!("blobs/{digest}"))?.follow_redirect();
    let mut opened: Opened = session.engine.open(&call).await?;
    let (mut hash, mut left) = (Sha256::new(), size);
    while let Some(chunk) = opened.next().await {
        let chunk = chunk?;
        let more =
            || Error::new(ErrorKind::Integrity, format!("the blob is longer than the {size} bytes it should have"));
        left = left.checked_sub(chunk.len() as u64).ok_or_else(|| about(more()))?;
        hash.update(&chunk);
        take(&chunk)?;
    }
    let found = Digest::of_sha256(&hash.finalize());
    if left > 0 || found != *digest {
        return Err(about(differs(&found, digest)));
    }
    Ok(())
}
