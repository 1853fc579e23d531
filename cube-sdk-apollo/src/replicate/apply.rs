//! Applying a plan: each step noted before it is sent, sent once, and waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use cube_sdk_core::waiter::{Progress, Waiter};
use cube_sdk_core::{Error, ErrorKind, Result, WhichClock, awaitable};
use serde::Serialize;

use super::context::{Context, find_target, named, several};
use super::journal::Journal;
use super::plan::ReplicationPlan;
use super::record::{Noted, Record};
use super::secret_source::{NoSecrets, SecretSource};
use super::steps::{InstallEntity, Ready, Seen, Sent, Step};
use crate::client::Apollo;
use crate::fault::NothingRan;
use crate::graphql::{CleanupCheck, cleanup_check};
use crate::ids::Rid;
use crate::listing::{entity_pages, list_in};
use crate::mode::Mode;
use crate::model::{ChangeRequest, Environment};

/// What became of a step, told as it becomes so.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Event {
    /// The step.
    pub step: Step,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a step.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub enum Outcome {
    /// It waits for a change request to be approved and applied.
    Waiting(Rid),
    /// It is done, by this run.
    Done,
    /// It was done before this run.
    AlreadyDone,
    /// It cannot be done yet; why.
    Pending(String),
}

/// A step that could not be done yet.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Pending {
    /// The step.
    pub step: Step,
    /// Why.
    pub why: String,
}

/// What a run came to.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ReplicationReport {
    /// The journal, for a later run.
    pub journal: Journal,
    /// Steps that could not be done yet, such as secrets without values.
    pub pending: Vec<Pending>,
    /// The target's entities after the run.
    pub entities: Vec<TargetEntity>,
}

/// An entity of the target.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TargetEntity {
    /// The name it was installed under, where told.
    pub name: Option<String>,
    /// Its RID.
    pub rid: Option<Rid>,
}

impl ReplicationReport {
    /// True when every step is done.
    pub const fn is_complete(&self) -> bool {
        self.pending.is_empty()
    }
}

type Save = Box<dyn FnMut(&Journal) -> Result<()> + Send>;
type Watch = Box<dyn FnMut(&Event) + Send>;

/// Applies a plan when awaited. Dropping it stops; a later run with the saved journal goes on.
#[must_use = "awaiting it applies the plan"]
pub struct Apply {
    apollo: Apollo,
    plan: ReplicationPlan,
    journal: Journal,
    save: Option<Save>,
    watch: Option<Watch>,
    secrets: Arc<dyn SecretSource>,
    interval: Duration,
    approval_timeout: Option<Duration>,
}

impl std::fmt::Debug for Apply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Apply").field("journal", &self.journal).finish_non_exhaustive()
    }
}

impl Apollo {
    /// Applies a plan, going on from a journal (an empty one to begin).
    ///
    /// Nothing of it runs twice, and nothing that is not its own is taken for its own: where the target shows what the
    /// plan did not know, it ends with `Conflict` and a new plan is to be made.
    pub fn apply(&self, plan: &ReplicationPlan, journal: Journal) -> Apply {
        Apply {
            apollo: self.clone(),
            plan: plan.clone(),
            journal,
            save: None,
            watch: None,
            secrets: Arc::new(NoSecrets),
            interval: Duration::from_secs(5),
            approval_timeout: None,
        }
    }
}

impl Apply {
    /// Called with the journal before a step is sent and after, and before the run goes on: store it durably. An error
    /// ends the run.
    pub fn save(mut self, save: impl FnMut(&Journal) -> Result<()> + Send + 'static) -> Self {
        self.save = Some(Box::new(save));
        self
    }

    /// Called with what becomes of each step.
    pub fn progress(mut self, watch: impl FnMut(&Event) + Send + 'static) -> Self {
        self.watch = Some(Box::new(watch));
        self
    }

    /// Where values of secrets come from. Without one, secrets stay pending.
    pub fn secrets(mut self, source: impl SecretSource) -> Self {
        self.secrets = Arc::new(source);
        self
    }

    /// Time between two looks at a change request. Default 5 s.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// How long to wait for one change request. Without it the run waits as long as people take.
    pub fn approval_timeout(mut self, limit: Duration) -> Self {
        self.approval_timeout = Some(limit);
        self
    }

    async fn run(mut self) -> Result<ReplicationReport> {
        let mut at = self.context().await?;
        let mut steps = std::mem::take(&mut self.plan.steps);
        steps.sort_by_key(Step::phase);
        if self.journal.is_empty() {
            self.nothing_came_between(&mut at, &steps).await?;
        }
        let mut pending = Vec::new();
        for phase in steps.chunk_by(|a, b| a.phase() == b.phase()) {
            for step in phase {
                if let Some(why) = self.begin(&mut at, step).await? {
                    self.tell(step, Outcome::Pending(why.clone()));
                    pending.push(Pending { step: step.clone(), why });
                }
            }
            for step in phase {
                self.finish(&mut at, step).await?;
            }
        }
        let mut entities = Vec::new();
        let target = at.target()?;
        let mut pages = list_in(&at.mode, entity_pages::<CleanupCheck>(target, |id| cleanup_check::Variables { id }));
        while let Some(page) = pages.try_next().await? {
            for entity in page.entities.and_then(|page| page.entities).unwrap_or_default().items {
                let name = entity.entity_locator.and_then(|locator| locator.entity_name);
                entities.push(TargetEntity { name, rid: entity.rid.map(Rid::from) });
            }
        }
        Ok(ReplicationReport { journal: self.journal, pending, entities })
    }

    async fn context(&mut self) -> Result<Context> {
        let plan = &self.plan;
        let id =
            plan.source.id.clone().ok_or_else(|| {
                Error::new(ErrorKind::InvalidInput, "the plan names no source").advice("make a new plan")
            })?;
        self.journal.bind(plan, &id)?;
        let mode = Mode::strict(&self.apollo);
        let mut source = Environment::by_id(id);
        source.name.clone_from(&plan.source.name);
        let target = find_known(&self.plan, &self.journal, &mode).await?;
        Ok(Context {
            apollo: self.apollo.clone(),
            mode,
            source,
            target,
            target_name: plan.target.name.clone(),
            secrets: self.secrets.clone(),
            began_with: BTreeMap::new(),
            snapshot: None,
        })
    }

    /// Before the first write: has anybody made by now what the plan is about to make?
    async fn nothing_came_between(&mut self, at: &mut Context, steps: &[Step]) -> Result<()> {
        let Some(target) = at.target.clone() else { return Ok(()) };
        at.snapshot = Some(at.mode.entity_refs(&target).await?);
        for step in steps {
            let seen = step.kind().look(at, None).await?;
            self.unexpected(step, &seen)?;
        }
        at.snapshot = None;
        Ok(())
    }

    /// Something stands where a step that was never sent puts its own.
    fn unexpected(&self, step: &Step, seen: &Seen) -> Result<()> {
        let what = match seen {
            Seen::Nothing => return Ok(()),
            Seen::Same(_) if step.kind().may_stand() => return Ok(()),
            Seen::Same(_) => "somebody has done that by now".to_owned(),
            Seen::Other(what) => what.clone(),
        };
        Err(self.conflict(step, &what))
    }

    fn conflict(&self, step: &Step, what: &str) -> Error {
        Error::new(ErrorKind::Conflict, format!("the plan no longer fits, {step}: {what}"))
            .with_target(self.plan.target.name.clone())
            .advice("make a new plan")
    }

    /// Brings a step to the point where it is done or waits for approval; tells why it could not.
    async fn begin(&mut self, at: &mut Context, step: &Step) -> Result<Option<String>> {
        let record = self.journal.step(step).cloned();
        let noted = match &record {
            Some(Record::Done { config, .. }) => {
                self.remember(at, step, config.clone());
                self.tell(step, Outcome::AlreadyDone);
                return Ok(None);
            }
            Some(Record::Opened { .. } | Record::Adopted { .. }) => return Ok(None),
            Some(Record::Noted(noted)) => Some(noted),
            None => None,
        };
        let seen = step.kind().look(at, noted).await?;
        if let Some(noted) = noted {
            if self.answered_by_target(at, step, noted, seen).await? {
                return Ok(None);
            }
        } else {
            self.unexpected(step, &seen)?;
            if let Seen::Same(rid) = seen {
                self.done(at, step, rid).await?;
                self.tell(step, Outcome::AlreadyDone);
                return Ok(None);
            }
        }
        let parcel = match step.kind().ready(at).await? {
            Ready::Pending(why) => return Ok(Some(why)),
            Ready::Send(parcel) => parcel,
        };
        let before = if step.kind().subject().is_some() { at.requests().await? } else { BTreeSet::new() };
        self.note(step, Record::Noted(Noted { before, config: parcel.config }))?;
        match (parcel.send)().await {
            Ok(Sent::Done(rid)) => {
                self.done(at, step, rid).await?;
                self.tell(step, Outcome::Done);
            }
            Ok(Sent::Opened(change)) => self.note(step, Record::Opened { change })?,
            Err(error) => {
                if error.proves_that_nothing_ran() {
                    self.journal.forget(step);
                    self.saved()?;
                }
                return Err(error);
            }
        }
        Ok(None)
    }

    /// A step may have been sent and was not answered: does the target tell what became of it? False when it shows
    /// that nothing did.
    async fn answered_by_target(&mut self, at: &mut Context, step: &Step, noted: &Noted, seen: Seen) -> Result<bool> {
        let new = match step.kind().subject() {
            Some(entity) => {
                let known = noted.before.iter().chain(self.journal.rids_besides(step)).collect();
                at.new_about(entity, &known).await?
            }
            None => None,
        };
        match (seen, new) {
            (Seen::Other(what), _) => Err(self.conflict(step, &what)),
            (Seen::Same(rid), _) => {
                self.done(at, step, rid).await?;
                self.tell(step, Outcome::Done);
                Ok(true)
            }
            (Seen::Nothing, Some(change)) => {
                self.note(step, Record::Adopted { change: change.rid, noted: noted.clone() })?;
                Ok(true)
            }
            (Seen::Nothing, None) => Ok(false),
        }
    }

    /// Waits until a step that opened a change request is done.
    async fn finish(&mut self, at: &mut Context, step: &Step) -> Result<()> {
        let (change, noted) = match self.journal.step(step).cloned() {
            Some(Record::Opened { change }) => (change, None),
            Some(Record::Adopted { change, noted }) => (change, Some(noted)),
            _ => return Ok(()),
        };
        self.tell(step, Outcome::Waiting(change.clone()));
        let mut waiter = at.change(&change)?.wait().interval(self.interval);
        if let Some(limit) = self.approval_timeout {
            waiter = waiter.timeout(limit);
        }
        let merged = match waiter.await {
            Ok(state) => self.merged(step, &state)?,
            // It is not listed any more: the target still tells what became of it.
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        if noted.is_some() || !merged {
            self.verify(at, step, &change, noted, merged).await?;
        }
        self.done(at, step, Some(change)).await?;
        self.tell(step, Outcome::Done);
        Ok(())
    }

    /// A request that ended otherwise is asked for anew by the next run.
    fn merged(&mut self, step: &Step, state: &ChangeRequest) -> Result<bool> {
        if state.is_merged() {
            return Ok(true);
        }
        self.journal.forget(step);
        self.saved()?;
        let status = state.status().map_or("unknown", |status| status.as_str());
        Err(Error::new(ErrorKind::Conflict, format!("the change request of `{step}` ended {status}"))
            .with_target(state.rid().to_string())
            .advice("run it again to ask anew, or make a new plan"))
    }

    /// A request that is only taken for the step's, or is gone: has the target what the step makes?
    async fn verify(
        &mut self,
        at: &Context,
        step: &Step,
        change: &Rid,
        noted: Option<Noted>,
        merged: bool,
    ) -> Result<()> {
        let asked = noted.clone().unwrap_or_default();
        let tries = if merged { LISTING_LOOKS } else { 1 };
        let (there, looked) = (at.clone(), step.clone());
        let look = move || {
            let (at, step, asked) = (there.clone(), looked.clone(), asked.clone());
            async move { step.kind().look(&at, Some(&asked)).await }
        };
        let over = |seen: &Seen| if matches!(seen, Seen::Nothing) { Progress::Running } else { Progress::Done };
        let seen = Waiter::new(format!("the listing of `{step}`"), self.interval, look, over).tries(tries).await?;
        let what = match seen {
            Seen::Same(_) => return Ok(()),
            Seen::Nothing => format!("change request {change} is over, and the target lacks what it asked for"),
            Seen::Other(what) => what,
        };
        if let Some(mut noted) = noted {
            noted.before.insert(change.clone());
            self.note(step, Record::Noted(noted))?;
        } else {
            self.journal.forget(step);
            self.saved()?;
        }
        Err(self.conflict(step, &what).advice("run it again to ask anew, or make a new plan"))
    }

    /// Notes a step as done, once what it made is there for the steps that follow.
    async fn done(&mut self, at: &mut Context, step: &Step, rid: Option<Rid>) -> Result<()> {
        if at.target.is_none() {
            let found = named(&at.mode, &at.target_name).await?;
            match found.as_slice() {
                [one] => at.target = Some(one.clone()),
                [] => return Err(self.conflict(step, "it was created and is not listed")),
                many => return Err(several(&at.target_name, many.iter())),
            }
        }
        if let Some(target) = &at.target {
            self.journal.set_target(&target.id);
        }
        let (there, made) = (at.clone(), step.clone());
        let look = move || {
            let (at, step) = (there.clone(), made.clone());
            async move { step.kind().settled(&at).await }
        };
        let settled = |config: &Option<_>| if config.is_some() { Progress::Done } else { Progress::Running };
        let listed = Waiter::new(format!("the listing of `{step}`"), self.interval, look, settled);
        let config = listed.tries(LISTING_LOOKS).await?.ok_or_else(|| {
            Error::new(ErrorKind::Timeout, format!("`{step}` is carried out and not listed yet"))
                .with_clock(WhichClock::Waiter)
                .with_target(at.target_name.clone())
                .advice("run it again with the same journal; if it stays so, make a new plan")
        })?;
        self.remember(at, step, config.clone());
        self.note(step, Record::Done { rid, config })
    }

    /// What an entity began with is known to the steps that follow.
    fn remember(&self, at: &mut Context, step: &Step, config: Option<String>) {
        if let (Step::InstallEntity(InstallEntity { entity, .. }), Some(config)) = (step, config) {
            at.began_with.insert(entity.clone(), config);
        }
    }

    fn note(&mut self, step: &Step, record: Record) -> Result<()> {
        self.journal.set(step, record);
        self.saved()
    }

    fn saved(&mut self) -> Result<()> {
        self.save.as_mut().map_or(Ok(()), |save| save(&self.journal))
    }

    fn tell(&mut self, step: &Step, outcome: Outcome) {
        if let Some(watch) = &mut self.watch {
            watch(&Event { step: step.clone(), outcome });
        }
    }
}

/// The target, which must be the one that the plan or an earlier run knew; none while it is to be created.
async fn find_known(plan: &ReplicationPlan, journal: &Journal, mode: &Mode) -> Result<Option<Environment>> {
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

/// Looks for what a merged request made before it counts as missing.
const LISTING_LOOKS: u32 = 60;

awaitable!(Apply => ReplicationReport, run);
