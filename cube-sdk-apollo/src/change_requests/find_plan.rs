//! From a change request to the plan that followed it.

use std::time::Duration;

use cube_sdk_core::waiter::{Progress, Waiter};
use cube_sdk_core::{Error, ErrorKind, Result, Timestamp, awaitable};

use super::{ChangeRequest, ChangeRequestStatus, INTERVAL};
use crate::client::Apollo;
use crate::ids::EnvironmentId;
use crate::plans::Plan;

/// Looks for the plan of a change request when awaited: the one proposed first since the request was opened, with a
/// minute's grace for clocks that differ; a plan that had ended before the request was opened is not it.
#[derive(Clone, Debug)]
#[must_use = "awaiting it looks for the plan"]
pub struct FindPlan {
    change: ChangeRequest,
    entity: Option<String>,
    interval: Duration,
    tries: u32,
}

impl FindPlan {
    pub(super) const fn of(change: ChangeRequest, entity: Option<String>) -> Self {
        Self { change, entity, interval: INTERVAL, tries: 12 }
    }

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
        let change = self.change;
        let target = change.rid().to_string();
        if change.is_done() && !change.is_merged() {
            let status = change.status().map_or("", ChangeRequestStatus::as_str);
            return Err(
                Error::new(ErrorKind::Conflict, format!("it ended {status}, so no plan follows")).with_target(target)
            );
        }
        let (Some(environment), Some(entity)) = (change.environment().cloned(), self.entity) else {
            return Err(Error::new(ErrorKind::InvalidInput, "the entity of this change request is not known")
                .with_target(target)
                .advice("name it with plan_of"));
        };
        let (created, opened) = (change.created_at(), change.opened_at);
        let apollo = change.apollo.clone();
        let looked = Waiter::new(
            "the plan",
            self.interval,
            move || {
                let (apollo, environment, entity) = (apollo.clone(), environment.clone(), entity.clone());
                async move { first_since(&apollo, environment, &entity, created, opened).await }
            },
            |found: &Option<Plan>| if found.is_some() { Progress::Done } else { Progress::Running },
        );
        looked.tries(self.tries).await?.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "Apollo has proposed no plan for it yet")
                .with_target(target)
                .advice("look again later")
        })
    }
}

async fn first_since(
    apollo: &Apollo,
    environment: EnvironmentId,
    entity: &str,
    created: Option<Timestamp>,
    opened: Option<Timestamp>,
) -> Result<Option<Plan>> {
    let found = apollo.plans_by_id(environment).of(entity).await;
    let plans = match found {
        Ok(plans) => plans,
        // An entity that is being installed may not be listed yet.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let since = created.or(opened).map(|at| at.saturating_sub(Duration::from_secs(60)));
    let later = |plan: &Plan| since.is_none_or(|since| plan.proposed() >= Some(since));
    // Both times are Apollo's own; this machine's clock would not do.
    let over = |plan: &Plan| plan.ended().zip(created).is_some_and(|(ended, created)| ended < created);
    let ours = plans.into_iter().filter(|plan| later(plan) && !over(plan));
    Ok(ours.min_by_key(Plan::proposed))
}

awaitable!(FindPlan => Plan, find);
