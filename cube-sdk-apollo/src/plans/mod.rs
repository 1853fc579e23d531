//! Plans: what Apollo's agents carry out, task by task.
//!
//! ```
//! # cube_sdk_testkit::apollo::tour(async |world| {
//! # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
//! use std::time::Duration;
//!
//! use cube_sdk_apollo::plans::PlanState;
//!
//! # let change = apollo.entities("cube-7").enforce("mosquitto").await?;
//! # apollo.change_requests().approve(change.rid()).await?;
//! # let change = change.wait().interval(Duration::from_millis(1)).await?;
//! let plans = apollo.plans("cube-7");
//! let plan = change.plan().interval(Duration::from_millis(1)).await?;
//! println!("{} {} {:?} {:?}", plan.rid(), plan.entity(), plan.kind(), plan.agent());
//! let id = plan.resume_id(); // store it: another process can go on waiting
//!
//! let mut before = apollo.resume_plan(&id)?;
//! let last = apollo
//!     .resume_plan(&id)?
//!     .wait()
//!     .interval(Duration::from_millis(1))
//!     .progress(move |now| {
//!         for task in now.tasks_moved_since(&before) {
//!             println!("{:?} {:?} {:?}", task.title(), task.state, task.subtasks.len());
//!         }
//!         before = now.clone();
//!     })
//!     .await?;
//! assert!(last.succeeded() && !last.is_running());
//! assert!(last.proposed() <= last.started() && last.started() <= last.ended());
//! println!("{:?} {:?} {:?} {:?}", last.state(), last.result(), last.reason(), last.changes());
//! if let Some(result) = last.result() {
//!     println!("{:?} {:?}", result.text(), result.metadata());
//! }
//! assert!(!last.tasks().is_empty());
//!
//! assert_eq!(plans.of("mosquitto").await?[0].rid(), last.rid());
//! assert_eq!(plans.get("mosquitto", 0).await?.rid(), last.rid());
//! let all = plans.all().collect_up_to(1_000).await?;
//! assert!(all.iter().any(|entry| entry.entity.name == "mosquitto"));
//! let done = plans.by_state([PlanState::Successful]).collect_up_to(1_000).await?;
//! assert_eq!(done.len(), 1);
//! let recent = plans.recent().collect_up_to(1_000).await?;
//! assert!(recent[0].last_change().is_some());
//! # let change = apollo.entities("cube-7").enforce("mosquitto").await?;
//! # apollo.change_requests().approve(change.rid()).await?;
//! # change.wait().interval(Duration::from_millis(1)).await?.plan().interval(Duration::from_millis(1)).await?;
//! let cancelled = plans.cancel_active("mosquitto").await?; // interrupts every plan of that agent
//! assert_ne!(cancelled.plan, *last.rid());
//! # Ok::<(), cube_sdk_core::Error>(()) });
//! ```

mod cancel;
mod wait;

use cube_sdk_core::listing::Listing;
use cube_sdk_core::{Error, ErrorKind, Result};

pub use cancel::CancelledPlan;

use crate::choice::Match;
use crate::client::Apollo;
use crate::graphql::{
    ConsoleEntityPlans, EntityPlans, PlanDetails, Request, console_entity_plans, entity_plans, plan_details, wire,
};
use crate::ids::{EntityId, Rid};
use crate::listing::{BY_ID, entities, list, some_entities};
use crate::mode::Mode;
pub use crate::model::{ChangeKind, Description, EntityWithPlans, Plan, PlanTask, PlanTimes, RecentChanges, TaskEvent};
use crate::model::{Entity, Environment, belongs};
use crate::query::Query;
use crate::references::{EntityRef, EnvironmentRef};
pub use crate::words::{PlanState, TaskState};

/// Plans on one environment. From [`Apollo::plans`].
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// for row in apollo.plans("cube-7").all().collect_up_to(1_000).await? {
///     println!("{}: {} plans", row.entity.name, row.plans.len());
/// }
/// assert!(apollo.plans("cube-7").of("mosquitto").await?.is_empty());
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[derive(Clone, Debug)]
pub struct Plans {
    apollo: Apollo,
    environment: EnvironmentRef,
}

impl Apollo {
    /// Plans of an environment's entities.
    pub fn plans(&self, environment: impl Into<EnvironmentRef>) -> Plans {
        Plans { apollo: self.clone(), environment: environment.into() }
    }

    /// Takes up a plan by its [resume id](Plan::resume_id). Nothing is sent; await [`Plan::wait`] on it.
    ///
    /// # Errors
    /// `InvalidInput` when the text is no such id.
    pub fn resume_plan(&self, id: &str) -> Result<Plan> {
        let parts: Vec<_> = id.split('/').collect();
        match parts.as_slice() {
            [environment, entity, rid] if !environment.is_empty() && !entity.is_empty() && Rid::is_rid(rid) => {
                Ok(Plan::known(self, (*environment).into(), (*entity).into(), (*rid).into()))
            }
            _ => Err(Error::new(ErrorKind::InvalidInput, "not the resume id of a plan")
                .advice("it is environment-id/entity-id/rid, as resume_id gives it")),
        }
    }
}

impl Plans {
    /// Every entity with its last ten plans: a large read. For one entity prefer [`Self::of`].
    pub fn all(&self) -> Listing<EntityWithPlans> {
        self.in_states(None)
    }

    /// The entities that have a plan in one of these states among their last ten, with those plans alone. Apollo does
    /// not filter: it is as large a read as [`Self::all`].
    pub fn by_state(&self, states: impl IntoIterator<Item = PlanState>) -> Listing<EntityWithPlans> {
        self.in_states(Some(states.into_iter().collect()))
    }

    fn in_states(&self, states: Option<Vec<PlanState>>) -> Listing<EntityWithPlans> {
        let (apollo, reference) = (self.apollo.clone(), self.environment.clone());
        list(&self.apollo, |mode| async move {
            let environment = mode.environment(&reference, Match::Free).await?;
            Ok(some_entities::<PlanDetails, _>(
                &environment,
                BY_ID,
                |id| plan_details::Variables { id },
                move |mut wire, environment, answer| {
                    let plans = wire.plans.take();
                    let entity = Entity::from_wire(wire, answer)?;
                    let mut plans = Plan::many(&apollo, environment, &entity, plans, answer)?;
                    if let Some(states) = &states {
                        plans.retain(|plan| plan.state().is_some_and(|state| states.contains(state)));
                        if plans.is_empty() {
                            return Ok(None);
                        }
                    }
                    Ok(Some(EntityWithPlans { entity, plans }))
                },
            ))
        })
    }

    /// The last ten plans of one entity, newest first.
    pub fn of(&self, entity: impl Into<EntityRef>) -> Query<Vec<Plan>> {
        let (reference, entity) = (self.environment.clone(), entity.into());
        Query::new(&self.apollo, |mode| async move {
            let environment = mode.environment(&reference, Match::Free).await?;
            let entity = mode.entity(&environment, &entity, Match::Free).await?;
            mode.plans_of(&environment, &entity.id, 10).await
        })
    }

    /// One plan of an entity by its place, 0 the newest, at most 9.
    pub fn get(&self, entity: impl Into<EntityRef>, index: usize) -> Query<Plan> {
        let (reference, entity) = (self.environment.clone(), entity.into());
        Query::new(&self.apollo, move |mode| async move {
            let environment = mode.environment(&reference, Match::Free).await?;
            let entity = mode.entity(&environment, &entity, Match::Free).await?;
            let plans = mode.plans_of(&environment, &entity.id, 10).await?;
            let count = plans.len();
            plans.into_iter().nth(index).ok_or_else(|| {
                let words = match count {
                    0 => "the entity has no plans".to_owned(),
                    _ => format!("there is no plan {index}: the valid range is 0 to {}", count - 1),
                };
                Error::new(ErrorKind::NotFound, words)
            })
        })
    }

    /// When each entity was last changed, without tasks.
    pub fn recent(&self) -> Listing<RecentChanges> {
        let reference = self.environment.clone();
        list(&self.apollo, |mode| async move {
            let environment = mode.environment(&reference, Match::Free).await?;
            Ok(entities::<ConsoleEntityPlans, _>(
                &environment,
                &[],
                |id| console_entity_plans::Variables { id },
                |wire, _, answer| RecentChanges::from_wire(wire, answer),
            ))
        })
    }
}

impl Mode {
    /// Plans of one entity, newest first. Ids are fleet-wide: the environment is checked before anything is used.
    pub(crate) async fn plans_of(&self, environment: &Environment, id: &EntityId, count: i64) -> Result<Vec<Plan>> {
        let variables = entity_plans::Variables { id: id.to_string(), page_size: count };
        let request = Request::of::<EntityPlans>(variables)?.about(format!("{}/{id}", environment.name));
        let answer = self.send(&request).await?;
        let mut found: wire::Entity = answer.read("/apollo/entityById")?.ok_or_else(|| answer.not_found("entity"))?;
        belongs(&found, environment, &answer)?;
        let plans = found.plans.take();
        let entity = Entity::from_wire(found, &answer)?;
        Plan::many(&self.apollo, environment, &entity, plans, &answer)
    }
}
