//! Sessions in the customer's account: AssumeRole with the grant's External ID, cached, renewed early,
//! limited by a session policy.

mod account;
mod assume;
mod attempt;
mod base;
mod call;
mod caller;
mod connector;
mod dial;
mod failure;
mod keys;
mod lease;
#[cfg(feature = "object_store")]
mod list;
mod object;
mod policy;
mod prompt_ack;
mod row;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cube_sdk_core::retry::Deadline;
use cube_sdk_core::{Idempotency, Operation, Result};

pub(crate) use account::Account;
pub(crate) use attempt::{Told, of as attempt_of};
pub(crate) use base::{AwsSettings, Base};
pub(crate) use caller::caller_identity;
pub use caller::{CallerIdentity, GET_CALLER_IDENTITY};
pub(crate) use connector::READ_SIZE;
pub(crate) use failure::{Failure, Subject};
pub(crate) use keys::GivenKeys;
pub(crate) use lease::{Lease, LeaseCell, cell as lease_cell};
#[cfg(feature = "object_store")]
pub(crate) use list::{ListRequest, Listed};
pub(crate) use object::promised;
pub(crate) use row::{Answered, AuditScope};

use crate::arn::{KmsKeyArn, RoleArn};
use crate::audit::Recorder;
use crate::code::ByoCode;
use crate::external_id::ExternalId;
use crate::fault::ByoFault;
use crate::region::Region;
use crate::s3_uri::{Bucket, ObjectKey, S3Uri};

/// STS AssumeRole.
pub const ASSUME_ROLE: Operation = Operation::new("sts", "assume_role", Idempotency::Read);
/// S3 HeadBucket.
pub const HEAD_BUCKET: Operation = Operation::new("s3", "head_bucket", Idempotency::Read);
/// S3 HeadObject.
pub const HEAD_OBJECT: Operation = Operation::new("s3", "head_object", Idempotency::Read);
/// S3 GetObject, always of a range.
pub const GET_OBJECT: Operation = Operation::new("s3", "get_object", Idempotency::Read);

/// S3 ListObjectsV2, a page.
pub const LIST_OBJECTS: Operation = Operation::new("s3", "list_objects", Idempotency::Read);

/// What a session needs to know of a grant.
///
/// ```
/// use cube_sdk_byo::GrantRef;
///
/// let grant = GrantRef::new(
///     "arn:aws:iam::210987654321:role/reader".parse()?,
///     "c2b7a6d4-93e1-4f0a-b1d8-6a1e5d2f7c90".parse()?, // of EdgeGate's grant; or GrantRef::try_from(&grant)
///     "acme-models".parse()?,
///     "eu-central-1".parse()?,
/// )
/// .with_kms_key("arn:aws:kms:eu-central-1:210987654321:key/5d1f1f6e-2f3a-4b8e-9a50-7d0e1c2b3a49".parse()?);
/// assert_eq!(grant.kms_key.unwrap().region(), grant.region.as_str());
/// # Ok::<(), cube_sdk_core::Error>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct GrantRef {
    /// The grant's id in EdgeGate; its first eight characters name the probe's session.
    pub id: Option<String>,
    /// The role in the customer's account.
    pub role_arn: RoleArn,
    /// What the trust policy asks for.
    pub external_id: ExternalId,
    /// The grant's only bucket.
    pub bucket: Bucket,
    /// Where the bucket lives.
    pub region: Region,
    /// The key of SSE-KMS objects.
    pub kms_key: Option<KmsKeyArn>,
}

impl GrantRef {
    /// A grant without KMS key.
    pub fn new(role_arn: RoleArn, external_id: ExternalId, bucket: Bucket, region: Region) -> Self {
        Self { id: None, role_arn, external_id, bucket, region, kms_key: None }
    }

    /// With the key that the bucket's objects are encrypted with.
    #[must_use]
    pub fn with_kms_key(mut self, key: KmsKeyArn) -> Self {
        self.kms_key = Some(key);
        self
    }

    /// With the grant's id in EdgeGate.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }
}

/// What a session may read at most.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Scope {
    /// Every object of the bucket.
    Bucket,
    /// One object.
    Object(ObjectKey),
}

/// Under whose name S3 is called.
#[derive(Clone, Debug)]
pub(crate) enum Identity {
    /// The keys that the storage was built with.
    Own,
    /// A role of the customer.
    Role { grant: Arc<GrantRef>, scope: Scope, name: String, duration: Duration },
}

/// A right to read one bucket. Made by [`Storage::session`](crate::Storage::session) or
/// [`Storage::own_session`](crate::Storage::own_session) without I/O: the role is assumed at the first call, and again
/// whenever the session runs out. Cheap to clone.
#[derive(Clone)]
pub struct Session {
    pub(crate) account: Account,
    pub(crate) identity: Identity,
    pub(crate) bucket: Bucket,
    pub(crate) region: Region,
    pub(crate) cell: Arc<LeaseCell>,
    pub(crate) audit: AuditScope,
}

impl Session {
    /// The bucket.
    pub fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// The region that the bucket is expected in.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// The same session, writing its audit rows to another recorder.
    #[must_use]
    pub fn audit(mut self, recorder: Recorder) -> Self {
        self.audit.recorder = Some(recorder);
        self
    }

    /// The same session under another `RoleSessionName`, which CloudTrail shows; letters that AWS does not
    /// take become `-`, and what is behind 64 characters is cut. Such a session shares no cache entry.
    #[must_use]
    pub fn named(mut self, session_name: &str) -> Self {
        if let Identity::Role { name, .. } = &mut self.identity {
            *name = session_name_of(session_name);
            self.cell = Arc::new(lease_cell(self.account.clock()));
        }
        self
    }

    /// Assumes the role now, if no fresh session is held: for first bytes that come sooner.
    ///
    /// # Errors
    /// `PermissionDenied` with BYO_ASSUME_ROLE_FAILED when STS refuses; `Credentials` when the storage finds no keys of
    /// its own; the kinds of the network otherwise.
    pub async fn connect(&self) -> Result<()> {
        self.lease(Deadline::none()).await.map(drop)
    }

    /// AWS's own client with this session's credentials, for calls that this library does not make.
    /// They leave no audit row, and the credentials end with the session.
    ///
    /// # Errors
    /// As [`Session::connect`].
    pub async fn into_aws_sdk_client(self) -> Result<aws_sdk_s3::Client> {
        Ok(self.lease(Deadline::none()).await?.s3.clone())
    }

    /// Refuses objects of another bucket before anything is sent.
    pub(crate) fn check_bucket(&self, uri: &S3Uri) -> Result<()> {
        if uri.bucket() == &self.bucket {
            return Ok(());
        }
        let detail = format!("bucket mismatch: {uri} is not in {}", self.bucket);
        let fault = ByoFault::new(ByoCode::BucketMismatch).with_detail(detail);
        Err(fault.into_error(GET_OBJECT).with_sent(cube_sdk_core::error::Sent::No))
    }
}

/// `[\w+=,.@-]{2,64}` (AWS STS API reference, `RoleSessionName`).
pub(crate) fn session_name_of(text: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || "_+=,.@-".contains(c) { c } else { '-' };
    let name: String = text.chars().map(keep).take(64).collect();
    if name.len() < 2 { format!("{name:-<2}") } else { name }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Session");
        out.field("bucket", &self.bucket).field("region", &self.region);
        if let Identity::Role { grant, scope, name, .. } = &self.identity {
            out.field("role", &grant.role_arn).field("scope", scope).field("name", name);
        }
        out.finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn session_names_keep_to_the_rule_of_sts() {
        assert_eq!(session_name_of("edgegate-e1c3a0b9"), "edgegate-e1c3a0b9");
        assert_eq!(session_name_of("a b/c"), "a-b-c");
        assert_eq!(session_name_of(&"x".repeat(99)).len(), 64);
        assert_eq!(session_name_of(""), "--");
    }
}
