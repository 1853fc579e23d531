//! What a run tells, on its way and at its end.

use serde::Serialize;

use super::journal::Journal;
use super::steps::Step;
use crate::ids::Rid;

/// What became of a step, told as it becomes so.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Event {
    /// The step.
    pub step: Step,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a step.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub enum Outcome {
    /// It waits for a change request to be approved and applied.
    Waiting(Rid),
    /// It is done, by this run.
    Done,
    /// It was done before this run.
    AlreadyDone,
    /// It cannot be done yet; why.
    Pending(String),
}

/// A step that could not be done yet.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Pending {
    /// The step.
    pub step: Step,
    /// Why.
    pub why: String,
}

/// What a run came to.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ReplicationReport {
    /// The journal, for a later run.
    pub journal: Journal,
    /// Steps that could not be done yet, such as secrets without values.
    pub pending: Vec<Pending>,
    /// The target's entities after the run.
    pub entities: Vec<TargetEntity>,
}

/// An entity of the target.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TargetEntity {
    /// The name it was installed under, where told.
    pub name: Option<String>,
    /// Its RID.
    pub rid: Option<Rid>,
}

impl ReplicationReport {
    /// True when every step is done.
    pub const fn is_complete(&self) -> bool {
        self.pending.is_empty()
    }
}
