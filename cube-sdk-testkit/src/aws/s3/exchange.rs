//! One S3 request on its way: what the backend learns, kept for the answer, the trail and the counters.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use s3s::{S3Error, S3ErrorCode};

use super::super::identity::Caller;
use super::super::object::Object;
use super::failure::Failure;

/// Lives in the request's extensions.
#[derive(Default)]
pub(crate) struct Exchange {
    pub(crate) request_id: String,
    pub(crate) host_id: String,
    /// Condition keys of the request itself.
    pub(crate) facts: Vec<(&'static str, String)>,
    notes: Mutex<Notes>,
}

/// What was learned.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) caller: Option<Caller>,
    /// The request came without any credentials.
    pub(crate) anonymous: bool,
    pub(crate) failure: Option<Failure>,
    /// The bytes to send; s3s itself never sees them.
    pub(crate) body: Option<(Object, Range<u64>)>,
    pub(crate) key_use: Option<KeyUse>,
    /// The keys that a DeleteObjects deleted.
    pub(crate) deleted: Vec<String>,
}

/// A use of a KMS key that S3 made on the caller's behalf.
#[derive(Clone, Debug)]
pub(crate) struct KeyUse {
    /// `kms:Decrypt` or `kms:GenerateDataKey`.
    pub(crate) action: &'static str,
    pub(crate) key_arn: String,
    pub(crate) object_arn: String,
    /// KMS's code and message.
    pub(crate) error: Option<(String, String)>,
}

impl Exchange {
    pub(crate) fn new(request_id: String, host_id: String, facts: Vec<(&'static str, String)>) -> Self {
        Self { request_id, host_id, facts, notes: Mutex::default() }
    }

    pub(crate) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the failure for the answer and gives s3s one with the same code and status.
    pub(crate) fn fail(&self, failure: Failure) -> S3Error {
        let mut error = S3Error::new(S3ErrorCode::Custom(failure.code.clone().into()));
        error.set_status_code(failure.status);
        self.notes().failure = Some(failure);
        error
    }
}
