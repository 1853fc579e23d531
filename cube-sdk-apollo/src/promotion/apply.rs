//! Carrying out a promotion.

use cube_sdk_core::{Error, ErrorKind, Result, awaitable};
use http::StatusCode;
use serde::Serialize;

use super::plan::{PromotionPlan, PromotionStep};
use crate::channels::{ADDED, RATIONALE, adding};
use crate::client::Apollo;
use crate::fault::{ApolloErrorExt as _, NothingRan};
use crate::ids::MavenCoordinate;
use crate::mode::Mode;
use crate::model::Release;

/// What became of one release.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Promoted {
    /// The release.
    pub coordinate: MavenCoordinate,
    /// What became of it.
    pub outcome: PromotionOutcome,
}

/// What became of a release.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub enum PromotionOutcome {
    /// It was put into these channels.
    Promoted(Vec<String>),
    /// It was in all of them by now.
    Already,
    /// Apollo refused it; why.
    Refused(String),
}

/// What a promotion came to.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PromotionReport {
    /// Each release of the plan, in its order.
    pub releases: Vec<Promoted>,
}

impl PromotionReport {
    /// True when every release of the plan is in its channels.
    pub fn is_complete(&self) -> bool {
        !self.releases.iter().any(|release| matches!(release.outcome, PromotionOutcome::Refused(_)))
    }

    /// How many releases this run put into channels.
    pub fn promoted(&self) -> usize {
        self.releases.iter().filter(|release| matches!(release.outcome, PromotionOutcome::Promoted(_))).count()
    }
}

type Watch = Box<dyn FnMut(&Promoted) + Send>;

/// Applies a plan when awaited: one release after the other, each looked at before.
///
/// A release that Apollo refuses is reported and the others go on. A failure that is not about one release ends the
/// run; apply the plan again to go on.
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// let plan = apollo.plan_promotion(["STABLE"]).coordinate("com.example:bridge:1.0.0").await?;
/// let report = apollo
///     .promote(&plan)
///     .rationale("soaked for a week")
///     .progress(|release| println!("{} {:?}", release.coordinate, release.outcome))
///     .await?;
/// assert_eq!(report.promoted(), 1);
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[must_use = "awaiting it promotes"]
pub struct Promote {
    apollo: Apollo,
    plan: PromotionPlan,
    rationale: String,
    watch: Option<Watch>,
}

impl std::fmt::Debug for Promote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Promote").field("plan", &self.plan).finish_non_exhaustive()
    }
}

impl Apollo {
    /// Applies a plan of a promotion. Releases that are in their channels already are left alone.
    pub fn promote(&self, plan: &PromotionPlan) -> Promote {
        Promote { apollo: self.clone(), plan: plan.clone(), rationale: RATIONALE.into(), watch: None }
    }
}

impl Promote {
    /// Why. Apollo demands one; without this it says that the SDK did it.
    pub fn rationale(mut self, text: impl Into<String>) -> Self {
        self.rationale = text.into();
        self
    }

    /// Called with what becomes of each release.
    pub fn progress(mut self, watch: impl FnMut(&Promoted) + Send + 'static) -> Self {
        self.watch = Some(Box::new(watch));
        self
    }

    async fn run(mut self) -> Result<PromotionReport> {
        let mode = Mode::strict(&self.apollo);
        let mut releases = Vec::new();
        for step in &self.plan.steps {
            let outcome = match promote(&mode, step, &self.rationale).await {
                Err(error) if is_about_one(&error) => PromotionOutcome::Refused(error.to_string()),
                other => other?,
            };
            let promoted = Promoted { coordinate: step.coordinate.clone(), outcome };
            if let Some(watch) = &mut self.watch {
                watch(&promoted);
            }
            releases.push(promoted);
        }
        Ok(PromotionReport { releases })
    }
}

awaitable!(Promote => PromotionReport, run);

/// Is it this release that was refused? A status without Apollo's own words may be a gateway's, and about all.
fn is_about_one(error: &Error) -> bool {
    let own = error.status().is_none_or(|status| status == StatusCode::OK) || error.apollo().is_some();
    own && matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::Conflict | ErrorKind::InvalidInput | ErrorKind::PermissionDenied
    )
}

async fn promote(mode: &Mode, step: &PromotionStep, rationale: &str) -> Result<PromotionOutcome> {
    let coordinate = &step.coordinate;
    let missing = missing(mode, step).await?;
    if missing.0.is_empty() {
        return Ok(PromotionOutcome::Already);
    }
    let (channels, release) = missing;
    let request = adding(coordinate, &release, channels.clone(), rationale.to_owned())?;
    match mode.apollo.send(&request, false).await {
        Ok(answer) => {
            let after = Release::from_wire(answer.require(ADDED)?, &answer)?;
            match channels.iter().find(|name| !after.channels.contains(name)) {
                None => Ok(PromotionOutcome::Promoted(channels)),
                Some(name) => Err(answer.error(ErrorKind::Conflict, format!("it is not in channel {name} afterwards"))),
            }
        }
        // Putting it in twice is the same as once: the release tells whether it arrived.
        Err(error) if !error.proves_that_nothing_ran() => {
            if self::missing(mode, step).await?.0.is_empty() {
                return Ok(PromotionOutcome::Promoted(channels));
            }
            Err(error)
        }
        Err(error) => Err(error),
    }
}

/// The channels that a release lacks now.
async fn missing(mode: &Mode, step: &PromotionStep) -> Result<(Vec<String>, Release)> {
    let release = mode.release(&step.coordinate.product(), step.coordinate.version()).await?;
    let missing = step.channels.iter().filter(|name| !release.channels.contains(name)).cloned().collect();
    Ok((missing, release))
}
