//! AssumeRole for a grant.

use aws_credential_types::Credentials;
use aws_types::request_id::RequestId;
use cube_sdk_core::retry::{Attempt, Frame};
use cube_sdk_core::{Error, ErrorKind, Result, Timestamp};

use super::failure::{Failure, Subject};
use super::policy::session_policy;
use super::{ASSUME_ROLE, Identity, Session, attempt};

/// The keys of a fresh session, and when they end.
pub(super) async fn assume_role(session: &Session, own: Credentials) -> Result<(Credentials, Timestamp)> {
    let Identity::Role { grant, scope, .. } = &session.identity else {
        return Err(Error::new(ErrorKind::Config, "a session with keys of its own assumes no role"));
    };
    let policy = session_policy(grant, scope)?;
    let account = &session.account;
    let sts = account.base().sts(&session.region, own).await?;
    let frame = Frame::new(ASSUME_ROLE).target(grant.role_arn.as_str()).deadline(account.deadline());
    let outcome = frame.run(account.retrier(), |attempt| assume_once(session, &sts, &policy, attempt)).await;
    if let Err(error) = &outcome
        && Failure::was_expired_session(error)
    {
        // The storage's own keys: whoever asks next gets them anew.
        account.base().forget_keys();
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
