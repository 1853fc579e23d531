//! Multipart uploads on their way. They end with the world, also with one that has a data directory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use jiff::Timestamp;

use super::super::mint::hex;
use super::super::object::{Attributes, ChecksumAlgorithm, digest, md5};

/// An upload that was begun.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) attributes: Box<Attributes>,
    pub(crate) algorithm: ChecksumAlgorithm,
    /// The checksum is to be one of the parts' checksums, not of the whole.
    pub(crate) composite: bool,
    pub(crate) begun: Timestamp,
    pub(crate) parts: BTreeMap<i32, Part>,
}

/// A part that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) bytes: Bytes,
    pub(crate) etag: String,
    pub(crate) checksum: String,
    pub(crate) modified: Timestamp,
}

impl Part {
    pub(crate) fn new(bytes: Bytes, algorithm: ChecksumAlgorithm, modified: Timestamp) -> Self {
        Self { etag: hex(&md5(&bytes)), checksum: digest(algorithm, &bytes), bytes, modified }
    }
}

/// Uploads by id.
#[derive(Debug, Default)]
pub(crate) struct Uploads(Mutex<BTreeMap<String, Upload>>);

impl Uploads {
    pub(crate) fn all(&self) -> MutexGuard<'_, BTreeMap<String, Upload>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at, or changes, the upload of this id for this object; none when there is no such upload.
    pub(crate) fn edit<T>(
        &self,
        id: &str,
        (bucket, key): (&str, &str),
        edit: impl FnOnce(&mut Upload) -> T,
    ) -> Option<T> {
        let mut all = self.all();
        let upload = all.get_mut(id)?;
        ((upload.bucket.as_str(), upload.key.as_str()) == (bucket, key)).then(|| edit(upload))
    }
}
