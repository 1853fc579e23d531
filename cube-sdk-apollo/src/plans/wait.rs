//! Waiting for a plan to end.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cube_sdk_core::waiter::{Progress, Waiter};
use cube_sdk_core::{Error, ErrorKind, Result};

use crate::fault::SaysGone as _;
use crate::mode::Mode;
use crate::model::{ChangeKind, Environment, Plan};
use crate::words::PlanState;

impl Plan {
    /// Waits until it has ended, well or not, looking every 5 s at its entity's plans. One that takes its entity down is
    /// done once the entity is gone. A state that this version does not know ends the wait `Unsupported` when its limit
    /// comes, or after 10 min, unless an end is told.
    pub fn wait(&self) -> Waiter<Self> {
        let (first, last) = (self.clone(), Arc::new(Mutex::new(self.clone())));
        let look = move || {
            let (first, last) = (first.clone(), last.clone());
            async move {
                let known = last.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let seen = first.look(&known).await?;
                *last.lock().unwrap_or_else(PoisonError::into_inner) = seen.clone();
                Ok(seen)
            }
        };
        let what = format!("plan {}", self.rid);
        let running = |plan: &Self| if plan.is_running() { Progress::Running } else { Progress::Done };
        Waiter::new(what, Duration::from_secs(5), look, running).unknown(Self::unknown_state)
    }

    /// The word of a state that this version does not know.
    pub(crate) fn unknown_state(&self) -> Option<String> {
        match self.state() {
            Some(PlanState::Unknown(word)) => Some(word.clone()),
            Some(_) => None,
            None => Some("(no state)".into()),
        }
    }

    /// Reads it again; `last` is how it was seen last.
    pub(crate) async fn look(&self, last: &Self) -> Result<Self> {
        let mode = Mode::strict(&self.apollo);
        let environment = Environment::by_id(self.environment.clone());
        let plans = match mode.plans_of(&environment, &self.entity_id, 50).await {
            Err(error) if error.says_gone() && last.kind() == ChangeKind::Uninstall => {
                return Ok(last.clone().gone());
            }
            other => other?,
        };
        plans.into_iter().find(|plan| plan.rid == self.rid).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "it is not among the last 50 plans of its entity")
                .with_target(self.rid.to_string())
        })
    }
}
