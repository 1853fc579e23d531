//! Change requests of the target: which were there before a step was sent, and which may be the step's since.

use std::collections::BTreeSet;

use cube_sdk_core::{Error, ErrorKind, Result};

use super::context::Context;
use crate::change_requests::all_of;
use crate::ids::Rid;
use crate::model::ChangeRequest;

impl Context {
    /// Every change request of the target. Times do not tell which are new: clocks differ.
    pub(super) async fn requests(&self) -> Result<Vec<ChangeRequest>> {
        let Some(target) = &self.target else { return Ok(Vec::new()) };
        self.mode.whole(all_of(&self.apollo, target), "change requests").await
    }
}

/// Their RIDs.
pub(super) fn rids(changes: &[ChangeRequest]) -> BTreeSet<Rid> {
    changes.iter().map(|change| change.rid.clone()).collect()
}

/// The one change request that is new and may be about an entity: its title names it, or is not told. One that ended
/// otherwise than merged has done nothing.
///
/// # Errors
/// `Conflict` when several may be.
pub(super) fn new_about<'c>(
    changes: &'c [ChangeRequest],
    entity: &str,
    known: &BTreeSet<Rid>,
) -> Result<Option<&'c ChangeRequest>> {
    let is_new = |change: &&ChangeRequest| {
        !known.contains(&change.rid) && (change.is_merged() || !change.is_done()) && change.may_be_about(entity)
    };
    let found: Vec<_> = changes.iter().filter(is_new).collect();
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        many => {
            let many: Vec<_> = many.iter().map(|change| change.rid.as_str()).collect();
            let words = format!("several change requests may be this step's: {}", many.join(", "));
            Err(Error::new(ErrorKind::Conflict, words)
                .with_target(entity.to_owned())
                .with_ambiguous()
                .advice("see which of them are wanted, then make a new plan"))
        }
    }
}
