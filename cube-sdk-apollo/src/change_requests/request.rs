//! One change request.

use std::fmt;

use cube_sdk_core::waiter::{Progress, Waiter};
use cube_sdk_core::{Error, ErrorKind, Result, Timestamp};

use super::{ChangeRequestStatus, FindPlan, INTERVAL, of_environment};
use crate::client::{Answer, Apollo};
use crate::environments::Environment;
use crate::graphql::wire;
use crate::ids::{EnvironmentId, Rid};

/// A change request, as it was when read. Cheap to clone.
#[derive(Clone)]
pub struct ChangeRequest {
    pub(super) apollo: Apollo,
    rid: Rid,
    environment: Option<EnvironmentId>,
    environment_name: Option<String>,
    title: Option<String>,
    status: Option<ChangeRequestStatus>,
    created_at: Option<Timestamp>,
    pub(super) opened_at: Option<Timestamp>,
    subject: Option<String>,
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
        subject: Option<&str>,
    ) -> Result<Self> {
        let wire: wire::ChangeRequest = answer.require(field)?;
        let mut change = Self::from_wire(apollo, wire, answer)?;
        change.place(environment);
        change.subject = subject.map(str::to_owned);
        change.opened_at = Some(Timestamp::now());
        Ok(change)
    }

    pub(super) fn from_wire(apollo: &Apollo, wire: wire::ChangeRequest, answer: &Answer) -> Result<Self> {
        Ok(Self {
            apollo: apollo.clone(),
            rid: wire.rid.ok_or_else(|| answer.absent("/changeRequest/rid"))?.into(),
            environment_name: wire.environment.as_ref().and_then(|environment| environment.name.clone()),
            environment: wire.environment.and_then(|environment| environment.id).map(EnvironmentId::from),
            title: wire.title,
            status: wire.request_status,
            created_at: wire.created_at.0,
            opened_at: None,
            subject: None,
        })
    }

    /// Notes the environment, which replies do not always tell.
    pub(super) fn place(&mut self, environment: &Environment) {
        self.environment = Some(environment.id.clone());
        self.environment_name = Some(environment.name.clone());
    }

    /// The one with this RID, of which nothing else is known yet.
    pub(crate) fn known(apollo: &Apollo, environment: EnvironmentId, rid: Rid, subject: Option<String>) -> Self {
        Self {
            apollo: apollo.clone(),
            rid,
            environment: Some(environment),
            environment_name: None,
            title: None,
            status: None,
            created_at: None,
            opened_at: None,
            subject,
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

    /// What another process needs to go on: `environment-id/rid`. See [`ChangeRequests::resume`](super::ChangeRequests::resume).
    pub fn resume_id(&self) -> String {
        format!("{}/{}", self.environment.as_ref().map_or("", EnvironmentId::as_str), self.rid)
    }

    /// Waits until it is done, good or bad, looking every 5 s at the environment's change requests.
    pub fn wait(&self) -> Waiter<Self> {
        let this = self.clone();
        let what = format!("change request {}", self.rid);
        Waiter::new(
            what,
            INTERVAL,
            move || {
                let this = this.clone();
                async move { this.look().await }
            },
            |change: &Self| if change.is_done() { Progress::Done } else { Progress::Running },
        )
    }

    /// Reads it again.
    pub(crate) async fn look(&self) -> Result<Self> {
        let environment = self.environment.clone().ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "the environment of this change request is not known")
                .with_target(self.rid.to_string())
                .advice("take it from the list of its environment")
        })?;
        let mut list = of_environment(&self.apollo, environment.to_string());
        while let Some(mut change) = list.try_next().await? {
            if change.rid == self.rid {
                change.environment = Some(environment);
                change.environment_name = self.environment_name.clone();
                change.subject = self.subject.clone();
                change.opened_at = self.opened_at;
                return Ok(change);
            }
        }
        Err(Error::new(ErrorKind::NotFound, "it is not among the change requests of its environment")
            .with_target(self.rid.to_string()))
    }

    /// The plan that followed. Polls until Apollo proposes it.
    ///
    /// The entity is the one that the call was about; after [`ChangeRequests::resume`](super::ChangeRequests::resume) use [`Self::plan_of`].
    pub fn plan(&self) -> FindPlan {
        FindPlan::of(self.clone(), self.subject.clone())
    }

    /// The plan of this entity that followed.
    pub fn plan_of(&self, entity: impl Into<String>) -> FindPlan {
        FindPlan::of(self.clone(), Some(entity.into()))
    }
}
