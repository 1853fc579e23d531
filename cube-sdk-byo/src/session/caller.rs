//! Whose keys the storage itself acts with.

use aws_types::request_id::RequestId;
use cube_sdk_core::retry::{Attempt, Frame};
use cube_sdk_core::{Error, ErrorKind, Idempotency, Operation, Result, WhichClock};

use super::failure::{Failure, Subject};
use super::{Account, attempt};
use crate::arn::{AccountId, PrincipalArn, PrincipalKind};
use crate::region::Region;

/// STS GetCallerIdentity.
pub const GET_CALLER_IDENTITY: Operation = Operation::new("sts", "get_caller_identity", Idempotency::Read);

/// Whom keys belong to, in STS's own words.
///
/// ```
/// use cube_sdk_byo::PrincipalArn;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let world = cube_sdk_testkit::aws::AwsWorld::builder().start().await?;
/// # let card = world.card();
/// # let storage = cube_sdk_byo::Storage::builder()
/// #     .keys(&card.worker.access_key_id, card.worker.secret_access_key.clone(), None)
/// #     .endpoint_url(card.endpoint_url.parse()?)
/// #     .build()?;
/// let caller = storage.caller_identity().await?; // of `Storage::builder()…build()?`
/// println!("the keys are those of {} in {}", caller.arn, caller.account);
/// let in_trust_policies: PrincipalArn = card.principal_arn.parse()?;
/// assert!(caller.acts_as(&in_trust_policies));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct CallerIdentity {
    /// The account.
    pub account: AccountId,
    /// The user, `arn:aws:iam::…:user/…`, or a role's session, `arn:aws:sts::…:assumed-role/ROLE/SESSION`.
    pub arn: String,
}

impl CallerIdentity {
    /// Are these keys of the user or role that a trust policy names? A session does not tell its role's path, so the
    /// role's name decides.
    pub fn acts_as(&self, principal: &PrincipalArn) -> bool {
        match principal.kind() {
            PrincipalKind::User => self.arn == principal.as_str(),
            PrincipalKind::Role => {
                let session = format!("arn:aws:sts::{}:assumed-role/{}/", principal.account(), principal.name());
                self.arn.starts_with(&session)
            }
        }
    }
}

/// Asks STS. The call is the operator's own, in nobody's bucket: it has no audit row.
pub(crate) async fn caller_identity(account: &Account) -> Result<CallerIdentity> {
    let base = account.base();
    let region = base.own_region()?;
    let own = base.keys(&region).await?;
    let sts = base.sts(&region, own.keys).await?;
    let frame = Frame::new(GET_CALLER_IDENTITY).target(target(&region)).deadline(account.deadline());
    let outcome = frame.run(account.retrier(), |attempt| ask_once(account, &sts, &region, attempt)).await;
    if let Err(error) = &outcome
        && Failure::was_expired_session(error)
    {
        base.forget_keys();
    }
    outcome
}

async fn ask_once(
    account: &Account,
    sts: &aws_sdk_sts::Client,
    region: &Region,
    attempt: Attempt,
) -> Result<CallerIdentity> {
    let call = sts.get_caller_identity().customize().mutate_request(attempt::of(&attempt)).send();
    let failed = match tokio::time::timeout(account.clocks().first_byte, call).await {
        Ok(Ok(answer)) => {
            let id = answer.request_id().map(str::to_owned);
            return read(answer.account, answer.arn).map_err(|error| error.with_request_id(id));
        }
        Ok(Err(error)) => Failure::read(error),
        Err(_) => Failure::timed_out(WhichClock::FirstByte),
    };
    Err(failed.into_error(GET_CALLER_IDENTITY, Subject::Caller, region, &target(region), &[]))
}

fn read(account: Option<String>, arn: Option<String>) -> Result<CallerIdentity> {
    let (Some(account), Some(arn)) = (account, arn) else {
        let message = "STS answered without an account and a name";
        return Err(Error::new(ErrorKind::Decode, message).with_operation(GET_CALLER_IDENTITY));
    };
    let account = account
        .parse()
        .map_err(|error: Error| error.with_kind(ErrorKind::Decode).with_operation(GET_CALLER_IDENTITY))?;
    Ok(CallerIdentity { account, arn })
}

fn target(region: &Region) -> String {
    format!("STS of {region}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_its_roles_and_nobody_elses() {
        let caller = |arn: &str| CallerIdentity { account: "444455556666".parse().unwrap(), arn: arn.to_owned() };
        let role: PrincipalArn = "arn:aws:iam::444455556666:role/svc/worker".parse().unwrap();
        let user: PrincipalArn = "arn:aws:iam::444455556666:user/svc/worker".parse().unwrap();
        assert!(caller("arn:aws:sts::444455556666:assumed-role/worker/i-0123").acts_as(&role));
        assert!(caller("arn:aws:iam::444455556666:user/svc/worker").acts_as(&user));
        for arn in [
            "arn:aws:sts::444455556666:assumed-role/worker-2/i-0123",
            "arn:aws:sts::111122223333:assumed-role/worker/i-0123",
            "arn:aws:iam::444455556666:user/worker",
            "arn:aws:iam::444455556666:root",
        ] {
            assert!(!caller(arn).acts_as(&role) && !caller(arn).acts_as(&user), "{arn}");
        }
    }
}
