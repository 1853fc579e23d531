//! Applying a plan: each step noted before it is sent, sent once, and waited for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cube_sdk_core::waiter::{Progress, Waiter};
use cube_sdk_core::{Error, ErrorKind, Result, awaitable};

use super::context::Context;
use super::journal::Journal;
use super::plan::ReplicationPlan;
use super::record::{Noted, Record};
use super::report::{Event, Outcome, Pending, ReplicationReport, TargetEntity};
use super::requests::{new_about, rids};
use super::secret_source::{NoSecrets, SecretSource};
use super::steps::{InstallEntity, Ready, Seen, Sent, Step};
use super::target::{LISTING_LOOKS, created, find_known, not_listed};
use super::trace::Trace;
use crate::client::Apollo;
use crate::fault::{NothingRan, SaysGone as _};
use crate::graphql::{CleanupCheck, cleanup_check};
use crate::ids::Rid;
use crate::listing::{entity_pages, list_in};
use crate::mode::Mode;
use crate::model::{ChangeRequest, Environment};

type Save = Box<dyn FnMut(&Journal) -> Result<()> + Send>;
type Watch = Box<dyn FnMut(&Event) + Send>;

/// Applies a plan when awaited. Dropping it stops; a later run with the saved journal goes on.
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # world.approve_all();
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("journal.json");
/// use std::time::Duration;
///
/// use cube_sdk_apollo::replicate::Journal;
/// use cube_sdk_core::Error;
///
/// let plan = apollo.replicate("cube-7", "cube-7-spare").await?;
/// let report = apollo
///     .apply(&plan, Journal::default())
///     .save(move |journal| {
///         let text = serde_json::to_vec(journal).map_err(|cause| Error::io("could not write", cause.into()))?;
///         std::fs::write(&path, text).map_err(|cause| Error::io("could not save the journal", cause))
///     })
///     .interval(Duration::from_millis(10))
///     .await?;
/// assert!(report.journal.is_done(&plan.steps[0]));
/// assert!(!report.is_complete()); // the secrets have no values: see Apply::secrets
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
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
    /// Nothing of it runs twice: a step that was sent and not answered is looked for before it is sent again, and only
    /// what proves that nothing ran (a refused document, 401, 429, no connection) makes it count as not sent. And
    /// nothing that is not its own is taken for its own: where the target shows what the plan did not know, it ends
    /// with `Conflict` and a new plan is to be made.
    ///
    /// # Errors
    /// When awaited: `InvalidInput` for a journal of another replication, or a plan with two steps of one key; `Conflict`
    /// when the target shows what the plan did not know, several change requests may be a step's, or one ended otherwise
    /// than merged; `Timeout` when nobody approved in time, or what was carried out is not listed after 60 looks; the
    /// error of saving or of the secret source; and those of the calls. After any of them another run with the saved
    /// journal goes on, unless the error says that a new plan is needed.
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

    /// Time between two looks, at a change request and at the target. Default 5 s. It is not to be much shorter in
    /// earnest: a step that was not answered is sent again once no trace of it has shown for 24 intervals, and at least
    /// for a minute.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// How long to wait for one change request, then `Timeout`. Without it the run waits as long as people take.
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
        plan.refuse_twins()?;
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
            Some(Record::Answered { rid }) => {
                self.done(at, step, rid.clone()).await?;
                self.tell(step, Outcome::Done);
                return Ok(None);
            }
            Some(Record::Noted(noted)) => Some(noted),
            None => None,
        };
        if let Some(noted) = noted {
            if self.answered_by_target(at, step, noted).await? {
                return Ok(None);
            }
        } else {
            let seen = step.kind().look(at, None).await?;
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
        let before = match noted {
            // What came while the step was made ready, its own late request for one, shows on the last list only.
            Some(noted) => match Trace::find(at, step, noted, &self.journal.known_besides(step, noted)).await? {
                Trace::None { listed } => listed.into_iter().chain(noted.before.iter().cloned()).collect(),
                trace => return self.answered_by(at, step, noted, trace).await.map(|_| None),
            },
            None if step.kind().subject().is_some() => rids(&at.requests().await?),
            None => Default::default(),
        };
        self.note(step, Record::Noted(Noted { before, config: parcel.config.clone() }))?;
        match (parcel.send)().await {
            Ok(Sent::Done(rid)) => {
                self.note(step, Record::Answered { rid: rid.clone() })?;
                self.done(at, step, rid).await?;
                self.tell(step, Outcome::Done);
            }
            Ok(Sent::Opened(change)) => self.note(step, Record::Opened { change, config: parcel.config })?,
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
    /// for a while that nothing did: Apollo may still work on what a gateway gave up, and its lists may lag behind.
    async fn answered_by_target(&mut self, at: &mut Context, step: &Step, noted: &Noted) -> Result<bool> {
        let known = self.journal.known_besides(step, noted);
        let (there, sent, asked) = (at.clone(), step.clone(), noted.clone());
        let look = move || {
            let (at, step, noted, known) = (there.clone(), sent.clone(), asked.clone(), known.clone());
            async move { Trace::find(&at, &step, &noted, &known).await }
        };
        let over = |trace: &Trace| if matches!(trace, Trace::None { .. }) { Progress::Running } else { Progress::Done };
        let rarely = self.interval.saturating_mul(4).max(UNANSWERED_PAUSE);
        let trace = Waiter::new(format!("a trace of `{step}`"), rarely, look, over);
        let trace = trace.tries(UNANSWERED_LOOKS).await?;
        self.answered_by(at, step, noted, trace).await
    }

    /// What a trace tells of a step; false when it tells nothing.
    async fn answered_by(&mut self, at: &mut Context, step: &Step, noted: &Noted, trace: Trace) -> Result<bool> {
        match trace {
            Trace::None { .. } => Ok(false),
            Trace::Stands(rid) => {
                self.done(at, step, rid).await?;
                self.tell(step, Outcome::Done);
                Ok(true)
            }
            Trace::InTheWay(what) => Err(self.conflict(step, &what)),
            Trace::Requested(change) => {
                self.note(step, Record::Adopted { change, noted: noted.clone() })?;
                Ok(true)
            }
        }
    }

    /// Waits until a step that opened a change request is done.
    async fn finish(&mut self, at: &mut Context, step: &Step) -> Result<()> {
        let (change, config, noted) = match self.journal.step(step).cloned() {
            Some(Record::Opened { change, config }) => (change, config, None),
            Some(Record::Adopted { change, noted }) => (change, noted.config.clone(), Some(noted)),
            _ => return Ok(()),
        };
        self.tell(step, Outcome::Waiting(change.clone()));
        let mut waiter = self.watching(at, step, &change, noted.as_ref())?.interval(self.interval);
        if let Some(limit) = self.approval_timeout {
            waiter = waiter.timeout(limit);
        }
        let merged = match waiter.await {
            Ok(state) if state.is_merged() => true,
            Ok(state) if !state.is_done() => {
                self.asks_anew(step, noted, &change)?;
                let words = format!("change request {change} turns out not to be about it");
                return Err(self.conflict(step, &words).advice("run it again to look for its own"));
            }
            Ok(state) => return Err(self.ended_otherwise(step, noted, &state)?),
            // It is not listed any more: the target still tells what became of it. A gateway's 404 tells nothing.
            Err(error) if error.says_not_listed() => false,
            Err(error) => return Err(error),
        };
        if noted.is_some() || !merged {
            self.verify(at, step, &change, config, noted, merged).await?;
        }
        self.done(at, step, Some(change)).await?;
        self.tell(step, Outcome::Done);
        Ok(())
    }

    /// The wait for a step's change request. While it is only taken for the step's, the step's own may still come: a
    /// second that may be is `Conflict`, and the wait ends early when the title tells that it is not.
    fn watching(
        &self,
        at: &Context,
        step: &Step,
        change: &Rid,
        noted: Option<&Noted>,
    ) -> Result<Waiter<ChangeRequest>> {
        let handle = at.change(change)?;
        let (Some(noted), Some(entity)) = (noted, step.kind().subject()) else { return Ok(handle.wait()) };
        let known = self.journal.known_besides(step, noted);
        let (at, entity, about) = (at.clone(), entity.to_owned(), entity.to_owned());
        let look = move || {
            let (at, handle, entity, known) = (at.clone(), handle.clone(), entity.clone(), known.clone());
            async move {
                let state = handle.look().await?;
                let did_nothing = state.is_done() && !state.is_merged();
                if !did_nothing {
                    new_about(&at.requests().await?, &entity, &known)?;
                }
                Ok(state)
            }
        };
        let over = move |state: &ChangeRequest| {
            if state.is_done() || !state.may_be_about(&about) { Progress::Done } else { Progress::Running }
        };
        let what = format!("change request {change}");
        Ok(Waiter::new(what, self.interval, look, over).unknown(ChangeRequest::unknown_status))
    }

    /// The change request of a step ended without doing anything: the next run asks anew.
    fn ended_otherwise(&mut self, step: &Step, noted: Option<Noted>, state: &ChangeRequest) -> Result<Error> {
        self.asks_anew(step, noted, state.rid())?;
        let status = state.status().map_or("unknown", |status| status.as_str());
        Ok(Error::new(ErrorKind::Conflict, format!("the change request of `{step}` ended {status}"))
            .with_target(state.rid().to_string())
            .advice("run it again to ask anew, or make a new plan"))
    }

    /// One that was only taken for the step's may have been a stranger's: the step's own may still be about.
    fn asks_anew(&mut self, step: &Step, noted: Option<Noted>, change: &Rid) -> Result<()> {
        match noted {
            Some(mut noted) => {
                noted.before.insert(change.clone());
                self.note(step, Record::Noted(noted))
            }
            None => {
                self.journal.forget(step);
                self.saved()
            }
        }
    }

    /// A request that is only taken for the step's, or is not listed: has the target what the step makes? That a
    /// request is not listed proves nothing about it, so the journal keeps it.
    async fn verify(
        &mut self,
        at: &Context,
        step: &Step,
        change: &Rid,
        config: Option<String>,
        noted: Option<Noted>,
        merged: bool,
    ) -> Result<()> {
        let asked = Noted { config, ..Noted::default() };
        let (there, looked) = (at.clone(), step.clone());
        let look = move || {
            let (at, step, asked) = (there.clone(), looked.clone(), asked.clone());
            async move { step.kind().look(&at, Some(&asked)).await }
        };
        let over = |seen: &Seen| if matches!(seen, Seen::Nothing) { Progress::Running } else { Progress::Done };
        let listing = Waiter::new(format!("the listing of `{step}`"), self.interval, look, over);
        let what = match listing.tries(LISTING_LOOKS).await? {
            Seen::Same(_) => return Ok(()),
            Seen::Nothing if !merged => {
                let words = format!("change request {change} is not listed, and the target lacks what it asked for");
                let advice = "run it again if it may still come; if it is gone for good, make a new plan";
                return Err(self.conflict(step, &words).advice(advice));
            }
            Seen::Nothing => format!("change request {change} is merged, and the target lacks what the step asks for"),
            Seen::Other(what) => what,
        };
        if merged {
            self.asks_anew(step, noted, change)?;
        }
        Err(self.conflict(step, &what).advice("run it again to ask anew, or make a new plan"))
    }

    /// Notes a step as done, once what it made is there for the steps that follow.
    async fn done(&mut self, at: &mut Context, step: &Step, rid: Option<Rid>) -> Result<()> {
        if at.target.is_none() {
            at.target = Some(created(at, step, rid.clone(), self.interval).await?);
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
        let config = listed.tries(LISTING_LOOKS).await?.ok_or_else(|| not_listed(at, step))?;
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

/// Looks for a trace of what was not answered, four intervals apart, before it is sent again: two minutes in all unless
/// told otherwise.
const UNANSWERED_LOOKS: u32 = 7;

/// The shortest pause between these looks: what a gateway gave up may take a minute, however often the run looks.
const UNANSWERED_PAUSE: Duration = Duration::from_secs(10);

awaitable!(Apply => ReplicationReport, run);
