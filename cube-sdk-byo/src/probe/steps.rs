//! The calls of a probe and what their answers mean.

use aws_sdk_s3::operation::RequestId;
use cube_sdk_core::retry::Deadline;
use cube_sdk_core::{Error, Operation, Result};
use tokio::time::Instant;

use super::report::{CheckName, CheckStatus, ProbeCheck, ProbeReport};
use crate::audit::{AuditEvent, ProbeId};
use crate::code::ByoCode;
use crate::fault::ByoErrorExt;
use crate::inspect::{Begun, first_byte, head};
use crate::region::Region;
use crate::s3_uri::{ObjectKey, S3Uri};
use crate::session::{Failure, GET_OBJECT, HEAD_BUCKET, HEAD_OBJECT, Lease, Session, Subject};

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

    pub(super) async fn run(mut self, sample: Option<S3Uri>, strict: bool) -> Result<ProbeReport> {
        self.walk(sample, strict).await?;
        self.report.elapsed = self.started.elapsed();
        Ok(self.report)
    }

    async fn walk(&mut self, sample: Option<S3Uri>, strict: bool) -> Result<()> {
        let Some(lease) = self.assume_role().await? else { return Ok(()) };
        let Some(listed) = self.bucket(&lease).await? else { return Ok(()) };
        if !self.missing_key(&lease, listed, strict).await? {
            return Ok(());
        }
        self.sample(&lease, sample).await
    }

    async fn assume_role(&mut self) -> Result<Option<std::sync::Arc<Lease>>> {
        match self.session.lease().await {
            Ok(lease) => {
                self.set(CheckName::AssumeRole, CheckStatus::Passed, "the role was assumed", vec![]);
                Ok(Some(lease))
            }
            Err(error) => match error.byo().map(|fault| fault.code().clone()) {
                Some(code) => {
                    let ids = error.request_id().map(str::to_owned).into_iter().collect();
                    self.fail(CheckName::AssumeRole, code, error.message().to_owned(), ids);
                    Ok(None)
                }
                None => Err(error),
            },
        }
    }

    /// None when the probe has failed; else whether the bucket may be listed.
    async fn bucket(&mut self, lease: &Lease) -> Result<Option<bool>> {
        let session = self.session;
        let told = self
            .ask(HEAD_BUCKET, None, || async {
                let call = lease.s3.head_bucket().bucket(session.bucket().as_str()).send();
                let event = AuditEvent::HeadBucket;
                let begun = Begun { audit: &session.audit, event, operation: HEAD_BUCKET, key: None };
                let id_of = |output: &aws_sdk_s3::operation::head_bucket::HeadBucketOutput| {
                    output.request_id().map(str::to_owned)
                };
                Ok(begun.finish(session, Subject::Bucket, call, id_of, None).await?.map(|output| id_of(&output)))
            })
            .await?;
        let failure = match told {
            Ok(id) => {
                let ids: Vec<String> = id.into_iter().collect();
                let region = format!("the bucket is in {}", session.region());
                self.set(CheckName::Region, CheckStatus::Passed, region, ids.clone());
                self.set(CheckName::Bucket, CheckStatus::Passed, "the bucket exists", ids.clone());
                self.set(CheckName::List, CheckStatus::Passed, "the role may list the bucket", ids);
                return Ok(Some(true));
            }
            Err(failure) => failure,
        };
        let mut ids: Vec<String> = failure.request_id.clone().into_iter().collect();
        let mut code = failure.byo_code(Subject::Bucket, session.region());
        self.report.bucket_region.clone_from(&failure.bucket_region);
        // 400 without a region says nothing yet: a GET's answer has a body.
        let unclear = code.is_none() || is_mute_400(&failure);
        if unclear && let Err(told) = self.first_byte(lease, &self.probe_uri()?).await? {
            ids.extend(told.request_id.clone());
            code = told.byo_code(Subject::Object, session.region()).or(code);
            let region = told.bucket_region.or_else(|| region_in(told.message.as_deref()));
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

    /// HEAD of a key that does not exist; false when the probe has failed.
    async fn missing_key(&mut self, lease: &Lease, listed: bool, strict: bool) -> Result<bool> {
        let uri = self.probe_uri()?;
        let session = self.session;
        let told = self
            .ask(HEAD_OBJECT, Some(uri.key()), || async {
                Ok(head(session, &lease.s3, &uri).await?.map(|output| output.request_id().map(str::to_owned)))
            })
            .await?;
        let failure = match told {
            Ok(id) => return Ok(self.note(CheckName::List, id)),
            Err(failure) => failure,
        };
        let id = failure.request_id.clone();
        match failure.byo_code(Subject::Object, session.region()) {
            Some(ByoCode::ObjectNotFound) => Ok(self.note(CheckName::List, id)),
            // Without ListBucket S3 hides whether a key exists: the same answer for all of them.
            Some(ByoCode::ObjectAccessDenied) if !listed && !strict => Ok(self.note(CheckName::List, id)),
            Some(ByoCode::ObjectAccessDenied) if !listed => {
                let detail = "the role lacks s3:ListBucket on the bucket, and the probe is strict".to_owned();
                self.fail(CheckName::List, ByoCode::ObjectAccessDenied, detail, id.into_iter().collect());
                Ok(false)
            }
            Some(code) => {
                // A HEAD cannot say why: a GET can, and may name KMS.
                let mut ids: Vec<String> = id.into_iter().collect();
                let told = self.first_byte(lease, &uri).await?;
                let told = told.err().inspect(|told| ids.extend(told.request_id.clone()));
                let code = told.and_then(|told| told.byo_code(Subject::Object, session.region())).unwrap_or(code);
                let check = if code == ByoCode::KmsAccessDenied { CheckName::Decrypt } else { CheckName::Read };
                let detail = code.meaning().to_owned();
                self.fail(check, code, detail, ids);
                Ok(false)
            }
            None => Err(session.error(failure, HEAD_OBJECT, Some(uri.key()), &[])),
        }
    }

    /// Reading and decrypting, on a known object.
    async fn sample(&mut self, lease: &Lease, sample: Option<S3Uri>) -> Result<()> {
        let Some(uri) = sample else {
            let why = "no known object to try it on";
            self.set(CheckName::Read, CheckStatus::NotChecked, why, vec![]);
            self.set(CheckName::Decrypt, CheckStatus::NotChecked, why, vec![]);
            return Ok(());
        };
        match self.first_byte(lease, &uri).await? {
            Ok(id) => {
                let ids: Vec<String> = id.into_iter().collect();
                self.set(CheckName::Read, CheckStatus::Passed, format!("{uri} can be read"), ids.clone());
                // S3 decrypts before it answers: what was read was decrypted, if it was encrypted.
                self.set(CheckName::Decrypt, CheckStatus::Passed, "S3 could decrypt it under the role", ids);
            }
            // An empty object has no first byte, but was found and opened.
            Err(failure) if failure.is_range_behind_end() => {
                let ids: Vec<String> = failure.request_id.into_iter().collect();
                self.set(CheckName::Read, CheckStatus::Passed, format!("{uri} is empty and can be read"), ids);
                let why = "the known object is empty";
                self.set(CheckName::Decrypt, CheckStatus::NotChecked, why, vec![]);
            }
            Err(failure) => {
                let ids: Vec<String> = failure.request_id.clone().into_iter().collect();
                let Some(code) = failure.byo_code(Subject::Object, self.session.region()) else {
                    return Err(self.session.error(failure, GET_OBJECT, Some(uri.key()), &[]));
                };
                let detail = format!("{uri}: {}", code.meaning());
                match code {
                    ByoCode::KmsAccessDenied => {
                        let passed = format!("{uri} is found, and its policy admits the role");
                        self.set(CheckName::Read, CheckStatus::Passed, passed, ids.clone());
                        self.fail(CheckName::Decrypt, code, detail, ids);
                    }
                    code => self.fail(CheckName::Read, code, detail, ids),
                }
            }
        }
        Ok(())
    }

    async fn first_byte(&self, lease: &Lease, uri: &S3Uri) -> Result<Told> {
        self.ask(GET_OBJECT, Some(uri.key()), || first_byte(self.session, &lease.s3, uri)).await
    }

    /// Makes a call until its answer says something about the grant.
    async fn ask<F>(&self, operation: Operation, key: Option<&ObjectKey>, mut call: impl FnMut() -> F) -> Result<Told>
    where
        F: Future<Output = Result<Told>>,
    {
        let session = self.session;
        let subject = if key.is_some() { Subject::Object } else { Subject::Bucket };
        let retrier = session.storage.retrier();
        let attempt = |_| {
            let call = call();
            async move {
                match call.await? {
                    Ok(id) => Ok(Ok(id)),
                    Err(failure) if says_something(&failure, subject, session.region()) => Ok(Err(failure)),
                    Err(failure) => Err(session.error(failure, operation, key, &[])),
                }
            }
        };
        retrier.run(operation, self.deadline, attempt).await
    }

    fn probe_uri(&self) -> Result<S3Uri, Error> {
        Ok(S3Uri::new(self.session.bucket().clone(), PROBE_KEY.parse()?))
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

    /// Adds a request id to a check that keeps its verdict.
    fn note(&mut self, name: CheckName, id: Option<String>) -> bool {
        if let Some(check) = self.report.checks.iter_mut().find(|check| check.name == name) {
            check.request_ids.extend(id);
        }
        true
    }
}

/// True for answers that tell something about the grant; the others are faults of the moment, or of our keys.
fn says_something(failure: &Failure, subject: Subject, region: &Region) -> bool {
    failure.byo_code(subject, region).is_some() || failure.is_range_behind_end() || is_mute_400(failure)
}

fn is_mute_400(failure: &Failure) -> bool {
    failure.is_mute() && failure.status.is_some_and(|status| status.as_u16() == 400)
}

/// `… expecting 'us-west-2'` of AuthorizationHeaderMalformed.
fn region_in(message: Option<&str>) -> Option<Region> {
    message?.split_once("expecting '")?.1.split('\'').next()?.parse().ok()
}
