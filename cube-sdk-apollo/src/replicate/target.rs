//! The target of a run: the one that was known, or the one that was just created.

use std::time::Duration;

use cube_sdk_core::waiter::{Progress, Waiter};
use cube_sdk_core::{Error, ErrorKind, Result, WhichClock};

use super::context::{Context, find_target, named, several};
use super::journal::Journal;
use super::plan::ReplicationPlan;
use super::steps::Step;
use crate::ids::Rid;
use crate::mode::Mode;
use crate::model::Environment;

/// Looks for what was carried out before it counts as missing.
pub(super) const LISTING_LOOKS: u32 = 60;

/// The target, which must be the one that the plan or an earlier run knew; none while it is to be created.
pub(super) async fn find_known(plan: &ReplicationPlan, journal: &Journal, mode: &Mode) -> Result<Option<Environment>> {
    let name = plan.target.name.as_str();
    let stale =
        |words: &str| Error::new(ErrorKind::Conflict, words).with_target(name.to_owned()).advice("make a new plan");
    let Some(known) = journal.target() else {
        // Whether one that is there by now may be taken is the step's to say.
        let creates = plan.steps.iter().find(|step| matches!(step, Step::CreateEnvironment(_)));
        let unsure = creates.is_some_and(|step| journal.step(step).is_some());
        return match find_target(mode, name).await? {
            Some(_) if unsure => Ok(None),
            Some(_) => Err(stale("an environment of the target's name is there by now")),
            None => Ok(None),
        };
    };
    let found = named(mode, name).await?;
    match found.iter().find(|environment| environment.id == *known) {
        Some(target) => Ok(Some(target.clone())),
        None if found.is_empty() => Err(stale("the target is gone")),
        None => Err(stale("another environment has the target's name now")),
    }
}

/// The target that a step created, once it is listed: the one with the RID that Apollo told, else the only one of the
/// name.
pub(super) async fn created(at: &Context, step: &Step, rid: Option<Rid>, interval: Duration) -> Result<Environment> {
    let there = at.clone();
    let look = move || {
        let (at, rid) = (there.clone(), rid.clone());
        async move {
            let mut found = named(&at.mode, &at.target_name).await?;
            let is_ours = |environment: &Environment| rid.is_some() && environment.rid == rid;
            if let Some(ours) = found.iter().position(is_ours) {
                found = vec![found.swap_remove(ours)];
            }
            Ok(found)
        }
    };
    let over = |found: &Vec<_>| if found.is_empty() { Progress::Running } else { Progress::Done };
    let listed = Waiter::new(format!("the listing of `{step}`"), interval, look, over);
    match listed.tries(LISTING_LOOKS).await?.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(not_listed(at, step)),
        many => Err(several(&at.target_name, many.iter())),
    }
}

pub(super) fn not_listed(at: &Context, step: &Step) -> Error {
    Error::new(ErrorKind::Timeout, format!("`{step}` is carried out and not listed yet"))
        .with_clock(WhichClock::Waiter)
        .with_target(at.target_name.clone())
        .advice("run it again with the same journal; if it stays so, make a new plan")
}
