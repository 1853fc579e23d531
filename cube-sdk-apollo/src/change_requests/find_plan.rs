//! From a change request to the plan that followed it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cube_sdk_core::waiter::{Progress, Waiter};
use cube_sdk_core::{Error, ErrorKind, Result, Timestamp, awaitable};

use super::all_of;
use super::wait::INTERVAL;
use crate::choice::{Match, Wanted};
use crate::fault::SaysGone as _;
use crate::ids::Rid;
use crate::mode::Mode;
use crate::model::{ChangeRequest, Entity, Environment, Plan, Subject, names};
use crate::references::EntityRef;
use crate::words::ChangeRequestStatus;

/// Looks for the plan of a change request when awaited: the one that Apollo proposed first since the request was
/// opened, once it is merged. Where that is not known yet, the request is read. All times are Apollo's own.
///
/// # Errors
/// When awaited: `InvalidInput` when the entity is not known; `Conflict` when the request ended otherwise than merged,
/// and when the plan may be that of another request of the entity; `Decode` when Apollo does not tell when the request
/// was opened; `NotFound` when no plan has shown after all looks; and those of the reads.
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # world.approve_all();
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// use std::time::Duration;
///
/// let change = apollo.entities("cube-7").enforce("mosquitto").await?;
/// let plan = change.plan().interval(Duration::from_millis(10)).tries(12).await?;
/// let ended = plan.wait().interval(Duration::from_millis(10)).await?;
/// assert!(!ended.is_running());
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[derive(Clone, Debug)]
#[must_use = "awaiting it looks for the plan"]
pub struct FindPlan {
    change: ChangeRequest,
    entity: Option<EntityRef>,
    interval: Duration,
    tries: u32,
}

impl ChangeRequest {
    /// The plan that followed. Polls until the request is merged and Apollo proposes it.
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
        let (mode, environment) = (Mode::strict(&self.change.apollo), Environment::by_id(environment));
        let search = Search { mode, environment, entity, early: Arc::default() };
        let last = Arc::new(Mutex::new(self.change));
        let seen = last.clone();
        let look = move || {
            let (search, seen) = (search.clone(), seen.clone());
            async move {
                let change = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let (change, plan) = search.look(change).await?;
                *seen.lock().unwrap_or_else(PoisonError::into_inner) = change;
                Ok(plan)
            }
        };
        let over = |found: &Option<Plan>| if found.is_some() { Progress::Done } else { Progress::Running };
        let found = Waiter::new("the plan", self.interval, look, over).tries(self.tries).await?;
        found.ok_or_else(|| {
            let merged = last.lock().unwrap_or_else(PoisonError::into_inner).is_merged();
            let (words, advice) = if merged {
                let advice = "look again later; an entity that was removed meanwhile has no plans any more";
                ("Apollo has proposed no plan for it yet", advice)
            } else {
                ("it is not merged yet, so no plan has followed", "wait for it first, then look for its plan")
            };
            Error::new(ErrorKind::NotFound, words).with_target(target).advice(advice)
        })
    }
}

/// Where a plan is looked for.
#[derive(Clone)]
struct Search {
    mode: Mode,
    environment: Environment,
    entity: EntityRef,
    /// Plans that were there while the request waited for people: those of others.
    early: Arc<Mutex<BTreeSet<Rid>>>,
}

/// Plans that are looked at.
const PLANS: usize = 10;

impl Search {
    /// Looks once: the request as it stands now, and its plan once there is one.
    async fn look(&self, change: ChangeRequest) -> Result<(ChangeRequest, Option<Plan>)> {
        let found = self.plans().await?;
        // A reply that opens a request tells no time; one that was resumed tells nothing at all.
        let settled = change.is_done() && change.created_at().is_some();
        let change = if settled { change } else { change.look().await? };
        if change.is_done() && !change.is_merged() {
            let status = change.status().map_or("", ChangeRequestStatus::as_str);
            let words = format!("it ended {status}, so no plan follows");
            return Err(Error::new(ErrorKind::Conflict, words).with_target(change.rid().to_string()));
        }
        let since = change.created_at().ok_or_else(|| {
            Error::new(ErrorKind::Decode, "Apollo does not tell when it was opened, so its plan cannot be told")
                .with_target(change.rid().to_string())
                .advice("look at the plans of its entity")
        })?;
        let Some((entity, plans)) = found else { return Ok((change, None)) };
        if !change.is_merged() {
            if change.status() == Some(&ChangeRequestStatus::PendingApprovals) {
                let mut early = self.early.lock().unwrap_or_else(PoisonError::into_inner);
                early.extend(plans.iter().map(|plan| plan.rid().clone()));
            }
            return Ok((change, None));
        }
        if plans.len() >= PLANS && plans.iter().all(|plan| plan.proposed() >= Some(since)) {
            return Err(unsure(&change, &format!("its entity had {PLANS} plans since")));
        }
        let is_early = |plan: &Plan| self.early.lock().unwrap_or_else(PoisonError::into_inner).contains(plan.rid());
        let later = plans.into_iter().filter(|plan| plan.proposed() >= Some(since) && !is_early(plan));
        let Some(plan) = later.min_by_key(Plan::proposed) else { return Ok((change, None)) };
        self.refuse_others(&change, &entity, since, plan.proposed()).await?;
        Ok((change, Some(plan)))
    }

    /// The entity with its plans; none while it is not listed, as one that is being installed.
    async fn plans(&self) -> Result<Option<(Entity, Vec<Plan>)>> {
        let entity = match self.mode.entity(&self.environment, &self.entity, Match::Exact).await {
            Err(error) if error.says_not_listed() => return Ok(None),
            other => other?,
        };
        match self.mode.plans_of(&self.environment, &entity.id, 10).await {
            Err(error) if error.says_gone() => Ok(None),
            other => Ok(Some((entity, other?))),
        }
    }

    /// Another request of the entity that was opened before the plan was proposed may be what it followed.
    async fn refuse_others(
        &self,
        change: &ChangeRequest,
        entity: &Entity,
        since: Timestamp,
        proposed: Option<Timestamp>,
    ) -> Result<()> {
        let all = self.mode.whole(all_of(&change.apollo, &self.environment), "change requests").await?;
        let called = |title: &str| {
            [Some(entity.name.as_str()), entity.entity_name.as_deref()]
                .into_iter()
                .flatten()
                .any(|name| names(title, name))
        };
        // Titles tell what a request is about only where that of this one does.
        let titles_tell = change.title().is_some_and(called);
        let other = all.iter().find(|other| {
            use ChangeRequestStatus::{Cancelled, Error, PendingApprovals, Rejected};
            let did_nothing = matches!(other.status(), Some(PendingApprovals | Cancelled | Rejected | Error));
            let between = other.created_at().is_none_or(|at| since <= at && Some(at) <= proposed);
            let elsewhere =
                titles_tell && other.title().is_some_and(|title| !title.trim().is_empty() && !called(title));
            other.rid() != change.rid() && !did_nothing && between && !elsewhere
        });
        match other {
            Some(other) => Err(unsure(change, &format!("change request {} was opened in between", other.rid()))),
            None => Ok(()),
        }
    }
}

fn unsure(change: &ChangeRequest, why: &str) -> Error {
    Error::new(ErrorKind::Conflict, format!("which plan followed it cannot be told: {why}"))
        .with_target(change.rid().to_string())
        .advice("look at the plans of its entity")
}

awaitable!(FindPlan => Plan, find);
