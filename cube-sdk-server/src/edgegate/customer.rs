//! The way into the customer's bucket: sessions for a grant whose every call is written into the workspace's audit.

use cube_sdk_byo::audit::Recorder;
use cube_sdk_byo::{GrantRef, ObjectInfo, ObjectKey, ObjectReader, S3Uri, Scope, Session, Sha256};
use cube_sdk_core::Result;

use super::app::App;
use super::recording;
use crate::store::GrantRow;

/// The object behind an artifact, and the session that one cell reads it with.
#[derive(Debug)]
pub(crate) struct ModelSource {
    pub(crate) session: Session,
    pub(crate) uri: S3Uri,
    pub(crate) size_bytes: u64,
    pub(crate) etag: Option<String>,
    pub(crate) expected_sha256: Option<Sha256>,
}

/// What storage needs to know of a grant; none while no role is attached.
pub(crate) fn grant_ref(grant: &GrantRow) -> Result<Option<GrantRef>> {
    let Some(role) = grant.role()? else { return Ok(None) };
    let reference = GrantRef::new(role, grant.external_id.clone(), grant.bucket.clone(), grant.region.clone())
        .with_id(grant.id.to_string());
    Ok(Some(match grant.kms_key()? {
        Some(key) => reference.with_kms_key(key),
        None => reference,
    }))
}

impl App {
    /// Writes rows of a grant's calls.
    pub(crate) fn recorder(&self, grant: &GrantRow) -> Recorder {
        recording::recorder(&self.store, grant, self.hostname.as_deref())
    }

    /// A session of its own for one object; the role is assumed at the first call. None while no role is attached.
    pub(crate) fn session(&self, grant: &GrantRow, key: &ObjectKey, recorder: Recorder) -> Result<Option<Session>> {
        let reference = grant_ref(grant)?;
        Ok(reference.map(|grant| self.aws.fresh_session(&grant, Scope::Object(key.clone())).audit(recorder)))
    }
}

impl App {
    /// Looks at an object with one HeadObject.
    ///
    /// # Errors
    /// A `BYO_*` fault for what AWS refused; anything else is no verdict.
    pub(crate) async fn inspect(&self, grant: &GrantRow, uri: &S3Uri) -> Result<Option<ObjectInfo>> {
        match self.session(grant, uri.key(), self.recorder(grant))? {
            Some(session) => session.inspect(uri).await.map(Some),
            None => Ok(None),
        }
    }
}

impl ModelSource {
    pub(crate) async fn open(&self) -> Result<ObjectReader> {
        let mut open = self.session.open(self.uri.clone()).expect_size(self.size_bytes);
        if let Some(etag) = &self.etag {
            open = open.if_match(etag);
        }
        match self.expected_sha256 {
            Some(digest) => open.expect_sha256(digest).await,
            None => open.compute_sha256().await,
        }
    }
}

impl App {
    pub(crate) async fn probe(&self, grant: &GrantRow, sample: Option<&ObjectKey>) -> Result<()> {
        let _ = (grant, sample);
        Err(cube_sdk_core::Error::new(cube_sdk_core::ErrorKind::Unsupported, "not yet"))
    }
}
