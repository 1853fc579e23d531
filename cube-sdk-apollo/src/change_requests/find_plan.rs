//! From a change request to the plan that followed it.

use std::time::Duration;

use cube_sdk_core::waiter::{Progress, Waiter};
use cube_sdk_core::{Error, ErrorKind, Result, Timestamp, awaitable};

use super::wait::INTERVAL;
use crate::choice::{Match, Wanted};
use crate::mode::Mode;
use crate::model::{ChangeRequest, Environment, Plan, Subject};
use crate::references::EntityRef;
use crate::words::ChangeRequestStatus;

/// Looks for the plan of a change request when awaited: the one that Apollo proposed first since the request was
/// opened. Where that is not known yet, the request is read first. Both times are Apollo's own.
#[derive(Clone, Debug)]
#[must_use = "awaiting it looks for the plan"]
pub struct FindPlan {
    change: ChangeRequest,
    entity: Option<EntityRef>,
    interval: Duration,
    tries: u32,
}

impl ChangeRequest {
    /// The plan that followed. Polls until Apollo proposes it.
    ///
    /// The entity is the one that the call was about; after [`ChangeRequests::resume`](super::ChangeRequests::resume)
    /// use [`Self::plan_of`].
    pub fn plan(&self) -> FindPlan {
        let entity = match &self.subject {
            Subject::Entity { id: Some(id), .. } => Some(id.into()),
            Subject::Entity { name, id: None } => Some(EntityRef(Wanted::Name(name.clone()))),
            Subject::Unknown | Subject::Deletion => None,
        };
        FindPlan { change: self.clone(), entity, interval: INTERVAL, tries: 12 }
    }

    /// The plan of this entity that followed. Takes its exact name, its id or RID only.
    pub fn plan_of(&self, entity: impl Into<EntityRef>) -> FindPlan {
        FindPlan { change: self.clone(), entity: Some(entity.into()), interval: INTERVAL, tries: 12 }
    }
}

impl FindPlan {
    /// Time between two looks. Default 5 s.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Looks at most. Default 12.
    pub fn tries(mut self, tries: u32) -> Self {
        self.tries = tries;
        self
    }

    async fn find(self) -> Result<Plan> {
        let target = self.change.rid().to_string();
        let (Some(environment), Some(entity)) = (self.change.environment().cloned(), self.entity) else {
            return Err(Error::new(ErrorKind::InvalidInput, "the entity of this change request is not known")
                .with_target(target)
                .advice("name it with plan_of"));
        };
        // A reply that opens a request tells no time; one that was resumed tells nothing at all.
        let change = if self.change.created_at().is_some() { self.change } else { self.change.look().await? };
        if change.is_done() && !change.is_merged() {
            let status = change.status().map_or("", ChangeRequestStatus::as_str);
            return Err(
                Error::new(ErrorKind::Conflict, format!("it ended {status}, so no plan follows")).with_target(target)
            );
        }
        let since = change.created_at().ok_or_else(|| {
            Error::new(ErrorKind::Decode, "Apollo does not tell when it was opened, so its plan cannot be told")
                .with_target(target.clone())
                .advice("look at the plans of its entity")
        })?;
        let (apollo, environment) = (change.apollo.clone(), Environment::by_id(environment));
        let looked = Waiter::new(
            "the plan",
            self.interval,
            move || {
                let (mode, environment, entity) = (Mode::strict(&apollo), environment.clone(), entity.clone());
                async move { first_since(&mode, &environment, &entity, since).await }
            },
            |found: &Option<Plan>| if found.is_some() { Progress::Done } else { Progress::Running },
        );
        looked.tries(self.tries).await?.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "Apollo has proposed no plan for it yet")
                .with_target(target)
                .advice("look again later; an entity that was removed meanwhile has no plans any more")
        })
    }
}

async fn first_since(
    mode: &Mode,
    environment: &Environment,
    entity: &EntityRef,
    since: Timestamp,
) -> Result<Option<Plan>> {
    let found = async {
        let entity = mode.entity(environment, entity, Match::Exact).await?;
        mode.plans_of(environment, &entity.id, 10).await
    };
    match found.await {
        Ok(plans) => {
            let later = plans.into_iter().filter(|plan| plan.proposed() >= Some(since));
            Ok(later.min_by_key(Plan::proposed))
        }
        // An entity that is being installed may not be listed yet.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

awaitable!(FindPlan => Plan, find);
