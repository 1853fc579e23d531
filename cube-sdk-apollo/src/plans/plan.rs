//! One plan.

use std::fmt;

use cube_sdk_core::waiter::{Progress, Waiter};
use cube_sdk_core::{Error, ErrorKind, Result, Timestamp, open_enum};

use super::{Description, PlanTask};
use crate::change_requests::INTERVAL;
use crate::client::Apollo;
use crate::entities::Entity;
use crate::environments::Environment;
use crate::graphql::wire;
use crate::ids::{AgentId, EntityId, EnvironmentId, Rid};
use crate::read::Session;

open_enum! {
    /// Where a plan stands. The words mix states with kinds of result, as the server does.
    pub enum PlanState {
        /// Running.
        Active = "ACTIVE",
        /// About to be interrupted.
        PendingInterruption = "PENDING_INTERRUPTION",
        /// Done.
        Successful = "SUCCESSFUL",
        /// Done.
        Success = "SUCCESS",
        /// Failed.
        Unsuccessful = "UNSUCCESSFUL",
        /// Failed.
        Failure = "FAILURE",
        /// Ended without success.
        Aborted = "ABORTED",
        /// Ended without success.
        Timeout = "TIMEOUT",
        /// Ended without success.
        Interrupted = "INTERRUPTED",
    }
}

/// What a plan is for, told by its state changes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ChangeKind {
    /// Brings an entity up.
    Install,
    /// Applies config.
    EnforceConfig,
    /// Changes the version.
    Upgrade,
    /// Takes an entity down.
    Uninstall,
    /// Something else.
    Other,
}

/// A plan as it was when read. Cheap enough to clone.
#[derive(Clone)]
pub struct Plan {
    apollo: Apollo,
    environment: EnvironmentId,
    entity_id: EntityId,
    entity: String,
    rid: Rid,
    agent: Option<AgentId>,
    times: [Option<Timestamp>; 3],
    state: Option<PlanState>,
    result: Option<Description>,
    reason: Option<Description>,
    changes: Vec<String>,
    tasks: Vec<PlanTask>,
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("rid", &self.rid.as_str())
            .field("entity", &self.entity)
            .field("state", &self.state)
            .field("tasks", &self.tasks.len())
            .finish_non_exhaustive()
    }
}

impl Plan {
    pub(super) fn known(apollo: &Apollo, environment: EnvironmentId, entity: EntityId, rid: Rid) -> Self {
        Self {
            apollo: apollo.clone(),
            environment,
            entity: entity.to_string(),
            entity_id: entity,
            rid,
            agent: None,
            times: [None; 3],
            state: None,
            result: None,
            reason: None,
            changes: Vec::new(),
            tasks: Vec::new(),
        }
    }

    /// The plans of an entity, newest first; one without a RID cannot be spoken of and is left out.
    pub(crate) fn many(
        apollo: &Apollo,
        environment: &Environment,
        entity: &Entity,
        plans: Vec<wire::Plan>,
    ) -> Vec<Self> {
        let mut plans: Vec<_> = plans
            .into_iter()
            .filter_map(|wire| {
                let status = wire.status.unwrap_or_default();
                Some(Self {
                    apollo: apollo.clone(),
                    environment: environment.id.clone(),
                    entity_id: entity.id.clone(),
                    entity: entity.name.clone(),
                    rid: wire.rid?.into(),
                    agent: wire.agent_id.map(AgentId::from),
                    times: [wire.proposed_time.0, wire.start_time.0, wire.end_time.0],
                    state: status.state,
                    result: status.result.map(Description::from_wire),
                    reason: status.reason.map(Description::from_wire),
                    changes: wire.state_changes.0.into_iter().filter_map(|change| change.change_type).collect(),
                    tasks: wire.tasks.0.into_iter().map(PlanTask::from_wire).collect(),
                })
            })
            .collect();
        // The server's order is not documented; a stable sort keeps it where times are not told.
        plans.sort_by_key(|plan| std::cmp::Reverse(plan.proposed().or(plan.started())));
        plans
    }

    /// The RID.
    pub const fn rid(&self) -> &Rid {
        &self.rid
    }

    /// The name of its entity; the id right after [`Apollo::resume_plan`].
    pub fn entity(&self) -> &str {
        &self.entity
    }

    /// The agent that carries it out.
    pub const fn agent(&self) -> Option<&AgentId> {
        self.agent.as_ref()
    }

    /// When it was proposed, where told.
    pub const fn proposed(&self) -> Option<Timestamp> {
        self.times[0]
    }

    /// When it started.
    pub const fn started(&self) -> Option<Timestamp> {
        self.times[1]
    }

    /// When it ended; none while it runs.
    pub const fn ended(&self) -> Option<Timestamp> {
        self.times[2]
    }

    /// Where it stood when it was read.
    pub const fn state(&self) -> Option<&PlanState> {
        self.state.as_ref()
    }

    /// What came of it.
    pub const fn result(&self) -> Option<&Description> {
        self.result.as_ref()
    }

    /// Why it stands where it stands.
    pub const fn reason(&self) -> Option<&Description> {
        self.reason.as_ref()
    }

    /// The kinds of its state changes, in the server's words.
    pub fn changes(&self) -> &[String] {
        &self.changes
    }

    /// Its tasks, two levels deep.
    pub fn tasks(&self) -> &[PlanTask] {
        &self.tasks
    }

    /// Does it still run? A state that this version does not know counts as running until an end is told.
    pub fn is_running(&self) -> bool {
        match &self.state {
            Some(PlanState::Active | PlanState::PendingInterruption) => true,
            Some(state) if state.is_known() => false,
            _ => self.ended().is_none(),
        }
    }

    /// Did it end well?
    pub const fn succeeded(&self) -> bool {
        matches!(self.state, Some(PlanState::Successful | PlanState::Success))
    }

    /// What it is for. An uninstalling change is not read as installing.
    pub fn kind(&self) -> ChangeKind {
        let has = |word: &str| self.changes.iter().any(|change| change.to_uppercase().contains(word));
        let installs =
            self.changes.iter().any(|change| change.to_uppercase().replace("UNINSTALL", "").contains("INSTALL"));
        match () {
            () if has("ENFORCE") || has("CONFIG") => ChangeKind::EnforceConfig,
            () if has("UPGRADE") => ChangeKind::Upgrade,
            () if has("UNINSTALL") => ChangeKind::Uninstall,
            () if installs => ChangeKind::Install,
            () => ChangeKind::Other,
        }
    }

    /// Tasks whose state differs from an earlier reading of this plan, new ones included.
    pub fn tasks_moved_since<'a>(&'a self, earlier: &Self) -> Vec<&'a PlanTask> {
        let known: Vec<_> = earlier.tasks.iter().flat_map(PlanTask::with_subtasks).collect();
        let now = self.tasks.iter().flat_map(PlanTask::with_subtasks);
        now.filter(|task| !known.iter().any(|before| before.is_same_as(task) && before.state == task.state)).collect()
    }

    /// What another process needs to go on: `environment-id/entity-id/rid`. See [`Apollo::resume_plan`].
    pub fn resume_id(&self) -> String {
        format!("{}/{}/{}", self.environment, self.entity_id, self.rid)
    }

    /// Waits until it has ended, well or not, looking every 5 s at its entity's plans.
    pub fn wait(&self) -> Waiter<Self> {
        let this = self.clone();
        let what = format!("plan {}", self.rid);
        Waiter::new(
            what,
            INTERVAL,
            move || {
                let this = this.clone();
                async move { this.look().await }
            },
            |plan: &Self| if plan.is_running() { Progress::Running } else { Progress::Done },
        )
    }

    async fn look(&self) -> Result<Self> {
        let session = Session::strict(self.apollo.clone());
        let environment = Environment::by_id(self.environment.clone());
        let plans = session.plans_of(&self.apollo, &environment, &self.entity_id, 50).await?;
        plans.into_iter().find(|plan| plan.rid == self.rid).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "it is not among the last 50 plans of its entity")
                .with_target(self.rid.to_string())
        })
    }
}
