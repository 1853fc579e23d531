//! Change requests.

use std::fmt;

use cube_sdk_core::{Result, Timestamp};
use serde::Serialize;

use crate::answer::Answer;
use crate::client::Apollo;
use crate::graphql::wire;
use crate::ids::{EntityId, EnvironmentId, Rid};
use crate::model::{Entity, Environment};
use crate::words::ChangeRequestStatus;

/// A change request, as it was when read. Cheap to clone.
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # world.approve_all();
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// use std::time::Duration;
///
/// let change = apollo.entities("cube-7").enforce("mosquitto").await?;
/// println!("{} {:?}", change.rid(), change.status());
/// let merged = change.wait().interval(Duration::from_millis(10)).await?;
/// assert!(merged.is_merged());
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[derive(Clone, Serialize)]
pub struct ChangeRequest {
    #[serde(skip)]
    pub(crate) apollo: Apollo,
    pub(crate) rid: Rid,
    pub(crate) environment: Option<EnvironmentId>,
    environment_name: Option<String>,
    title: Option<String>,
    status: Option<ChangeRequestStatus>,
    created_at: Option<Timestamp>,
    #[serde(skip)]
    pub(crate) subject: Subject,
}

/// What a change request is about, as far as the call that opened it tells.
#[derive(Clone, Debug, Default)]
pub(crate) enum Subject {
    #[default]
    Unknown,
    /// The environment itself, which goes with it.
    Deletion,
    /// An entity: its name, and its id once it has one.
    Entity { name: String, id: Option<EntityId> },
}

impl From<&Entity> for Subject {
    fn from(entity: &Entity) -> Self {
        Self::Entity { name: entity.name.clone(), id: Some(entity.id.clone()) }
    }
}

impl fmt::Debug for ChangeRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangeRequest")
            .field("rid", &self.rid.as_str())
            .field("environment", &self.environment_name)
            .field("title", &self.title)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl ChangeRequest {
    /// The one that a mutation opened.
    pub(crate) fn opened(
        apollo: &Apollo,
        answer: &Answer,
        field: &str,
        environment: &Environment,
        subject: Subject,
    ) -> Result<Self> {
        let mut change = Self::from_wire(apollo, answer.require(field)?, answer)?;
        change.place(environment);
        change.subject = subject;
        Ok(change)
    }

    pub(crate) fn from_wire(apollo: &Apollo, wire: wire::ChangeRequest, answer: &Answer) -> Result<Self> {
        Ok(Self {
            apollo: apollo.clone(),
            rid: answer.need(wire.rid, "/changeRequest/rid")?.into(),
            environment_name: wire.environment.as_ref().and_then(|environment| environment.name.clone()),
            environment: wire.environment.and_then(|environment| environment.id).map(EnvironmentId::from),
            title: wire.title,
            status: wire.request_status,
            created_at: wire.created_at.0,
            subject: Subject::Unknown,
        })
    }

    /// Notes the environment, which replies do not always tell.
    pub(crate) fn place(&mut self, environment: &Environment) {
        self.environment = Some(environment.id.clone());
        self.environment_name = Some(environment.name.clone());
    }

    /// The same, read again: what replies do not tell is kept.
    pub(crate) fn seen_again(&self, now: Self) -> Self {
        Self {
            environment: self.environment.clone(),
            environment_name: self.environment_name.clone(),
            title: now.title.or_else(|| self.title.clone()),
            created_at: now.created_at.or(self.created_at),
            subject: self.subject.clone(),
            ..now
        }
    }

    /// Gone with the environment that it deleted: carried out.
    pub(crate) fn gone(&self) -> Self {
        Self { status: Some(ChangeRequestStatus::ApprovedMerged), ..self.clone() }
    }

    /// The one with this RID, of which nothing else is known yet.
    pub(crate) fn known(apollo: &Apollo, environment: EnvironmentId, rid: Rid) -> Self {
        Self {
            apollo: apollo.clone(),
            rid,
            environment: Some(environment),
            environment_name: None,
            title: None,
            status: None,
            created_at: None,
            subject: Subject::Unknown,
        }
    }

    /// The RID.
    pub const fn rid(&self) -> &Rid {
        &self.rid
    }

    /// The title, where the reply told it.
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// Where it stood when it was read.
    pub const fn status(&self) -> Option<&ChangeRequestStatus> {
        self.status.as_ref()
    }

    /// When it was opened, where the reply told it.
    pub const fn created_at(&self) -> Option<Timestamp> {
        self.created_at
    }

    /// The environment's id, where known.
    pub const fn environment(&self) -> Option<&EnvironmentId> {
        self.environment.as_ref()
    }

    /// The environment's name, where known.
    pub fn environment_name(&self) -> Option<&str> {
        self.environment_name.as_deref()
    }

    /// True once it is merged, rejected, cancelled or failed.
    pub const fn is_done(&self) -> bool {
        use ChangeRequestStatus::{ApprovedMerged, Cancelled, Error, Rejected};
        matches!(self.status, Some(ApprovedMerged | Cancelled | Rejected | Error))
    }

    /// True once it is merged.
    pub const fn is_merged(&self) -> bool {
        matches!(self.status, Some(ChangeRequestStatus::ApprovedMerged))
    }

    /// May it be about this entity? Its title names it, or is not told.
    pub(crate) fn may_be_about(&self, entity: &str) -> bool {
        self.title().is_none_or(|title| title.trim().is_empty() || names(title, entity))
    }

    /// What another process needs to go on: `environment-id/rid`. See `resume` of the service.
    pub fn resume_id(&self) -> String {
        format!("{}/{}", self.environment.as_ref().map_or("", EnvironmentId::as_str), self.rid)
    }
}

/// Does a title speak of this entity, as a whole word?
pub(crate) fn names(title: &str, entity: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    title.match_indices(entity).any(|(start, found)| {
        let before = title[..start].chars().next_back();
        let after = title[start + found.len()..].chars().next();
        !found.is_empty() && !before.is_some_and(inside) && !after.is_some_and(inside)
    })
}

/// What a review left.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Reviewed {
    /// The change request.
    pub rid: Rid,
    /// Its status after the review.
    pub status: Option<ChangeRequestStatus>,
}

impl Reviewed {
    pub(crate) fn from_answer(answer: &Answer, field: &str) -> Result<Self> {
        let wire: wire::ChangeRequest = answer.require(field)?;
        Ok(Self {
            rid: wire.rid.ok_or_else(|| answer.absent("/changeRequest/rid"))?.into(),
            status: wire.request_status,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn titles_name_whole_words() {
        assert!(names("Install mosquitto", "mosquitto"));
        assert!(names("Install (mosquitto), bridge", "mosquitto"));
        assert!(!names("Install mosquitto-2", "mosquitto"));
        assert!(names("mosquitto-2 beside mosquitto", "mosquitto"));
        assert!(!names("", "mosquitto"));
        assert!(!names("Install mosquitto", ""));
    }
}
