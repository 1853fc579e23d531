//! Interrupting a running plan by deleting the agent that carries it out.

use cube_sdk_core::{Error, ErrorKind};

use super::Plans;
use crate::entities::EntityRef;
use crate::graphql::{DeleteAgent, Request, delete_agent};
use crate::ids::{AgentId, Rid};
use crate::read::Session;
use crate::resolve::Match;
use crate::write::Write;

/// What was interrupted.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct CancelledPlan {
    /// The plan.
    pub plan: Rid,
    /// The agent; it registers again at its next heartbeat.
    pub agent: AgentId,
}

impl Plans {
    /// Interrupts the running plan of an entity. Every plan of the same agent is interrupted with it.
    pub fn cancel_active(&self, entity: impl Into<EntityRef>) -> Write<CancelledPlan> {
        let (apollo, reference, entity) = (self.apollo.clone(), self.environment.clone(), entity.into());
        Write::new(|patch| async move {
            let session = Session::strict(apollo.clone());
            let environment = session.environment(&reference, Match::Free).await?;
            let entity = session.entity(&environment, &entity.0).await?;
            let target = format!("{}/{}", environment.name, entity.name);
            let plans = session.plans_of(&apollo, &environment, &entity.id, 10).await?;
            let plan = plans.iter().find(|plan| plan.is_running()).ok_or_else(|| {
                Error::new(ErrorKind::NotFound, "no plan of the entity is running").with_target(target.clone())
            })?;
            let agent = plan.agent().cloned().ok_or_else(|| {
                Error::new(ErrorKind::NotFound, "no agent carries out the running plan yet")
                    .with_target(target.clone())
                    .advice("try again when it has started")
            })?;
            let variables = delete_agent::Variables {
                env_id: environment.id.to_string(),
                agent_id: agent.to_string(),
                options: delete_agent::ApolloAgentDeletionOptionsInput { reason: None },
            };
            let request = Request::of::<DeleteAgent>(variables)?.patch("options", patch).about(target);
            session.send(request).await?.acknowledges("/apollo/deleteAgentById")?;
            Ok(CancelledPlan { plan: plan.rid().clone(), agent })
        })
    }
}
