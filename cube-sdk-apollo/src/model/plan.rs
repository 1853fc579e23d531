//! Plans of entities.

use std::fmt;

use cube_sdk_core::{Result, Timestamp};
use serde::Serialize;

use crate::answer::Answer;
use crate::client::Apollo;
use crate::graphql::wire;
use crate::ids::{AgentId, EntityId, EnvironmentId, Rid};
use crate::model::{Description, Entity, Environment, PlanTask};
use crate::words::PlanState;

/// What a plan is for, told by its state changes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
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
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # world.approve_all();
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// use std::time::Duration;
///
/// let change = apollo.entities("cube-7").enforce("mosquitto").await?;
/// let plan = change.plan().interval(Duration::from_millis(10)).await?;
/// let id = plan.resume_id(); // store it: another process can go on waiting
/// let ended = apollo.resume_plan(&id)?.wait().interval(Duration::from_millis(10)).await?;
/// assert!(ended.succeeded());
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[derive(Clone, Serialize)]
pub struct Plan {
    #[serde(skip)]
    pub(crate) apollo: Apollo,
    pub(crate) environment: EnvironmentId,
    pub(crate) entity_id: EntityId,
    pub(crate) entity: String,
    pub(crate) rid: Rid,
    agent: Option<AgentId>,
    proposed: Option<Timestamp>,
    started: Option<Timestamp>,
    ended: Option<Timestamp>,
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
    /// The one with this RID, of which nothing else is known yet.
    pub(crate) fn known(apollo: &Apollo, environment: EnvironmentId, entity: EntityId, rid: Rid) -> Self {
        Self {
            apollo: apollo.clone(),
            environment,
            entity: entity.to_string(),
            entity_id: entity,
            rid,
            agent: None,
            proposed: None,
            started: None,
            ended: None,
            state: None,
            result: None,
            reason: None,
            changes: Vec::new(),
            tasks: Vec::new(),
        }
    }

    /// The plans of an entity, newest first. One without a RID cannot be spoken of: beside errors it is left out.
    pub(crate) fn many(
        apollo: &Apollo,
        environment: &Environment,
        entity: &Entity,
        page: Option<wire::PlanPage>,
        answer: &Answer,
    ) -> Result<Vec<Self>> {
        let told = answer.whole(page.and_then(|page| page.plans), "/entity/nonGenericPlans/plans")?;
        let mut plans = Vec::new();
        for wire in told {
            let Some(rid) = wire.rid.filter(|rid| !rid.is_empty()) else {
                if answer.fault.is_some() {
                    continue;
                }
                return Err(answer.absent("/entity/nonGenericPlans/plans/rid"));
            };
            let status = wire.status.unwrap_or_default();
            let changes = answer.whole(Some(wire.state_changes), "/plan/stateChanges")?;
            plans.push(Self {
                apollo: apollo.clone(),
                environment: environment.id.clone(),
                entity_id: entity.id.clone(),
                entity: entity.name.clone(),
                rid: rid.into(),
                agent: wire.agent_id.map(AgentId::from),
                proposed: wire.proposed_time.0,
                started: wire.start_time.0,
                ended: wire.end_time.0,
                state: status.state,
                result: status.result.map(Description::from_wire),
                reason: status.reason.map(Description::from_wire),
                changes: changes.into_iter().filter_map(|change| change.change_type).collect(),
                tasks: wire.tasks.items.into_iter().map(PlanTask::from_wire).collect(),
            });
        }
        // The server's order is not documented; a stable sort keeps it where times are not told.
        plans.sort_by_key(|plan| std::cmp::Reverse(plan.proposed().or(plan.started())));
        Ok(plans)
    }

    /// Gone with the entity that it took down: carried out.
    pub(crate) fn gone(mut self) -> Self {
        self.state = Some(PlanState::Successful);
        self
    }

    /// The RID.
    pub const fn rid(&self) -> &Rid {
        &self.rid
    }

    /// The name of its entity; the id right after `resume_plan`.
    pub fn entity(&self) -> &str {
        &self.entity
    }

    /// The agent that carries it out.
    pub const fn agent(&self) -> Option<&AgentId> {
        self.agent.as_ref()
    }

    /// When it was proposed, where told.
    pub const fn proposed(&self) -> Option<Timestamp> {
        self.proposed
    }

    /// When it started.
    pub const fn started(&self) -> Option<Timestamp> {
        self.started
    }

    /// When it ended; none while it runs.
    pub const fn ended(&self) -> Option<Timestamp> {
        self.ended
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

    /// What another process needs to go on: `environment-id/entity-id/rid`. See `resume_plan` of the client.
    pub fn resume_id(&self) -> String {
        format!("{}/{}/{}", self.environment, self.entity_id, self.rid)
    }
}

/// An entity with its plans.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct EntityWithPlans {
    /// The entity.
    pub entity: Entity,
    /// At most ten plans; their order is not documented.
    pub plans: Vec<Plan>,
}

/// When an entity was changed of late.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RecentChanges {
    /// The entity name.
    pub entity_name: Option<String>,
    /// At most twenty plans; their order is not documented.
    pub plans: Vec<PlanTimes>,
}

/// Start, end and state of a plan.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PlanTimes {
    /// When it started.
    pub started: Option<Timestamp>,
    /// When it ended; none while it runs.
    pub ended: Option<Timestamp>,
    /// Where it stands.
    pub state: Option<PlanState>,
}

impl RecentChanges {
    pub(crate) fn from_wire(wire: wire::Entity, answer: &Answer) -> Result<Self> {
        let plans = answer.whole(wire.plans.and_then(|page| page.plans), "/entity/nonGenericPlans/plans")?;
        let times = plans.into_iter().map(|plan| PlanTimes {
            started: plan.start_time.0,
            ended: plan.end_time.0,
            state: plan.status.and_then(|status| status.state),
        });
        Ok(Self { entity_name: wire.entity_locator.and_then(|locator| locator.entity_name), plans: times.collect() })
    }

    /// The latest end of a plan, else the latest start. None for a full page of plans whose times do not tell in which
    /// direction it was cut.
    pub fn last_change(&self) -> Option<Timestamp> {
        const PAGE: usize = 20;
        let starts: Vec<_> = self.plans.iter().filter_map(|plan| plan.started).collect();
        if self.plans.len() >= PAGE && !starts.is_sorted_by(|a, b| a >= b) {
            return None;
        }
        let ends = self.plans.iter().filter_map(|plan| plan.ended).max();
        ends.max(starts.into_iter().max())
    }
}
