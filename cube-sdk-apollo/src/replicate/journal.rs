//! What a replication has done: noted before a step is sent, and after.

use std::collections::BTreeMap;

use cube_sdk_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::Step;
use crate::ids::Rid;

/// How far one step is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Record {
    /// About to be sent, or sent and not answered.
    Noted {
        /// When.
        at: Timestamp,
    },
    /// A change request was opened.
    Opened {
        /// Its RID.
        change: Rid,
    },
    /// Done.
    Done {
        /// What it made or opened, where told.
        rid: Option<Rid>,
    },
}

impl Record {
    /// The RID of what it made or opened.
    pub const fn rid(&self) -> Option<&Rid> {
        match self {
            Self::Noted { .. } => None,
            Self::Opened { change } => Some(change),
            Self::Done { rid } => rid.as_ref(),
        }
    }
}

/// The record of a replication. Store it whenever it changes; it holds no secret values.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Journal {
    steps: BTreeMap<String, Record>,
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

    pub(super) fn set(&mut self, step: &Step, record: Record) {
        self.steps.insert(step.key(), record);
    }

    pub(super) fn forget(&mut self, step: &Step) {
        self.steps.remove(&step.key());
    }

    /// The change requests of other steps.
    pub(super) fn rids_besides<'a>(&'a self, step: &Step) -> impl Iterator<Item = &'a Rid> {
        let own = step.key();
        self.steps.iter().filter(move |(key, _)| **key != own).filter_map(|(_, record)| record.rid())
    }
}
