//! What a step that was not answered has left on the target.

use std::collections::BTreeSet;

use cube_sdk_core::Result;

use super::context::Context;
use super::record::Noted;
use super::requests::{new_about, rids};
use super::steps::{Seen, Step};
use crate::ids::Rid;

/// What may be of a step.
pub(super) enum Trace {
    /// Nothing; the change requests that were listed just then.
    None { listed: BTreeSet<Rid> },
    /// What it makes stands on the target.
    Stands(Option<Rid>),
    /// Something else stands in its place; what.
    InTheWay(String),
    /// A change request is new that may be its own.
    Requested(Rid),
}

impl Trace {
    /// Looks once. What stands on the target tells more than any request.
    pub(super) async fn find(at: &Context, step: &Step, noted: &Noted, known: &BTreeSet<Rid>) -> Result<Self> {
        let entity = match step.kind().look(at, Some(noted)).await? {
            Seen::Same(rid) => return Ok(Self::Stands(rid)),
            Seen::Other(what) => return Ok(Self::InTheWay(what)),
            Seen::Nothing => step.kind().subject(),
        };
        let Some(entity) = entity else { return Ok(Self::None { listed: BTreeSet::new() }) };
        let changes = at.requests().await?;
        Ok(match new_about(&changes, entity, known)? {
            Some(change) => Self::Requested(change.rid.clone()),
            None => Self::None { listed: rids(&changes) },
        })
    }
}
