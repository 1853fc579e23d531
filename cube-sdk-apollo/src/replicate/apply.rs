//! Applying a plan: each step noted before it is sent, sent once, and waited for.

use std::sync::Arc;
use std::time::Duration;

use cube_sdk_core::waiter::{Progress, Waiter};
use cube_sdk_core::{Error, ErrorKind, Result, Timestamp, WhichClock, awaitable};

use super::planner::{each_page, find_target};
use super::steps::Sent;
use super::{Journal, NoSecrets, Record, ReplicationPlan, SecretSource, Step};
use crate::change_requests::INTERVAL;
use crate::client::Apollo;
use crate::environments::Environment;
use crate::graphql::{CleanupCheck, cleanup_check};
use crate::ids::Rid;
use crate::read::Session;

/// What became of a step, told as it becomes so.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// The step.
    pub step: Step,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a step.
#[derive(Clone, Debug, Eq, PartialEq)]
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
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Pending {
    /// The step.
    pub step: Step,
    /// Why.
    pub why: String,
}

/// What a run came to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReplicationReport {
    /// The journal, for a later run.
    pub journal: Journal,
    /// Steps that could not be done yet, such as secrets without values.
    pub pending: Vec<Pending>,
    /// Names and RIDs of the target's entities after the run.
    pub entities: Vec<(String, Option<Rid>)>,
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
    pub fn apply(&self, plan: &ReplicationPlan, journal: Journal) -> Apply {
        Apply {
            apollo: self.clone(),
            plan: plan.clone(),
            journal,
            save: None,
            watch: None,
            secrets: Arc::new(NoSecrets),
            interval: INTERVAL,
            approval_timeout: None,
        }
    }
}

/// What every step of a run shares.
pub(super) struct Context {
    pub(super) apollo: Apollo,
    pub(super) session: Session,
    pub(super) source: Environment,
    pub(super) target: Option<Environment>,
    pub(super) target_name: String,
    pub(super) secrets: Arc<dyn SecretSource>,
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
        let mut context = self.context().await?;
        let mut steps = std::mem::take(&mut self.plan.steps);
        steps.sort_by_key(Step::phase);
        let mut pending = Vec::new();
        for phase in steps.chunk_by(|a, b| a.phase() == b.phase()) {
            for step in phase {
                if let Some(why) = self.begin(&mut context, step).await? {
                    pending.push(Pending { step: step.clone(), why });
                }
            }
            for step in phase {
                self.finish(&context, step).await?;
            }
        }
        let mut entities = Vec::new();
        let target = context.target()?;
        each_page::<CleanupCheck>(
            &context.session,
            target,
            |id| cleanup_check::Variables { id },
            |page| {
                for entity in page.entities.map(|page| page.entities.0).unwrap_or_default() {
                    let name = entity.entity_locator.and_then(|locator| locator.entity_name);
                    entities.push((name.unwrap_or_default(), entity.rid.map(Rid::from)));
                }
            },
        )
        .await?;
        Ok(ReplicationReport { journal: self.journal, pending, entities })
    }

    async fn context(&mut self) -> Result<Context> {
        let session = Session::strict(self.apollo.clone());
        let id =
            self.plan.source.id.clone().ok_or_else(|| {
                Error::new(ErrorKind::InvalidInput, "the plan names no source").advice("make a new plan")
            })?;
        let mut source = Environment::by_id(id);
        source.name.clone_from(&self.plan.source.name);
        let target = find_target(&self.apollo, &self.plan.target.name).await?;
        if let (Some(planned), Some(found)) = (&self.plan.target.id, &target)
            && *planned != found.id
        {
            return Err(Error::new(ErrorKind::Conflict, "another environment has the target's name now")
                .with_target(found.name.clone())
                .advice("make a new plan"));
        }
        Ok(Context {
            apollo: self.apollo.clone(),
            session,
            source,
            target,
            target_name: self.plan.target.name.clone(),
            secrets: self.secrets.clone(),
        })
    }

    /// Brings a step to the point where it is done or waits for approval; tells why it could not.
    async fn begin(&mut self, context: &mut Context, step: &Step) -> Result<Option<String>> {
        match self.journal.step(step).cloned() {
            Some(Record::Done { .. }) => {
                self.tell(step, Outcome::AlreadyDone);
                return Ok(None);
            }
            Some(Record::Opened { .. }) => return Ok(None),
            Some(Record::Noted { at }) => {
                let found = match context.happened(step).await? {
                    Some(record) => Some(record),
                    None => context.opened_since(step, at, &self.journal).await?,
                };
                if let Some(record) = found {
                    let done = matches!(record, Record::Done { .. });
                    self.note(step, record)?;
                    if done {
                        self.tell(step, Outcome::Done);
                    }
                    return Ok(None);
                }
            }
            None => {
                if let Some(record) = context.happened(step).await? {
                    self.note(step, record)?;
                    self.tell(step, Outcome::AlreadyDone);
                    return Ok(None);
                }
            }
        }
        let ready = context.ready(step).await?;
        self.note(step, Record::Noted { at: Timestamp::now() })?;
        match context.send(ready).await {
            Ok(Sent::Done(rid)) => {
                if matches!(step, Step::CreateEnvironment { .. }) {
                    context.target = find_target(&context.apollo, &context.target_name).await?;
                }
                self.note(step, Record::Done { rid })?;
                self.tell(step, Outcome::Done);
            }
            Ok(Sent::Opened(change)) => self.note(step, Record::Opened { change })?,
            Ok(Sent::Pending(why)) => {
                self.forget(step)?;
                self.tell(step, Outcome::Pending(why.clone()));
                return Ok(Some(why));
            }
            Err(error) => {
                // Only where it is not known whether it ran must the note stay.
                if error.sent() != cube_sdk_core::error::Sent::Unknown && !error.is_transient() {
                    self.forget(step)?;
                }
                return Err(error);
            }
        }
        Ok(None)
    }

    /// Waits until a step that opened a change request is done.
    async fn finish(&mut self, context: &Context, step: &Step) -> Result<()> {
        let Some(Record::Opened { change }) = self.journal.step(step).cloned() else { return Ok(()) };
        self.tell(step, Outcome::Waiting(change.clone()));
        let mut waiter = context.change(&change)?.wait().interval(self.interval);
        if let Some(limit) = self.approval_timeout {
            waiter = waiter.timeout(limit);
        }
        let state = waiter.await?;
        if !state.is_merged() {
            self.forget(step)?;
            let status = state.status().map_or("unknown", |status| status.as_str());
            return Err(Error::new(ErrorKind::Conflict, format!("the change request of `{step}` ended {status}"))
                .with_target(change.to_string())
                .advice("run it again to ask anew, or make a new plan"));
        }
        if let Step::InstallEntity { entity, .. } = step {
            self.until_listed(context, entity).await?;
        }
        self.note(step, Record::Done { rid: Some(change) })?;
        self.tell(step, Outcome::Done);
        Ok(())
    }

    /// Config and secrets of an entity need it to be listed, which may lag behind the merge.
    async fn until_listed(&mut self, context: &Context, entity: &str) -> Result<()> {
        let (session, target, name) = (context.session.clone(), context.target()?.clone(), entity.to_owned());
        let listed = Waiter::new(
            format!("the listing of entity {entity}"),
            self.interval,
            move || {
                let (session, target, name) = (session.clone(), target.clone(), name.clone());
                async move { Ok(session.entity_named(&target, &name).await?.is_some()) }
            },
            |listed: &bool| if *listed { Progress::Done } else { Progress::Running },
        );
        if listed.tries(60).await? {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Timeout, format!("entity {entity} was approved and is not listed yet"))
            .with_clock(WhichClock::Waiter)
            .with_target(context.target_name.clone())
            .advice("run it again with the same journal"))
    }

    fn note(&mut self, step: &Step, record: Record) -> Result<()> {
        self.journal.set(step, record);
        self.saved()
    }

    fn forget(&mut self, step: &Step) -> Result<()> {
        self.journal.forget(step);
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

awaitable!(Apply => ReplicationReport, run);
