//! Replies as they come: every field may be absent, unknown words and union members keep their names.

use cube_sdk_core::{SecretString, Timestamp};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::words::{ChangeRequestStatus, ConfigStatus, HealthState, HealthStatus, PlanState, RolloutStatus, TaskState};

/// A list. Its null items are counted and left out; where it matters whether it is null itself, it stands in an
/// `Option`.
pub(crate) struct List<T> {
    pub(crate) items: Vec<T>,
    pub(crate) nulls: usize,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { items: Vec::new(), nulls: 0 }
    }
}

impl<T> List<T> {
    /// The items; none when one of them is missing.
    pub(crate) fn whole(self) -> Option<Vec<T>> {
        (self.nulls == 0).then_some(self.items)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let found = Option::<Vec<Option<T>>>::deserialize(from)?.unwrap_or_default();
        let all = found.len();
        let items: Vec<T> = found.into_iter().flatten().collect();
        Ok(Self { nulls: all - items.len(), items })
    }
}

/// A time; one that cannot be read counts as absent, because nothing depends on it alone.
#[derive(Default)]
pub(crate) struct When(pub(crate) Option<Timestamp>);

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Option::<Value>::deserialize(from)?;
        Ok(Self(text.as_ref().and_then(Value::as_str).and_then(|text| text.parse().ok())))
    }
}

macro_rules! wire {
    ($($name:ident { $($field:ident: $type:ty $(as $wire:literal)?),* $(,)? })*) => {$(
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub(crate) struct $name {
            $($(#[serde(rename = $wire)])? pub(crate) $field: $type,)*
        }
    )*};
}

type Text = Option<String>;

wire! {
    Environment {
        id: Text, rid: Text, name: Text, space_id: Text, namespace_id: Text, accreditation: Text,
        display_metadata: Option<DisplayMetadata> as "displayMetadataV2",
        agents: List<Agent>, role_policy: Option<RolePolicy>,
        entities: Option<EntityPage>, modules: Option<Modules> as "moduleInstallationsV2",
    }
    DisplayMetadata { display_name: Text }
    Agent { type_name: Text as "__typename", agent_id: Text, connection_status: Text, last_updated: When }
    RolePolicy { team_role_statements: Option<List<TeamRole>> }
    TeamRole { team: Option<Team> }
    Team { name: Text }
    EntityPage { entities: Option<List<Entity>>, next_page_token: Option<Value> }
    Entity {
        id: Text, rid: Text, display_name: Text, lifecycle_status: Text,
        environment: Option<Environment>, product: Option<Product>, entity_locator: Option<Locator>,
        reported_status: Option<Reported>, declared_state: Option<Declared>,
        reported_config_overrides: Option<ReportedOverrides>,
        installed_by: Option<Module> as "installedByModuleV2",
        plan_status: Option<PlanStatusLabel>, plans: Option<PlanPage> as "nonGenericPlans",
        node_healths: Option<NodeHealthPage>, secrets: Option<List<Secret>>,
    }
    Locator { type_name: Text as "__typename", entity_name: Text, kind: Text as "type" }
    Reported {
        version: Text, rollout_status: Option<RolloutStatus>, config_status: Option<ConfigStatus>,
        health_status: Option<HealthStatus>, upgrade_blocker_types: List<String>,
    }
    Declared { config: Option<List<SecretString>>, release_channel: Text }
    ReportedOverrides { type_name: Text as "__typename", overrides: Option<Value> }
    PlanStatusLabel { type_name: Text as "__typename", blocked_changes_count: Option<i64> }
    PlanPage { plans: Option<List<Plan>> }
    Plan {
        rid: Text, agent_id: Text, proposed_time: When, start_time: When, end_time: When,
        status: Option<PlanStatus>, state_changes: List<StateChange>, tasks: List<Task>,
    }
    PlanStatus { state: Option<PlanState> as "type", result: Option<Description>, reason: Option<Description> }
    Description { kind: Text as "type", summary: Text, metadata_map: Option<Value> }
    StateChange { entity_type: Text, change_type: Text }
    Task {
        rid: Text, origin: Text, description: Option<Description>, created_at: When, status: Option<TaskStatus>,
        latest_event: Option<TaskEvent>, events: List<TaskEvent>, subtasks: List<Task>,
    }
    TaskStatus { state: Option<TaskState> as "type", updated_at: When, description: Option<Description> }
    TaskEvent { timestamp: When, description: Option<Description> }
    NodeHealthPage { node_healths: Option<List<NodeHealth>>, next_page_token: Option<Value> }
    NodeHealth {
        node_id: Text, updated_timestamp: When, heartbeat_timestamp: When,
        container_health: Option<List<ContainerHealth>>,
    }
    ContainerHealth { container_id: Text, liveness: Option<Value>, readiness: Option<Value>, checks: Option<List<Check>> }
    Check { name: Text, kind: Text as "type", message: Text, state: Option<HealthState>, params: Option<CheckParams> }
    CheckParams { error_message: Text }
    Modules { module_installations: Option<List<Module>> }
    Module {
        rid: Text, display_name: Text, coordinate: Text as "moduleMavenCoordinate", state: Option<TypeName>,
        variables: Option<List<Variable>>,
    }
    TypeName { type_name: Text as "__typename" }
    Variable { variable_name: Text, variable_value: Option<VariableValue> }
    VariableValue { type_name: Text as "__typename", value: Option<SecretString> }
    Secret { rid: Text, name: Text, specification: Option<SecretSpecification> }
    SecretSpecification { type_name: Text as "__typename", keys: Option<List<SecretKey>> }
    SecretKey { key: Text }
    Product { product_id: Text, labels: List<Label> }
    Label { label_id: Text, label_value: Text }
    Release { type_name: Text as "__typename", rid: Text, maven_coordinate: Text, release_channels: List<Channel> }
    Channel { rid: Text, name: Text, metadata: Option<ChannelMetadata> }
    ChannelMetadata { description: Text, kind: Text as "type" }
    ChangeRequest {
        rid: Text, title: Text, request_status: Option<ChangeRequestStatus>, created_at: When,
        environment: Option<Environment>,
    }
    OpenedChangeRequest { change_request: Option<ChangeRequest>, error: Option<TypeName> }
    ReleaseOutcome {
        type_name: Text as "__typename", rid: Text, maven_coordinate: Text, message: Text,
        rejection_reasons: List<Rejection>,
    }
    Rejection { message: Text, metadata: List<KeyValue> }
    KeyValue { key: Text, value: Text }
}
