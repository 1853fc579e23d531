//! The way into the customer's bucket: sessions for a grant whose every call is written into the workspace's audit.

use cube_sdk_byo::audit::Recorder;
use cube_sdk_byo::{ByoCode, GrantRef, ObjectInfo, ObjectKey, S3Uri, Scope, Session};
use cube_sdk_core::Result;

use super::app::App;
use super::recording;
use crate::store::{GrantRow, ProbeOutcome};

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
        recording::of_grant(&self.recorder, grant)
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

impl App {
    /// Probes a grant's role, reading on the sample object if one is known. None while no role is attached.
    ///
    /// # Errors
    /// No verdict: network, throttling, 5xx, or the audit could not be written.
    pub(crate) async fn probe(&self, grant: &GrantRow, sample: Option<&ObjectKey>) -> Result<Option<ProbeOutcome>> {
        let Some(reference) = grant_ref(grant)? else { return Ok(None) };
        let mut probe = self.aws.probe(&reference).audit(self.recorder(grant));
        if let Some(key) = sample {
            probe = probe.sample_key(key.clone());
        }
        let report = probe.await?;
        Ok(Some(match report.last_verify_error() {
            // The sample was deleted from the bucket, which says nothing against the grant.
            Some(_) if report.code() == Some(&ByoCode::ObjectNotFound) => ProbeOutcome::Passed,
            Some(error) => ProbeOutcome::Failed(error),
            None => ProbeOutcome::Passed,
        }))
    }
}
