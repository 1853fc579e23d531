//! Which probes run: who asks for one of them joins it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use cube_sdk_byo::{ExternalId, RoleArn};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};

use crate::refusal::Answer;
use crate::store::{GrantRow, Id};

/// A probe on its way to its outcome.
pub(crate) type Probing = BoxFuture<'static, Answer<GrantRow>>;

/// The probes that run, each by all that it is asked with. It ends with those who wait for it.
#[derive(Default)]
pub(crate) struct Probes(Mutex<HashMap<(Id, RoleArn, ExternalId), WeakShared<Probing>>>);

impl Probes {
    /// The running probe of the same grant, role and External ID, or the one that is begun.
    pub(crate) fn join(&self, grant: &GrantRow, role: &RoleArn, begin: impl FnOnce() -> Probing) -> Shared<Probing> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|_, probe| probe.upgrade().is_some_and(|probe| probe.peek().is_none()));
        let key = (grant.id, role.clone(), grant.external_id.clone());
        if let Some(probe) = running.get(&key).and_then(WeakShared::upgrade) {
            return probe;
        }
        let probe = begin().shared();
        if let Some(weak) = probe.downgrade() {
            running.insert(key, weak);
        }
        probe
    }
}
