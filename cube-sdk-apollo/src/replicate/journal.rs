//! What a replication has done: noted before a step is sent, and after.

use std::collections::{BTreeMap, BTreeSet};

use cube_sdk_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::plan::ReplicationPlan;
use super::record::{Noted, Record};
use super::steps::Step;
use crate::ids::{EnvironmentId, Rid};

/// The record of one replication: begin with [`Journal::default`], store it whenever it changes. It holds no secret
/// values. It belongs to the plan that it was begun with: applied with another plan it is refused.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Journal {
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<Bound>,
    steps: BTreeMap<String, Record>,
}

/// What a journal belongs to.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Bound {
    source: EnvironmentId,
    target: String,
    /// None until the target is there.
    target_id: Option<EnvironmentId>,
    /// SHA-256 of the plan.
    plan: String,
}

impl Journal {
    /// How far a step is; none when it was not begun.
    pub fn step(&self, step: &Step) -> Option<&Record> {
        self.steps.get(&step.key())
    }

    /// Is a step done?
    pub fn is_done(&self, step: &Step) -> bool {
        matches!(self.step(step), Some(Record::Done { .. }))
    }

    /// Has no step been begun?
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Binds it to a plan, or refuses one that it does not belong to.
    pub(super) fn bind(&mut self, plan: &ReplicationPlan, source: &EnvironmentId) -> Result<()> {
        let digest = plan.digest()?;
        let refuse = |why: &str| {
            Err(Error::new(ErrorKind::InvalidInput, format!("the journal belongs to another replication: {why}"))
                .with_target(plan.target.name.clone())
                .advice("give the journal that was begun with this plan, or an empty one"))
        };
        match &self.of {
            None if !self.steps.is_empty() => refuse("it does not tell which"),
            None => {
                let target_id = plan.target.id.clone();
                self.of =
                    Some(Bound { source: source.clone(), target: plan.target.name.clone(), target_id, plan: digest });
                Ok(())
            }
            Some(of) if of.source != *source => refuse("its source is another"),
            Some(of) if of.target != plan.target.name => refuse(&format!("its target is `{}`", of.target)),
            Some(of) if of.plan != digest => refuse("its plan is another"),
            Some(_) => Ok(()),
        }
    }

    /// The target's id, once it is there.
    pub(super) fn target(&self) -> Option<&EnvironmentId> {
        self.of.as_ref()?.target_id.as_ref()
    }

    pub(super) fn set_target(&mut self, id: &EnvironmentId) {
        if let Some(of) = &mut self.of {
            of.target_id = Some(id.clone());
        }
    }

    pub(super) fn set(&mut self, step: &Step, record: Record) {
        self.steps.insert(step.key(), record);
    }

    pub(super) fn forget(&mut self, step: &Step) {
        self.steps.remove(&step.key());
    }

    /// The change requests that are certainly not a step's: those of before, and those of other steps.
    pub(super) fn known_besides(&self, step: &Step, noted: &Noted) -> BTreeSet<Rid> {
        let own = step.key();
        let others = self.steps.iter().filter(|(key, _)| **key != own).filter_map(|(_, record)| record.rid());
        noted.before.iter().chain(others).cloned().collect()
    }
}
