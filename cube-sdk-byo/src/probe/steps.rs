//! The calls of a probe and what their answers mean.

use std::sync::Arc;

use aws_sdk_s3::operation::RequestId;
use cube_sdk_core::retry::{Attempt, Deadline};
use cube_sdk_core::{Error, Operation, Result};
use tokio::time::Instant;

use super::report::{CheckName, CheckStatus, ProbeCheck, ProbeReport};
use crate::audit::ProbeId;
use crate::code::ByoCode;
use crate::fault::ByoErrorExt;
use crate::s3_uri::{ObjectKey, S3Uri};
use crate::session::{Failure, GET_OBJECT, HEAD_BUCKET, HEAD_OBJECT, Lease, Session, Subject, Told as Outcome};

/// No such object is expected: 404 shows that the role may look.
const PROBE_KEY: &str = ".edgegate-readiness-probe";

/// A running probe.
pub(super) struct Steps<'a> {
    session: &'a Session,
    deadline: Deadline,
    started: Instant,
    report: ProbeReport,
}

/// An answer that says something about the grant: a success with its request id, or a typed refusal.
type Told = std::result::Result<Option<String>, Failure>;

impl<'a> Steps<'a> {
    pub(super) fn new(session: &'a Session, id: ProbeId, deadline: Deadline) -> Self {
        use CheckName as N;
        let open = |name| ProbeCheck {
            name,
            status: CheckStatus::NotChecked,
            code: None,
            detail: "an earlier check failed".into(),
            request_ids: Vec::new(),
        };
        let checks = [N::AssumeRole, N::Region, N::Bucket, N::List, N::Read, N::Decrypt].map(open).into();
        let report = ProbeReport { id, checks, bucket_region: None, elapsed: std::time::Duration::ZERO };
        Self { session, deadline, started: Instant::now(), report }
    }

    pub(super) async fn run(mut self, sample: Option<ObjectKey>, strict: bool) -> Result<ProbeReport> {
        self.walk(sample, strict).await?;
        self.report.elapsed = self.started.elapsed();
        Ok(self.report)
    }

    async fn walk(&mut self, sample: Option<ObjectKey>, strict: bool) -> Result<()> {
        if !self.assume_role().await? {
            return Ok(());
        }
        let Some(listed) = self.bucket().await? else { return Ok(()) };
        if !self.missing_key(listed, strict).await? {
            return Ok(());
        }
        self.sample(sample).await
    }

    /// False when the probe has failed.
    async fn assume_role(&mut self) -> Result<bool> {
        let error = match self.session.lease(self.deadline).await {
            Ok(_) => {
                self.set(CheckName::AssumeRole, CheckStatus::Passed, "the role was assumed", vec![]);
                return Ok(true);
            }
            Err(error) => error,
        };
        let Some(code) = error.byo().map(|fault| fault.code().clone()) else { return Err(error) };
        let ids = error.request_id().map(str::to_owned).into_iter().collect();
        self.fail(CheckName::AssumeRole, code, error.message().to_owned(), ids);
        Ok(false)
    }

    /// None when the probe has failed; else whether the bucket may be listed.
    async fn bucket(&mut self) -> Result<Option<bool>> {
        let session = self.session;
        let ask = |attempt: Attempt, lease: Arc<Lease>| async move {
            Ok(session.head_bucket(&attempt, &lease).await?.map(|output| output.request_id().map(str::to_owned)))
        };
        let failure = match self.ask(HEAD_BUCKET, None, ask).await? {
            Ok(id) => return Ok(self.listed(id.into_iter().collect())),
            Err(failure) => failure,
        };
        let mut ids: Vec<String> = failure.request_id.clone().into_iter().collect();
        let mut code = failure.verdict(Subject::Bucket, session.region());
        self.report.bucket_region.clone_from(&failure.bucket_region);
        // An answer without a body may say nothing yet: a GET's has one.
        if code.is_none()
            && let Err(told) = self.first_byte(&probe_key()?).await?
        {
            ids.extend(told.request_id.clone());
            code = told.verdict(Subject::Object, session.region());
            let region = told.bucket_region.clone().or_else(|| told.expected_region());
            self.report.bucket_region = self.report.bucket_region.take().or(region);
        }
        match code {
            Some(ByoCode::RegionMismatch) => {
                let detail = match &self.report.bucket_region {
                    Some(region) => format!("the bucket is in {region}, the grant says {}", session.region()),
                    None => format!("the bucket is not in {}", session.region()),
                };
                self.fail(CheckName::Region, ByoCode::RegionMismatch, detail, ids);
                Ok(None)
            }
            // Only who may list is told that a key does not exist.
            Some(ByoCode::ObjectNotFound) => Ok(self.listed(ids)),
            Some(ByoCode::ObjectAccessDenied) => {
                let known = failure.bucket_region.is_some();
                let (status, detail) = match known {
                    true => (CheckStatus::Passed, "the bucket is in the grant's region"),
                    false => (CheckStatus::NotChecked, "the bucket may not be looked at"),
                };
                self.set(CheckName::Region, status, detail, ids.clone());
                self.set(CheckName::Bucket, status, "the bucket answers, and denies ListBucket", ids.clone());
                self.set(CheckName::List, CheckStatus::Warning, "list: not granted", ids);
                Ok(Some(false))
            }
            Some(code) => {
                let detail = code.meaning().to_owned();
                self.fail(CheckName::Bucket, code, detail, ids);
                Ok(None)
            }
            None => Err(session.error(failure, HEAD_BUCKET, None, &[])),
        }
    }

    fn listed(&mut self, ids: Vec<String>) -> Option<bool> {
        let region = format!("the bucket is in {}", self.session.region());
        self.set(CheckName::Region, CheckStatus::Passed, region, ids.clone());
        self.set(CheckName::Bucket, CheckStatus::Passed, "the bucket exists", ids.clone());
        self.set(CheckName::List, CheckStatus::Passed, "the role may list the bucket", ids);
        Some(true)
    }

    /// HEAD of a key that does not exist; false when the probe has failed.
    async fn missing_key(&mut self, listed: bool, strict: bool) -> Result<bool> {
        let (session, key) = (self.session, &probe_key()?);
        let ask = |attempt: Attempt, lease: Arc<Lease>| async move {
            Ok(session.head(&attempt, &lease, key).await?.map(|output| output.request_id().map(str::to_owned)))
        };
        let failure = match self.ask(HEAD_OBJECT, Some(key), ask).await? {
            Ok(id) => return Ok(self.note(CheckName::List, id)),
            Err(failure) => failure,
        };
        let mut ids: Vec<String> = failure.request_id.clone().into_iter().collect();
        let mut code = failure.verdict(Subject::Object, session.region());
        let plain = matches!(code, Some(ByoCode::ObjectNotFound))
            || matches!(code, Some(ByoCode::ObjectAccessDenied) if !listed);
        if !plain && let Err(told) = self.first_byte(key).await? {
            // A HEAD cannot say why: a GET can, and may name KMS. What it says holds, also where it blames nobody.
            code = told.verdict(Subject::Object, session.region()).or(code.filter(|_| told.is_mute()));
            if code.is_none() {
                return Err(session.error(told, HEAD_OBJECT, Some(key), &ids));
            }
            ids.extend(told.request_id.clone());
        }
        match code {
            Some(ByoCode::ObjectNotFound) => Ok(self.note_all(CheckName::List, ids)),
            // Without ListBucket S3 hides whether a key exists: the same answer for all of them.
            Some(ByoCode::ObjectAccessDenied) if !listed && !strict => Ok(self.note_all(CheckName::List, ids)),
            Some(ByoCode::ObjectAccessDenied) if !listed => {
                let detail = "the role lacks s3:ListBucket on the bucket, and the probe is strict".to_owned();
                self.fail(CheckName::List, ByoCode::ObjectAccessDenied, detail, ids);
                Ok(false)
            }
            Some(code) => {
                let check = if code == ByoCode::KmsAccessDenied { CheckName::Decrypt } else { CheckName::Read };
                let detail = code.meaning().to_owned();
                self.fail(check, code, detail, ids);
                Ok(false)
            }
            None => Err(session.error(failure, HEAD_OBJECT, Some(key), &[])),
        }
    }

    /// Reading and decrypting, on a known object.
    async fn sample(&mut self, sample: Option<ObjectKey>) -> Result<()> {
        let Some(key) = sample else {
            self.not_checked("no known object to try it on", vec![]);
            return Ok(());
        };
        let uri = S3Uri::new(self.session.bucket().clone(), key);
        let failure = match self.first_byte(uri.key()).await? {
            Ok(id) => {
                let ids: Vec<String> = id.into_iter().collect();
                self.set(CheckName::Read, CheckStatus::Passed, format!("{uri} can be read"), ids.clone());
                // S3 decrypts before it answers: what was read was decrypted, if it was encrypted.
                self.set(CheckName::Decrypt, CheckStatus::Passed, "S3 could decrypt it under the role", ids);
                return Ok(());
            }
            Err(failure) => failure,
        };
        let ids: Vec<String> = failure.request_id.clone().into_iter().collect();
        // An empty object has no first byte, but was found and opened.
        if failure.is_range_behind_end() {
            self.set(CheckName::Read, CheckStatus::Passed, format!("{uri} is empty and can be read"), ids);
            self.set(CheckName::Decrypt, CheckStatus::NotChecked, "the known object is empty", vec![]);
            return Ok(());
        }
        match failure.verdict(Subject::Object, self.session.region()) {
            Some(code @ ByoCode::KmsAccessDenied) => {
                let passed = format!("{uri} is found, and its policy admits the role");
                self.set(CheckName::Read, CheckStatus::Passed, passed, ids.clone());
                let detail = format!("{uri}: {}", code.meaning());
                self.fail(CheckName::Decrypt, code, detail, ids);
            }
            Some(code @ (ByoCode::ObjectAccessDenied | ByoCode::BucketGone | ByoCode::RegionMismatch)) => {
                let detail = format!("{uri}: {}", code.meaning());
                self.fail(CheckName::Read, code, detail, ids);
            }
            // The state of this one object (deleted, archived, under a customer's own key) says nothing of the grant.
            told => {
                let why = match (&failure.code, told) {
                    (_, Some(code)) => code.meaning().to_owned(),
                    (Some(code), None) => format!("S3 answers {code} for it"),
                    (None, None) => "S3 does not hand it out".to_owned(),
                };
                self.not_checked(&format!("{uri}: {why}"), ids);
            }
        }
        Ok(())
    }

    async fn first_byte(&self, key: &ObjectKey) -> Result<Told> {
        let session = self.session;
        let ask = |attempt: Attempt, lease: Arc<Lease>| async move {
            Ok(session.first_byte(&attempt, &lease, key).await?.map(|output| output.request_id().map(str::to_owned)))
        };
        self.ask(GET_OBJECT, Some(key), ask).await
    }

    /// Makes a call until its answer says something, about the grant or about the object.
    async fn ask<F, A>(&self, operation: Operation, key: Option<&ObjectKey>, ask: F) -> Result<Told>
    where
        F: Fn(Attempt, Arc<Lease>) -> A,
        A: Future<Output = Outcome<Option<String>>>,
    {
        let session = self.session;
        let make = |attempt, lease| {
            let told = ask(attempt, lease);
            async move {
                match told.await? {
                    Err(failure) if !failure.is_final() => Err(session.error(failure, operation, key, &[])),
                    told => Ok(told),
                }
            }
        };
        session.call(operation, key, self.deadline, make).await
    }

    fn set(&mut self, name: CheckName, status: CheckStatus, detail: impl Into<String>, request_ids: Vec<String>) {
        if let Some(check) = self.report.checks.iter_mut().find(|check| check.name == name) {
            *check = ProbeCheck { name, status, code: None, detail: detail.into(), request_ids };
        }
    }

    fn fail(&mut self, name: CheckName, code: ByoCode, detail: String, request_ids: Vec<String>) {
        self.set(name, CheckStatus::Failed, detail, request_ids);
        if let Some(check) = self.report.checks.iter_mut().find(|check| check.name == name) {
            check.code = Some(code);
        }
    }

    fn not_checked(&mut self, why: &str, ids: Vec<String>) {
        self.set(CheckName::Read, CheckStatus::NotChecked, why, ids);
        self.set(CheckName::Decrypt, CheckStatus::NotChecked, why, vec![]);
    }

    /// Adds request ids to a check that keeps its verdict.
    fn note_all(&mut self, name: CheckName, ids: Vec<String>) -> bool {
        if let Some(check) = self.report.checks.iter_mut().find(|check| check.name == name) {
            check.request_ids.extend(ids);
        }
        true
    }

    fn note(&mut self, name: CheckName, id: Option<String>) -> bool {
        self.note_all(name, id.into_iter().collect())
    }
}

fn probe_key() -> Result<ObjectKey, Error> {
    PROBE_KEY.parse()
}
