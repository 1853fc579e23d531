//! How a world behaves where AWS leaves a choice, or where a test wants another answer than the ordinary one.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::super::kms::KmsRefusal;

/// Bytes that a packed session policy may take. AWS publishes no figure; this one fits what users report: 1 690
/// characters with 42 actions were 157 %, a statement of a few words 6 %.
const PACKED_POLICY: usize = 450;

/// The answer to a request that was signed for another region than the bucket's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WrongRegion {
    /// 301 `PermanentRedirect` with the bucket's endpoint: what the endpoint of another region answers.
    #[default]
    PermanentRedirect,
    /// 400 `AuthorizationHeaderMalformed` with the bucket's region: what the bucket's own endpoint answers to a foreign
    /// scope.
    AuthorizationHeaderMalformed,
}

/// The settings of one world: those that stay as they were at the start, and the switches that may be turned.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) short_sessions: bool,
    /// Body bytes per second of one connection.
    pub(crate) rate: Option<u64>,
    /// Bytes of a packed session policy.
    pub(crate) packed_policy: usize,
    switches: Mutex<Switches>,
}

/// What a test may change while the world runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Switches {
    pub(crate) wrong_region: WrongRegion,
    pub(crate) kms_refusal: KmsRefusal,
    /// Regions in which the customer's account has STS switched off.
    pub(crate) sts_disabled: BTreeSet<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { short_sessions: false, rate: None, packed_policy: PACKED_POLICY, switches: Mutex::default() }
    }
}

impl Clone for Settings {
    fn clone(&self) -> Self {
        Self { switches: Mutex::new(self.switches().clone()), ..*self }
    }
}

impl Settings {
    pub(crate) fn switches(&self) -> MutexGuard<'_, Switches> {
        self.switches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
