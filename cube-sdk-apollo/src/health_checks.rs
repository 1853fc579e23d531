//! Health checks: the evidence behind an entity's health.
//!
//! ```
//! # cube_sdk_testkit::apollo::tour(async |world| {
//! # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
//! let report = apollo.health_checks("cube-7").of("mosquitto").await?;
//! println!("{:?}", report.health);
//! for check in report.failing() {
//!     println!("{:?} {:?}", check.name, check.text());
//! }
//! # Ok::<(), cube_sdk_core::Error>(()) });
//! ```

use cube_sdk_core::{Error, ErrorKind, Timestamp, open_enum};
use serde::Serialize;
use serde_json::Value;

use crate::client::Apollo;
use crate::drain::{SAFETY_PAGES, not_ending};
use crate::entities::reads::belongs;
use crate::entities::{EntityRef, HealthStatus};
use crate::graphql::{EntityHealthChecks, Request, entity_health_checks, wire};
use crate::read::Read;
use crate::resolve::{EnvironmentRef, Match};

/// Health checks on one environment. From [`Apollo::health_checks`].
#[derive(Clone, Debug)]
pub struct HealthChecks {
    apollo: Apollo,
    environment: EnvironmentRef,
}

impl Apollo {
    /// Health checks of an environment's entities.
    pub fn health_checks(&self, environment: impl Into<EnvironmentRef>) -> HealthChecks {
        HealthChecks { apollo: self.clone(), environment: environment.into() }
    }
}

impl HealthChecks {
    /// Everything that the nodes of an entity report. A report that could not be read whole is an error: it must not
    /// look like all clear.
    pub fn of(&self, entity: impl Into<EntityRef>) -> Read<HealthReport> {
        let (reference, entity) = (self.environment.clone(), entity.into());
        Read::new(&self.apollo, |session| async move {
            let environment = session.environment(&reference, Match::Free).await?;
            let entity = session.entity(&environment, &entity.0).await?;
            let target = format!("{}/{}", environment.name, entity.name);
            let mut report = HealthReport::default();
            let mut tokens: Vec<String> = Vec::new();
            loop {
                let variables = entity_health_checks::Variables {
                    id: entity.id.to_string(),
                    page_size: 50,
                    page_token: tokens.last().cloned(),
                };
                let answer = session.send(Request::of::<EntityHealthChecks>(variables)?.about(target.as_str())).await?;
                let found: wire::Entity =
                    answer.read("/apollo/entityById")?.ok_or_else(|| answer.not_found("entity"))?;
                belongs(&found, &environment)?;
                report.health = found.reported_status.and_then(|status| status.health_status);
                // An entity whose agent never reported has no page at all.
                let Some(page) = found.node_healths else { return Ok(report) };
                report.nodes.extend(page.node_healths.0.into_iter().map(NodeHealth::from_wire));
                match page.next_page_token.filter(|token| !token.is_empty()) {
                    None => return Ok(report),
                    Some(token) if tokens.contains(&token) || tokens.len() >= SAFETY_PAGES => {
                        return Err(Error::new(ErrorKind::Decode, "the health report does not end")
                            .with_target(target)
                            .with_fault(not_ending(&tokens, &token)));
                    }
                    Some(token) => tokens.push(token),
                }
            }
        })
    }
}
