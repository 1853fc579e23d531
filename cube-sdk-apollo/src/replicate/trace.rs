//! What a step that was not answered has left on the target.

use std::collections::BTreeSet;

use cube_sdk_core::Result;

use super::context::Context;
use super::record::Noted;
use super::steps::{Seen, Step};
use crate::ids::Rid;

/// What may be of a step.
pub(super) enum Trace {
    None,
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
        Ok(match entity {
            Some(entity) => at.new_about(entity, known).await?.map_or(Self::None, |change| Self::Requested(change.rid)),
            None => Self::None,
        })
    }
}
