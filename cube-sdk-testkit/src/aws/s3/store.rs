//! Buckets and their objects.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::object::{Attributes, Object, StoredChecksum};
use super::super::policy::Document;
use super::failure::Failure;
use super::upload::Uploads;

/// A bucket.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    pub(crate) region: String,
    pub(crate) created: Timestamp,
    pub(crate) policy: Option<Arc<Document>>,
    pub(crate) objects: BTreeMap<String, Entry>,
    /// Made through the API: goes into the state file.
    pub(crate) kept: bool,
}

/// An object in its bucket. Its ETag is worked out once, here.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) object: Object,
    pub(crate) etag: String,
    pub(crate) modified: Timestamp,
    /// Put through the API: goes into the state file.
    pub(crate) kept: bool,
}

impl Bucket {
    pub(crate) fn new(region: &str) -> Self {
        Self {
            region: region.to_owned(),
            created: Timestamp::now(),
            policy: None,
            objects: BTreeMap::new(),
            kept: false,
        }
    }
}

/// Every bucket of the account.
#[derive(Debug, Default)]
pub(crate) struct Store {
    buckets: Mutex<BTreeMap<String, Bucket>>,
    pub(crate) uploads: Uploads,
}

impl Store {
    pub(crate) fn buckets(&self) -> MutexGuard<'_, BTreeMap<String, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores an object; `false` when there is no such bucket.
    pub(crate) fn put(&self, bucket: &str, key: &str, object: Object, modified: Timestamp, kept: bool) -> bool {
        let entry = Entry { etag: object.etag(), object, modified, kept };
        match self.buckets().get_mut(bucket) {
            Some(bucket) => {
                bucket.objects.insert(key.to_owned(), entry);
                true
            }
            None => false,
        }
    }

    /// Stores an object if `allowed` says so of what is there, in one step.
    pub(crate) fn put_if(
        &self,
        bucket: &str,
        key: &str,
        object: Object,
        modified: Timestamp,
        allowed: impl FnOnce(Option<&Entry>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let entry = Entry { etag: object.etag(), object, modified, kept: true };
        let mut buckets = self.buckets();
        let found = buckets.get_mut(bucket).ok_or_else(|| Failure::no_such_bucket(bucket))?;
        allowed(found.objects.get(key))?;
        found.objects.insert(key.to_owned(), entry);
        Ok(())
    }

    /// Removes an object if `allowed` says so of what is there, in one step.
    pub(crate) fn remove_if(
        &self,
        bucket: &str,
        key: &str,
        allowed: impl FnOnce(Option<&Entry>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut buckets = self.buckets();
        let found = buckets.get_mut(bucket).ok_or_else(|| Failure::no_such_bucket(bucket))?;
        allowed(found.objects.get(key))?;
        found.objects.remove(key);
        Ok(())
    }

    pub(crate) fn get(&self, bucket: &str, key: &str) -> Option<Entry> {
        self.buckets().get(bucket)?.objects.get(key).cloned()
    }
}

/// A bucket in the state file; object contents lie beside it, named by their SHA-256.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredBucket {
    pub(crate) region: String,
    pub(crate) kept: bool,
    pub(crate) objects: BTreeMap<String, StoredObject>,
}

/// An object in the state file.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredObject {
    pub(crate) sha256: String,
    pub(crate) etag: String,
    pub(crate) modified: Timestamp,
    #[serde(default)]
    pub(crate) attributes: Box<Attributes>,
    #[serde(default)]
    pub(crate) stored_checksum: Option<StoredChecksum>,
    #[serde(default)]
    pub(crate) parts: Vec<u64>,
}

impl From<&Entry> for StoredObject {
    fn from(entry: &Entry) -> Self {
        Self {
            sha256: entry.object.sha256(),
            etag: entry.etag.clone(),
            modified: entry.modified,
            attributes: entry.object.attributes.clone(),
            stored_checksum: entry.object.checksum.clone(),
            parts: entry.object.parts.to_vec(),
        }
    }
}
