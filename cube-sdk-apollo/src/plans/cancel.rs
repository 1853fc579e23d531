//! Interrupting a running plan by deleting the agent that carries it out.

use cube_sdk_core::{Error, ErrorKind};
use serde::Serialize;

use super::Plans;
use crate::choice::Match;
use crate::graphql::{DeleteAgent, Request, delete_agent};
use crate::ids::{AgentId, Rid};
use crate::mode::Mode;
use crate::model::Plan;
use crate::mutation::{Mutation, Prepared};
use crate::references::EntityRef;
use crate::words::PlanState;

/// What was interrupted.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CancelledPlan {
    /// The plan.
    pub plan: Rid,
    /// The agent; it registers again at its next heartbeat.
    pub agent: AgentId,
}

impl Plans {
    /// Interrupts the running plan of an entity. Every plan of the same agent is interrupted with it. Takes exact names,
    /// ids or RIDs only; a plan whose state this version does not know is left alone.
    pub fn cancel_active(&self, entity: impl Into<EntityRef>) -> Mutation<CancelledPlan> {
        let (apollo, reference, entity) = (self.apollo.clone(), self.environment.clone(), entity.into());
        Mutation::new(|patch| async move {
            let mode = Mode::strict(&apollo);
            let environment = mode.environment(&reference, Match::Exact).await?;
            let entity = mode.entity(&environment, &entity, Match::Exact).await?;
            let target = format!("{}/{}", environment.name, entity.name);
            let refuse = |kind, words: String| Error::new(kind, words).with_target(target.clone());
            let plans = mode.plans_of(&environment, &entity.id, 10).await?;
            let is_known = |plan: &&Plan| {
                matches!(plan.state(), Some(PlanState::Active | PlanState::PendingInterruption))
                    && plan.ended().is_none()
            };
            let running: Vec<_> = plans.iter().filter(is_known).collect();
            let plan = running
                .first()
                .ok_or_else(|| refuse(ErrorKind::NotFound, "no plan of the entity is running".to_owned()))?;
            let agent = plan.agent().cloned().ok_or_else(|| {
                refuse(ErrorKind::NotFound, "no agent carries out the running plan yet".to_owned())
                    .advice("try again when it has started")
            })?;
            if let Some(other) = running.iter().find(|other| other.agent() != Some(&agent)) {
                let words = format!("two agents carry out plans of it: {} and {}", plan.rid(), other.rid());
                return Err(refuse(ErrorKind::Conflict, words).advice("wait until one of the plans has ended"));
            }
            let variables = delete_agent::Variables {
                env_id: environment.id.to_string(),
                agent_id: agent.to_string(),
                options: delete_agent::ApolloAgentDeletionOptionsInput { reason: None },
            };
            let request = Request::of::<DeleteAgent>(variables)?.patch("options", patch).about(target.as_str());
            let cancelled = CancelledPlan { plan: plan.rid().clone(), agent };
            Ok(Prepared::one(&apollo, request, |answer| {
                answer.acknowledges("/apollo/deleteAgentById").map(|()| cancelled)
            }))
        })
    }
}
