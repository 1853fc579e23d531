//! Tasks of a plan, and the words that go with them.

use std::fmt;

use cube_sdk_core::Timestamp;
use cube_sdk_core::redact::masked;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::graphql::wire;
use crate::words::TaskState;

/// Words about a result, a reason, a task or an event.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct Description {
    /// The kind, in the server's word.
    pub kind: Option<String>,
    /// One line.
    pub summary: Option<String>,
    metadata: Value,
}

impl Description {
    pub(crate) fn from_wire(wire: wire::Description) -> Self {
        Self { kind: wire.kind, summary: wire.summary, metadata: wire.metadata_map.unwrap_or_default() }
    }

    /// The summary, else the kind.
    pub fn text(&self) -> Option<&str> {
        self.summary.as_deref().filter(|text| !text.is_empty()).or(self.kind.as_deref())
    }

    /// Further details with secrets masked; keys of interest are `details`, `resultDetails` and `message`.
    pub fn metadata(&self) -> Value {
        masked(&self.metadata)
    }
}

impl fmt::Debug for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Description")
            .field("kind", &self.kind)
            .field("summary", &self.summary)
            .field("metadata", &self.metadata())
            .finish()
    }
}

/// With secrets masked.
impl Serialize for Description {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut fields = to.serialize_struct("Description", 3)?;
        fields.serialize_field("kind", &self.kind)?;
        fields.serialize_field("summary", &self.summary)?;
        fields.serialize_field("metadata", &self.metadata())?;
        fields.end()
    }
}

/// Something that happened to a task.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TaskEvent {
    /// When.
    pub at: Option<Timestamp>,
    /// What.
    pub summary: Option<String>,
}

impl TaskEvent {
    fn from_wire(wire: wire::TaskEvent) -> Self {
        Self { at: wire.timestamp.0, summary: wire.description.and_then(|description| description.summary) }
    }
}

/// A task of a plan.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PlanTask {
    /// The RID; sub-tasks tell none.
    pub rid: Option<String>,
    /// Where it comes from.
    pub origin: Option<String>,
    /// What it does.
    pub description: Option<Description>,
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// Where it stands.
    pub state: Option<TaskState>,
    /// When that was last updated.
    pub updated_at: Option<Timestamp>,
    /// Why it stands there.
    pub status: Option<Description>,
    /// The latest event.
    pub latest: Option<TaskEvent>,
    /// Its events, in the server's order.
    pub events: Vec<TaskEvent>,
    /// Its sub-tasks; theirs are not read.
    pub subtasks: Vec<Self>,
}

impl PlanTask {
    pub(crate) fn from_wire(wire: wire::Task) -> Self {
        let status = wire.status.unwrap_or_default();
        Self {
            rid: wire.rid,
            origin: wire.origin,
            description: wire.description.map(Description::from_wire),
            created_at: wire.created_at.0,
            state: status.state,
            updated_at: status.updated_at.0,
            status: status.description.map(Description::from_wire),
            latest: wire.latest_event.map(TaskEvent::from_wire),
            events: wire.events.items.into_iter().map(TaskEvent::from_wire).collect(),
            subtasks: wire.subtasks.items.into_iter().map(Self::from_wire).collect(),
        }
    }

    /// What it does, in a line.
    pub fn title(&self) -> Option<&str> {
        self.description.as_ref()?.text()
    }

    pub(crate) fn with_subtasks(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.subtasks)
    }

    /// The same task, read at another time: by RID, else by what does not change.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        match (&self.rid, &other.rid) {
            (Some(mine), Some(theirs)) => mine == theirs,
            (None, None) => {
                self.origin == other.origin && self.created_at == other.created_at && self.title() == other.title()
            }
            _ => false,
        }
    }
}
