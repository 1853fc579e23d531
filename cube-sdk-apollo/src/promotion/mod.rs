//! Promotion in bulk: many releases into channels, as a plan and its carrying out.
//!
//! Both look at what is there: a release that is in a channel already is left alone, so a promotion may be planned and
//! applied again at any time.
//!
//! ```
//! # cube_sdk_testkit::apollo::tour(async |world| {
//! # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
//! use cube_sdk_apollo::promotion::PromotionPlan;
//!
//! let plan = apollo
//!     .plan_promotion(["STABLE"])
//!     .coordinates_in("# soaked for a week\ncom.example:bridge:1.0.0\n") // the text of a file
//!     .coordinate("com.example:mosquitto:9.9")
//!     .running_on("cube-7") // every version that its entities report
//!     .await?;
//! println!("{plan}"); // the dry run
//! assert_eq!(plan.steps.len(), 3);
//! assert_eq!(plan.not_promoted[0].what, "com.example:mosquitto:9.9"); // there is no such release
//!
//! let stored = serde_json::to_string(&plan).unwrap();
//! let plan: PromotionPlan = serde_json::from_str(&stored).unwrap();
//! let report = apollo
//!     .promote(&plan)
//!     .rationale("soaked for a week")
//!     .progress(|step| println!("{} {:?}", step.coordinate, step.outcome))
//!     .await?;
//! assert!(report.is_complete());
//! assert_eq!(apollo.promote(&plan).await?.promoted(), 0); // nothing is left to do
//! assert!(apollo.plan_promotion(["STABLE"]).running_on("cube-7").await?.is_empty());
//! # Ok::<(), cube_sdk_core::Error>(()) });
//! ```

mod apply;
mod plan;

use std::collections::{BTreeMap, BTreeSet};

use cube_sdk_core::{Error, ErrorKind, Result, awaitable, names};

pub use apply::{Promote, Promoted, PromotionOutcome, PromotionReport};
pub use plan::{NotPromoted, PromotionPlan, PromotionStep};

use crate::choice::Match;
use crate::client::Apollo;
use crate::fault::SaysGone as _;
use crate::graphql::{EnvironmentVersions, environment_versions};
use crate::ids::{MavenCoordinate, ProductId};
use crate::listing::{BY_ID, entities};
use crate::mode::Mode;
use crate::model::{Entity, Release};
use crate::references::EnvironmentRef;
use crate::releases::all_releases;

impl Apollo {
    /// Plans to put releases into channels. Nothing is written.
    ///
    /// # Errors
    /// When awaited: `InvalidInput` without a channel, or for a text that is no coordinate (of a file, with its line), and
    /// those of the reads. A release that does not exist is no error: the plan names it.
    pub fn plan_promotion<N: Into<String>>(&self, channels: impl IntoIterator<Item = N>) -> PlanPromotion {
        PlanPromotion {
            apollo: self.clone(),
            channels: channels.into_iter().map(Into::into).collect(),
            coordinates: Vec::new(),
            environments: Vec::new(),
        }
    }
}

/// Reads the releases when awaited, and says which are not in the channels yet.
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// let plan = apollo.plan_promotion(["STABLE"]).running_on("cube-7").coordinate("com.example:bridge:1.0.0").await?;
/// println!("{plan}"); // the dry run
/// assert!(!plan.is_empty() && plan.not_promoted.is_empty());
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[derive(Clone, Debug)]
#[must_use = "awaiting it makes the plan"]
pub struct PlanPromotion {
    apollo: Apollo,
    channels: BTreeSet<String>,
    coordinates: Vec<Result<MavenCoordinate>>,
    environments: Vec<EnvironmentRef>,
}

impl PlanPromotion {
    /// A release.
    pub fn coordinate(mut self, release: impl TryInto<MavenCoordinate, Error: Into<Error>>) -> Self {
        self.coordinates.push(names::taken(release));
        self
    }

    /// Releases, one coordinate to a line; empty lines and what follows `#` are left out.
    pub fn coordinates_in(mut self, text: &str) -> Self {
        let lines = text.trim_start_matches('\u{feff}').lines().enumerate();
        let told = lines.map(|(index, line)| (index + 1, line.split('#').next().unwrap_or_default().trim()));
        self.coordinates.extend(told.filter(|(_, line)| !line.is_empty()).map(|(number, line)| {
            MavenCoordinate::parse(line).map_err(|error| error.with_target(format!("line {number}")))
        }));
        self
    }

    /// Every version that the entities of an environment report.
    pub fn running_on(mut self, environment: impl Into<EnvironmentRef>) -> Self {
        self.environments.push(environment.into());
        self
    }

    async fn plan(self) -> Result<PromotionPlan> {
        if self.channels.is_empty() || self.channels.iter().any(|name| name.trim().is_empty()) {
            return Err(Error::new(ErrorKind::InvalidInput, "name at least one channel"));
        }
        let mut wanted = self.coordinates.into_iter().collect::<Result<BTreeSet<_>>>()?;
        let mode = Mode::strict(&self.apollo);
        let mut plan = PromotionPlan::new(&self.channels);
        for reference in &self.environments {
            reported(&mode, reference, &mut wanted, &mut plan).await?;
        }
        let mut products: BTreeMap<ProductId, Vec<MavenCoordinate>> = BTreeMap::new();
        for coordinate in wanted {
            products.entry(coordinate.product()).or_default().push(coordinate);
        }
        for (product, coordinates) in products {
            let releases = match mode.whole(all_releases(&product), "releases").await {
                Err(error) if error.says_gone() => Vec::new(),
                other => other?,
            };
            for coordinate in coordinates {
                plan.add(coordinate, &releases, &self.channels);
            }
        }
        Ok(plan)
    }
}

awaitable!(PlanPromotion => PromotionPlan, plan);

/// Adds the versions that an environment's entities report.
async fn reported(
    mode: &Mode,
    reference: &EnvironmentRef,
    wanted: &mut BTreeSet<MavenCoordinate>,
    plan: &mut PromotionPlan,
) -> Result<()> {
    let environment = mode.environment(reference, Match::Exact).await?;
    let all = entities::<EnvironmentVersions, _>(
        &environment,
        BY_ID,
        |id| environment_versions::Variables { id },
        |wire, _, answer| Entity::from_wire(wire, answer),
    );
    for entity in mode.whole(all, "entities").await? {
        let version = entity.version().filter(|version| !version.is_empty());
        let coordinate =
            entity.product.as_deref().zip(version).map(|(product, version)| format!("{product}:{version}"));
        match coordinate.as_deref().map(MavenCoordinate::parse) {
            Some(Ok(coordinate)) => {
                wanted.insert(coordinate);
            }
            Some(Err(_)) => {
                plan.lacks(format!("entity {} of {}", entity.name, environment.name), "no coordinate is told")
            }
            None => plan.lacks(format!("entity {} of {}", entity.name, environment.name), "it reports no version"),
        }
    }
    Ok(())
}

/// The release of a coordinate among those of its product.
fn release_of<'a>(coordinate: &MavenCoordinate, releases: &'a [Release]) -> Option<&'a Release> {
    releases.iter().find(|release| release.version() == coordinate.version())
}
