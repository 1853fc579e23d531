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

use crate::choice::Match;
use crate::client::Apollo;
use crate::environments::{Agent, all_overviews};
use crate::graphql::{Request, ResetAgents, reset_agents, wire};
use crate::listing::list_in;
use crate::mode::Mode;
use crate::mutation::{Mutation, Prepared};
use crate::query::Query;
use crate::references::EnvironmentRef;

/// Agents of one environment. From [`Apollo::agents`].
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// for agent in apollo.agents("cube-7").list().await? {
///     println!("{:?}", agent.id);
/// }
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
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
    pub fn list(&self) -> Query<Vec<Agent>> {
        let reference = self.environment.clone();
        Query::new(&self.apollo, |mode| async move {
            let environment = mode.environment(&reference, Match::Free).await?;
            let mut fleet = list_in(&mode, all_overviews());
            while let Some(seen) = fleet.try_next().await? {
                if seen.environment.id == environment.id {
                    return Ok(seen.agents);
                }
            }
            Err(Error::new(ErrorKind::NotFound, "the environment is not in the fleet's list")
                .with_target(environment.name))
        })
    }

    /// Resets every agent, so that all entities are evaluated anew. Takes the environment's exact name, its id or RID
    /// only. The result is the name of the server's result type, which is not published.
    pub fn reset(&self) -> Mutation<Option<String>> {
        let (apollo, reference) = (self.apollo.clone(), self.environment.clone());
        Mutation::new(|_| async move {
            let environment = Mode::strict(&apollo).environment(&reference, Match::Exact).await?;
            let variables = reset_agents::Variables { env_id: environment.id.to_string() };
            let request = Request::of::<ResetAgents>(variables)?.about(environment.name.as_str());
            Ok(Prepared::one(&apollo, request, |answer| {
                let outcome: wire::TypeName = answer.require("/apollo/resetAgentsByEnvironmentId")?;
                Ok(outcome.type_name)
            }))
        })
    }
}
