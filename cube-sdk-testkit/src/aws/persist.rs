//! State that survives a restart: roles, and what was made through the S3 API.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cube_sdk_core::whole_file::{self, Readers};
use serde::{Deserialize, Serialize};

use super::iam::StoredRole;
use super::object::Object;
use super::state::State;
use super::store::{Bucket, Entry, StoredBucket, StoredObject};

/// The state file.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Saved {
    pub(crate) seed: u64,
    /// How often a world has been started on this directory: ids minted after a restart differ from those before.
    pub(crate) boots: u64,
    pub(crate) roles: Vec<StoredRole>,
    pub(crate) buckets: BTreeMap<String, StoredBucket>,
}

fn state_file(dir: &Path) -> PathBuf {
    dir.join("aws.json")
}

fn object_file(dir: &Path, sha256: &str) -> PathBuf {
    dir.join("objects").join(sha256)
}

/// Reads the state of `dir`, `None` when there is none yet.
pub(crate) fn load(dir: &Path) -> io::Result<Option<Saved>> {
    match fs::read(state_file(dir)) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(absent) if absent.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(other) => Err(other),
    }
}

/// Puts the saved buckets and objects into the store.
pub(crate) fn restore(state: &State, dir: &Path, buckets: &BTreeMap<String, StoredBucket>) -> io::Result<()> {
    for (name, stored) in buckets {
        let mut objects = Vec::new();
        for (key, object) in &stored.objects {
            objects.push((key.clone(), object.open(fs::read(object_file(dir, &object.sha256))?)));
        }
        let mut all = state.store.buckets();
        let bucket =
            all.entry(name.clone()).or_insert_with(|| Bucket { kept: stored.kept, ..Bucket::new(&stored.region) });
        bucket.objects.extend(objects);
    }
    Ok(())
}

/// Writes the state off the runtime's threads; nothing without a data directory.
pub(crate) async fn save(state: &Arc<State>) -> io::Result<()> {
    if state.data_dir.is_none() {
        return Ok(());
    }
    let state = state.clone();
    tokio::task::spawn_blocking(move || save_now(&state)).await.map_err(io::Error::other)?
}

/// [`save`] on this thread: the file is small.
pub(crate) fn save_now(state: &State) -> io::Result<()> {
    let Some(dir) = &state.data_dir else {
        return Ok(());
    };
    // One writer at a time, so that the newest state is the last to take the name.
    let _turn = state.saving.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    fs::create_dir_all(dir.join("objects"))?;
    let mut buckets = BTreeMap::new();
    let all = state.store.buckets().clone();
    for (name, bucket) in &all {
        let mut objects = BTreeMap::new();
        for (key, entry) in bucket.objects.iter().filter(|(_, entry)| entry.kept) {
            let stored = StoredObject::from(entry);
            if let Some(bytes) = entry.object.held() {
                let path = object_file(dir, &stored.sha256);
                if !path.exists() {
                    whole_file::write(&path, bytes, Readers::Mask)?;
                }
            }
            objects.insert(key.clone(), stored);
        }
        if bucket.kept || !objects.is_empty() {
            buckets.insert(name.clone(), StoredBucket { region: bucket.region.clone(), kept: bucket.kept, objects });
        }
    }
    let roles = state.iam.latest().values().map(StoredRole::from).collect();
    let saved = Saved { seed: state.seed, boots: state.boots, roles, buckets };
    whole_file::write(&state_file(dir), &serde_json::to_vec_pretty(&saved)?, Readers::Mask)
}

impl StoredObject {
    fn open(&self, bytes: Vec<u8>) -> Entry {
        let mut object = Object::bytes(bytes).with_etag(self.etag.clone());
        object.attributes = self.attributes.clone();
        object.checksum = self.stored_checksum.clone();
        object.parts = self.parts.as_slice().into();
        Entry { object, etag: self.etag.clone(), modified: self.modified, kept: true }
    }
}
