//! Plans: what Apollo's agents carry out, task by task.
//!
//! ```
//! # cube_sdk_testkit::apollo::tour(async |world| {
//! # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
//! use std::time::Duration;
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
mod plan;
mod task;

use cube_sdk_core::{Error, ErrorKind, Result, Timestamp};

pub use cancel::CancelledPlan;
pub use plan::{ChangeKind, Plan, PlanState};
pub use task::{Description, PlanTask, TaskEvent, TaskState};

use crate::client::Apollo;
use crate::drain::Listing;
use crate::entities::reads::{belongs, entity_pages};
use crate::entities::{Entity, EntityRef};
use crate::environments::Environment;
use crate::graphql::{
    ConsoleEntityPlans, EntityPlans, PlanDetails, Request, console_entity_plans, entity_plans, plan_details, wire,
};
use crate::ids::{EntityId, EnvironmentId, Rid};
use crate::read::{Read, Session};
use crate::resolve::{EnvironmentRef, Match};

/// Plans on one environment. From [`Apollo::plans`].
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

    /// Plans of an environment of which only the id is known.
    pub(crate) fn plans_by_id(&self, id: EnvironmentId) -> Plans {
        self.plans(Environment::by_id(id))
    }
}

/// An entity with its plans.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EntityWithPlans {
    /// The entity.
    pub entity: Entity,
    /// At most ten plans; their order is not documented.
    pub plans: Vec<Plan>,
}

/// When an entity was changed of late.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RecentChanges {
    /// The entity name.
    pub entity_name: Option<String>,
    /// Start, end and state of at most twenty plans; their order is not documented.
    pub plans: Vec<(Option<Timestamp>, Option<Timestamp>, Option<PlanState>)>,
}

impl RecentChanges {
    /// The latest end of a plan, else the latest start. None for a full page of plans whose times do not tell in which
    /// direction it was cut.
    pub fn last_change(&self) -> Option<Timestamp> {
        const PAGE: usize = 20;
        let starts: Vec<_> = self.plans.iter().filter_map(|plan| plan.0).collect();
        if self.plans.len() >= PAGE && !starts.is_sorted_by(|a, b| a >= b) {
            return None;
        }
        let ends = self.plans.iter().filter_map(|plan| plan.1).max();
        ends.max(starts.into_iter().max())
    }
}

impl Plans {
    /// Every entity with its last ten plans: a large read. For one entity prefer [`Self::of`].
    pub fn all(&self) -> Listing<EntityWithPlans> {
        let apollo = self.apollo.clone();
        entity_pages::<PlanDetails, _>(
            &self.apollo,
            self.environment.clone(),
            &["id", "rid"],
            |id| plan_details::Variables { id },
            move |mut wire, environment, answer| {
                let plans = wire.plans.take().map(|page| page.plans.0).unwrap_or_default();
                let entity = Entity::from_wire(wire, answer)?;
                let plans = Plan::many(&apollo, environment, &entity, plans);
                Ok(EntityWithPlans { entity, plans })
            },
        )
    }

    /// The last ten plans of one entity, newest first.
    pub fn of(&self, entity: impl Into<EntityRef>) -> Read<Vec<Plan>> {
        let (apollo, reference, entity) = (self.apollo.clone(), self.environment.clone(), entity.into());
        Read::new(&self.apollo, |session| async move {
            let environment = session.environment(&reference, Match::Free).await?;
            let entity = session.entity(&environment, &entity.0).await?;
            session.plans_of(&apollo, &environment, &entity.id, 10).await
        })
    }

    /// One plan of an entity by its place, 0 the newest, at most 9.
    pub fn get(&self, entity: impl Into<EntityRef>, index: usize) -> Read<Plan> {
        let plans = self.of(entity);
        Read::new(&self.apollo, move |_| async move {
            let plans = plans.await?;
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
        entity_pages::<ConsoleEntityPlans, _>(
            &self.apollo,
            self.environment.clone(),
            &[],
            |id| console_entity_plans::Variables { id },
            |wire, _, _| {
                let plans = wire.plans.map(|page| page.plans.0).unwrap_or_default();
                let times = plans
                    .into_iter()
                    .map(|plan| (plan.start_time.0, plan.end_time.0, plan.status.and_then(|status| status.state)));
                Ok(RecentChanges {
                    entity_name: wire.entity_locator.and_then(|locator| locator.entity_name),
                    plans: times.collect(),
                })
            },
        )
    }
}

impl Session {
    /// Plans of one entity, newest first. Ids are fleet-wide: the environment is checked before anything is used.
    pub(crate) async fn plans_of(
        &self,
        apollo: &Apollo,
        environment: &Environment,
        id: &EntityId,
        count: i64,
    ) -> Result<Vec<Plan>> {
        let variables = entity_plans::Variables { id: id.to_string(), page_size: count };
        let request = Request::of::<EntityPlans>(variables)?.about(format!("{}/{id}", environment.name));
        let answer = self.send(request).await?;
        let mut found: wire::Entity = answer.read("/apollo/entityById")?.ok_or_else(|| answer.not_found("entity"))?;
        belongs(&found, environment)?;
        let plans = found.plans.take().map(|page| page.plans.0).unwrap_or_default();
        let entity = Entity::from_wire(found, &answer)?;
        Ok(Plan::many(apollo, environment, &entity, plans))
    }
}
