//! Agents: what carries out plans on an environment.
//!
//! ```
//! # cube_sdk_testkit::apollo::tour(async |world| {
//! # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
//! let agents = apollo.agents("cube-7");
//! let one = &agents.list().await?[0];
//! assert!(one.id.is_some());
//! agents.reset().await?; // exact name or RID only
//! # Ok::<(), cube_sdk_core::Error>(()) });
//! ```

use cube_sdk_core::{Error, ErrorKind};

use crate::client::Apollo;
use crate::environments::Agent;
use crate::graphql::{Request, ResetAgents, reset_agents, wire};
use crate::read::{Read, Session};
use crate::resolve::{EnvironmentRef, Match};
use crate::write::Write;

/// Agents of one environment. From [`Apollo::agents`].
#[derive(Clone, Debug)]
pub struct Agents {
    apollo: Apollo,
    environment: EnvironmentRef,
}

impl Apollo {
    /// Agents of an environment.
    pub fn agents(&self, environment: impl Into<EnvironmentRef>) -> Agents {
        Agents { apollo: self.clone(), environment: environment.into() }
    }
}

impl Agents {
    /// The agents, from the overview of the fleet.
    pub fn list(&self) -> Read<Vec<Agent>> {
        let (apollo, reference) = (self.apollo.clone(), self.environment.clone());
        Read::new(&self.apollo, |session| async move {
            let environment = session.environment(&reference, Match::Free).await?;
            let mut fleet = apollo.environments().overview();
            while let Some(seen) = fleet.try_next().await? {
                if seen.environment.id == environment.id {
                    return Ok(seen.agents);
                }
            }
            Err(Error::new(ErrorKind::NotFound, "the environment is not in the fleet's list")
                .with_target(environment.name))
        })
    }

    /// Resets every agent, so that all entities are evaluated anew. Takes the environment's exact name or RID only.
    /// The result is the name of the server's result type, which is not published.
    pub fn reset(&self) -> Write<Option<String>> {
        let (apollo, reference) = (self.apollo.clone(), self.environment.clone());
        Write::new(|_| async move {
            let session = Session::strict(apollo);
            let environment = session.environment(&reference, Match::Exact).await?;
            let variables = reset_agents::Variables { env_id: environment.id.to_string() };
            let request = Request::of::<ResetAgents>(variables)?.about(environment.name.as_str());
            let answer = session.send(request).await?;
            let outcome: wire::TypeName = answer.require("/apollo/resetAgentsByEnvironmentId")?;
            Ok(outcome.type_name)
        })
    }
}
