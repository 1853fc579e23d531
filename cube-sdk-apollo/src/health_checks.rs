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

use cube_sdk_core::Result;
use cube_sdk_core::listing::{Batch, Fetched};

use crate::answer::Answer;
use crate::choice::Match;
use crate::client::Apollo;
use crate::graphql::{EntityHealthChecks, Request, entity_health_checks, wire};
use crate::listing::{Place, Source, list_in};
pub use crate::model::{ContainerHealth, HealthCheck, HealthReport, NodeHealth};
use crate::model::{Environment, belongs};
use crate::query::Query;
use crate::references::{EntityRef, EnvironmentRef};
pub use crate::words::HealthState;

/// Health checks on one environment. From [`Apollo::health_checks`].
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// let report = apollo.health_checks("cube-7").of("mosquitto").await?;
/// for check in report.failing() {
///     println!("{:?} {:?}", check.name, check.text());
/// }
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
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
    pub fn of(&self, entity: impl Into<EntityRef>) -> Query<HealthReport> {
        let (reference, entity) = (self.environment.clone(), entity.into());
        Query::new(&self.apollo, |mode| async move {
            let environment = mode.environment(&reference, Match::Free).await?;
            let entity = mode.entity(&environment, &entity, Match::Free).await?;
            let (id, target) = (entity.id.to_string(), format!("{}/{}", environment.name, entity.name));
            let pages = Source::pages(
                move |token| {
                    let (id, page_token) = (id.clone(), token.map(str::to_owned));
                    let variables = entity_health_checks::Variables { id, page_size: 50, page_token };
                    Ok(Request::of::<EntityHealthChecks>(variables)?.about(target.as_str()))
                },
                move |answer, place| page(answer, place, &environment),
            );
            let mut report = HealthReport::default();
            let mut pages = list_in(&mode, pages);
            while let Some(page) = pages.try_next().await? {
                report.health = page.health;
                report.nodes.extend(page.nodes);
            }
            Ok(report)
        })
    }
}

/// One page, as a report of its own.
fn page(answer: &Answer, place: Place, environment: &Environment) -> Result<Fetched<HealthReport>> {
    let found: wire::Entity = answer.read("/apollo/entityById")?.ok_or_else(|| answer.not_found("entity"))?;
    belongs(&found, environment, answer)?;
    let health = found.reported_status.and_then(|status| status.health_status);
    let (nodes, next) = match found.node_healths {
        None if place == Place::Later => return Ok(Fetched::Absent),
        // An entity whose agent never reported has no page at all.
        None => (Vec::new(), None),
        Some(page) => {
            let nodes = answer.whole(page.node_healths, "/entity/nodeHealths/nodeHealths")?;
            let nodes = nodes.into_iter().map(|node| NodeHealth::from_wire(node, answer)).collect::<Result<_>>()?;
            (nodes, answer.next_page(page.next_page_token.as_ref())?)
        }
    };
    let mut batch = Batch::new(next).bytes(answer.bytes);
    batch.push(Ok(HealthReport { health, nodes }));
    Ok(batch.into())
}
