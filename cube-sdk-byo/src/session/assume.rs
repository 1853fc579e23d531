//! AssumeRole for a grant.

use aws_credential_types::Credentials;
use aws_types::request_id::RequestId;
use cube_sdk_core::retry::{Attempt, Frame};
use cube_sdk_core::{Error, ErrorKind, Result, Timestamp};

use super::failure::{Failure, Subject};
use super::policy::session_policy;
use super::{ASSUME_ROLE, Identity, Session, attempt};

impl Session {
    pub(crate) async fn renew(&self) -> Result<Lease> {
        let now = self.storage.now();
        let limit = self.storage.clocks().deadline;
        let bucket = self.bucket.as_str();
        match &self.identity {
            Identity::Own => {
                let s3 = self.storage.base().s3(&self.region, bucket, None, limit).await?;
                Ok(Lease { s3, issued: now, expires: None })
            }
            Identity::Role { grant, scope, name, duration } => {
                let (keys, expires) = self.assume(grant, scope, name, *duration).await?;
                let s3 = self.storage.base().s3(&self.region, bucket, Some(keys), limit).await?;
                Ok(Lease { s3, issued: now, expires: Some(expires) })
            }
        }
    }

    async fn assume(
        &self,
        grant: &GrantRef,
        scope: &Scope,
        name: &str,
        duration: Duration,
    ) -> Result<(Credentials, Timestamp)> {
        let deadline = Deadline::after(self.storage.clocks().deadline);
        let sts = self.storage.base().sts(&self.region, self.storage.clocks().deadline).await?;
        let retrier = self.storage.retrier();
        retrier.run(ASSUME_ROLE, deadline, |_| self.assume_once(&sts, grant, scope, name, duration)).await
    }

    async fn assume_once(
        &self,
        sts: &aws_sdk_sts::Client,
        grant: &GrantRef,
        scope: &Scope,
        name: &str,
        duration: Duration,
    ) -> Result<(Credentials, Timestamp)> {
        let audit: &AuditScope = &self.audit;
        let attempt = audit.begin(AuditEvent::AssumeRole, ASSUME_ROLE, None);
        let call = sts
            .assume_role()
            .role_arn(grant.role_arn.as_str())
            .external_id(grant.external_id.as_str())
            .role_session_name(name)
            .duration_seconds(i32::try_from(duration.as_secs()).unwrap_or(3600))
            .policy(session_policy(grant, scope))
            .send();
        let answer = match tokio::time::timeout(self.storage.clocks().first_byte, Box::pin(call)).await {
            Ok(answer) => answer.map_err(Failure::read),
            Err(_) => Err(Failure::timed_out(WhichClock::FirstByte)),
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) => {
                attempt.failed(&failure, Subject::Role, &self.region).await?;
                let target = grant.role_arn.as_str();
                return Err(failure.into_error(ASSUME_ROLE, Subject::Role, &self.region, target, &[]));
            }
        };
        attempt.succeeded(answer.request_id(), None).await?;
        let id = answer.request_id().map(str::to_owned);
        let unreadable = |what: &str| {
            Error::new(ErrorKind::Decode, format!("STS answered without {what}"))
                .with_operation(ASSUME_ROLE)
                .with_request_id(id.clone())
        };
        let keys = answer.credentials.ok_or_else(|| unreadable("credentials"))?;
        let millis = keys.expiration.to_millis().map_err(|_| unreadable("a readable time of expiry"))?;
        let expires = Timestamp::from_millisecond(millis);
        let keys =
            Credentials::new(keys.access_key_id, keys.secret_access_key, Some(keys.session_token), None, "AssumeRole");
        Ok((keys, expires))
    }
    outcome
}

async fn assume_once(
    session: &Session,
    sts: &aws_sdk_sts::Client,
    policy: &str,
    attempt: Attempt,
) -> Result<(Credentials, Timestamp)> {
    let Identity::Role { grant, name, duration, .. } = &session.identity else {
        return Err(Error::new(ErrorKind::Config, "a session with keys of its own assumes no role"));
    };
    let call = sts
        .assume_role()
        .role_arn(grant.role_arn.as_str())
        .external_id(grant.external_id.as_str())
        .role_session_name(name)
        .duration_seconds(i32::try_from(duration.as_secs()).unwrap_or(3600))
        .policy(policy)
        .customize()
        .mutate_request(attempt::of(&attempt))
        .send();
    let target = grant.role_arn.as_str();
    let answer = match session.attempt(ASSUME_ROLE, None, |_| None, call).await? {
        Ok((answer, _)) => answer,
        Err(failure) => return Err(failure.into_error(ASSUME_ROLE, Subject::Role, &session.region, target, &[])),
    };
    let id = answer.request_id().map(str::to_owned);
    let unreadable =
        |what: &str| Error::new(ErrorKind::Decode, format!("STS answered without {what}")).with_request_id(id.clone());
    let keys = answer.credentials.ok_or_else(|| unreadable("credentials"))?;
    let millis = keys.expiration.to_millis().map_err(|_| unreadable("a readable time of expiry"))?;
    let expires = Timestamp::from_millisecond(millis);
    let keys =
        Credentials::new(keys.access_key_id, keys.secret_access_key, Some(keys.session_token), None, "AssumeRole");
    Ok((keys, expires))
}
