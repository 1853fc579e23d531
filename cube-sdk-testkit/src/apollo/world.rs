//! The state of the double, and how it moves.

use cube_sdk_core::Timestamp;
use serde_json::{Value, json};

use super::yaml;

/// A mutation that ran.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Execution {
    /// The field below `Mutation.apollo`.
    pub field: String,
    /// Its arguments.
    pub arguments: Value,
}

/// A change request as it stands.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Requested {
    /// Its RID.
    pub rid: String,
    /// The id of its environment.
    pub environment: String,
    /// Its title.
    pub title: String,
    /// Its status in Apollo's word.
    pub status: String,
}

/// An error of a field.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) message: String,
    pub(crate) code: &'static str,
    pub(crate) name: &'static str,
    pub(crate) parameters: Box<Value>,
}

impl Refusal {
    pub(crate) fn not_found(what: &str, id: &str) -> Self {
        Self {
            message: format!("no {what} {id}"),
            code: "NOT_FOUND",
            name: "Apollo:NotFound",
            parameters: Box::new(json!({ "id": id })),
        }
    }

    pub(crate) fn conflict(message: String) -> Self {
        Self { message, code: "CONFLICT", name: "Apollo:Conflict", parameters: Box::default() }
    }

    pub(crate) fn invalid(message: String) -> Self {
        Self { message, code: "INVALID_ARGUMENT", name: "Apollo:InvalidArgument", parameters: Box::default() }
    }
}

pub(crate) struct Environment {
    pub(crate) id: String,
    pub(crate) rid: String,
    pub(crate) name: String,
    pub(crate) space: String,
    pub(crate) namespace: String,
    pub(crate) accreditation: String,
    pub(crate) agents: Vec<Agent>,
}

pub(crate) struct Agent {
    pub(crate) id: String,
    pub(crate) last_updated: Option<String>,
}

pub(crate) struct Entity {
    pub(crate) id: String,
    pub(crate) rid: String,
    pub(crate) environment: String,
    pub(crate) name: String,
    pub(crate) product: String,
    pub(crate) channel: Option<String>,
    pub(crate) config: Vec<String>,
    pub(crate) reported: Option<Value>,
    pub(crate) overrides: Value,
    pub(crate) blocked: Option<i64>,
    pub(crate) managed_by: Option<String>,
    pub(crate) secrets: Vec<Secret>,
    pub(crate) plans: Vec<Plan>,
    pub(crate) nodes: Vec<Value>,
}

impl Entity {
    /// Declares one config text and lets the agent report its overrides.
    pub(crate) fn declare(&mut self, text: &str) {
        self.config = vec![text.to_owned()];
        self.report();
    }

    pub(crate) fn report(&mut self) {
        let parsed = self.config.first().and_then(|text| yaml::read(text));
        let body = parsed.and_then(|parsed| parsed.as_object()?.values().next().cloned());
        self.overrides = body.and_then(|body| body.get("overrides").cloned()).unwrap_or_default();
    }
}

pub(crate) struct Secret {
    pub(crate) rid: String,
    pub(crate) name: String,
    pub(crate) keys: Vec<(String, String)>,
}

pub(crate) struct Plan {
    pub(crate) rid: String,
    pub(crate) agent: String,
    pub(crate) change: &'static str,
    pub(crate) age: u8,
    pub(crate) stage: u8,
    pub(crate) interrupted: bool,
    pub(crate) times: [Option<String>; 3],
}

/// Queries that one stage of a plan lasts.
const STAGE: u8 = 4;

/// The stage in which a plan is done.
pub(crate) const DONE: u8 = 3;

pub(crate) struct Module {
    pub(crate) rid: String,
    pub(crate) environment: String,
    pub(crate) display_name: Option<String>,
    pub(crate) coordinate: String,
    pub(crate) variables: Vec<Value>,
}

pub(crate) struct Product {
    pub(crate) id: String,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) releases: Vec<Release>,
}

pub(crate) struct Release {
    pub(crate) rid: String,
    pub(crate) coordinate: String,
    pub(crate) channels: Vec<String>,
}

pub(crate) struct Change {
    pub(crate) rid: String,
    pub(crate) environment: String,
    pub(crate) title: String,
    pub(crate) status: &'static str,
    pub(crate) created_at: String,
    pub(crate) effect: Effect,
}

#[derive(Clone)]
pub(crate) enum Effect {
    Install(Value),
    Uninstall(String),
    Config(String, String),
    Enforce(String),
    DeleteEnvironment,
}

#[derive(Default)]
pub(crate) struct World {
    pub(crate) approve_all: bool,
    pub(crate) environments: Vec<Environment>,
    pub(crate) entities: Vec<Entity>,
    pub(crate) modules: Vec<Module>,
    pub(crate) products: Vec<Product>,
    pub(crate) changes: Vec<Change>,
    pub(crate) executions: Vec<Execution>,
    /// Seconds that Apollo's clock is behind this machine's.
    pub(crate) behind: u64,
    serial: u64,
}

impl World {
    /// The time by Apollo's clock.
    pub(crate) fn now(&self) -> String {
        Timestamp::now().saturating_sub(std::time::Duration::from_secs(self.behind)).to_string()
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    pub(crate) fn rid(&mut self, kind: &str) -> String {
        format!("ri.{kind}.1.{:08}", self.next())
    }

    pub(crate) fn add_environment(&mut self, name: &str, accreditation: &str) -> String {
        let serial = self.next();
        let id = format!("env-{serial:05}");
        let agents = vec![
            Agent { id: format!("agent-{serial:05}-a"), last_updated: Some(self.now()) },
            Agent { id: format!("agent-{serial:05}-b"), last_updated: None },
        ];
        self.environments.push(Environment {
            id: id.clone(),
            rid: format!("ri.apollo.1.environment.{serial:05}"),
            name: name.to_owned(),
            space: "space-main".into(),
            namespace: format!("namespace-{serial:05}"),
            accreditation: accreditation.to_owned(),
            agents,
        });
        id
    }

    pub(crate) fn add_entity(&mut self, environment: &str, name: &str, product: &str) -> usize {
        let serial = self.next();
        self.entities.push(Entity {
            id: format!("entity-{serial:05}"),
            rid: format!("ri.apollo.1.entity.{serial:05}"),
            environment: environment.to_owned(),
            name: name.to_owned(),
            product: product.to_owned(),
            channel: Some("DEV".into()),
            config: Vec::new(),
            reported: None,
            overrides: Value::Null,
            blocked: None,
            managed_by: None,
            secrets: Vec::new(),
            plans: Vec::new(),
            nodes: Vec::new(),
        });
        self.entities.len() - 1
    }

    pub(crate) fn open(&mut self, environment: &str, title: String, effect: Effect) -> Value {
        let rid = self.rid("approval");
        let status = if self.approve_all { "APPROVED" } else { "PENDING_APPROVALS" };
        let created_at = self.now();
        self.changes.push(Change { rid, environment: environment.to_owned(), title, status, created_at, effect });
        self.changes.last().map_or(Value::Null, |change| self.change(change))
    }

    /// One step of everything that moves.
    pub(crate) fn tick(&mut self) {
        let now = self.now();
        for index in 0..self.changes.len() {
            let change = &mut self.changes[index];
            match change.status {
                "APPROVED" => change.status = "APPROVED_APPLYING",
                "APPROVED_APPLYING" => {
                    let (environment, effect) = (change.environment.clone(), change.effect.clone());
                    self.changes[index].status =
                        if self.apply(&environment, effect) { "APPROVED_MERGED" } else { "ERROR" };
                }
                _ => {}
            }
        }
        for entity in &mut self.entities {
            let moved = entity.plans.iter_mut().filter(|plan| plan.stage < DONE && !plan.interrupted);
            let mut finished = false;
            for plan in moved {
                plan.age += 1;
                if !plan.age.is_multiple_of(STAGE) {
                    continue;
                }
                plan.stage += 1;
                match plan.stage {
                    1 => plan.times[1] = Some(now.clone()),
                    DONE => {
                        plan.times[2] = Some(now.clone());
                        finished = true;
                    }
                    _ => {}
                }
            }
            if finished {
                entity.report();
                let release = self.products.iter().find(|product| product.id == entity.product);
                let version = release
                    .and_then(|product| product.releases.first())
                    .map_or("1.0.0", |release| release.coordinate.rsplit(':').next().unwrap_or_default());
                entity.reported = Some(json!({
                    "version": version, "rolloutStatus": "UP_TO_DATE", "configStatus": "UP_TO_DATE",
                    "healthStatus": "HEALTHY", "upgradeBlockerTypes": [],
                }));
            }
        }
        let environments = &self.environments;
        self.entities.retain(|entity| {
            let leaving = entity.plans.iter().any(|plan| plan.change == "UNINSTALL" && plan.stage == DONE);
            !leaving && environments.iter().any(|environment| environment.id == entity.environment)
        });
    }

    /// Carries out a change request; false when it cannot be by now.
    fn apply(&mut self, environment: &str, effect: Effect) -> bool {
        match effect {
            Effect::DeleteEnvironment => {
                self.environments.retain(|found| found.id != environment);
                self.modules.retain(|module| module.environment != environment);
                true
            }
            Effect::Install(inputs) => {
                let inputs = inputs.as_array().cloned().unwrap_or_default();
                let text = |input: &Value, name: &str| input[name].as_str().unwrap_or_default().to_owned();
                let is_taken = |input: &Value| {
                    let mut own = self.entities.iter().filter(|entity| entity.environment == environment);
                    own.any(|entity| entity.name == text(input, "entityName"))
                };
                if inputs.iter().any(is_taken) {
                    return false;
                }
                for input in &inputs {
                    let index = self.add_entity(environment, &text(input, "entityName"), &text(input, "productId"));
                    let configs = input["configOverrides"].as_array().into_iter().flatten();
                    let configs: Vec<_> = configs.filter_map(Value::as_str).map(str::to_owned).collect();
                    if let Some(entity) = self.entities.get_mut(index) {
                        entity.config = configs;
                        if let Some(channel) = input["releaseChannel"].as_str() {
                            entity.channel = Some(channel.to_owned());
                        }
                    }
                    self.plan(index, "INSTALL");
                }
                true
            }
            Effect::Uninstall(id) => self.plan_of(&id, "UNINSTALL"),
            Effect::Enforce(id) => self.plan_of(&id, "ENFORCE_CONFIG"),
            Effect::Config(id, text) => {
                if let Some(entity) = self.entities.iter_mut().find(|entity| entity.id == id) {
                    entity.config = vec![text];
                }
                self.plan_of(&id, "ENFORCE_CONFIG")
            }
        }
    }

    fn plan_of(&mut self, id: &str, change: &'static str) -> bool {
        let index = self.entities.iter().position(|entity| entity.id == id);
        index.inspect(|index| self.plan(*index, change)).is_some()
    }

    pub(crate) fn plan(&mut self, index: usize, change: &'static str) {
        let (rid, now) = (self.rid("plan"), self.now());
        let Some(entity) = self.entities.get_mut(index) else { return };
        let environment = self.environments.iter().find(|environment| environment.id == entity.environment);
        let agent = environment.and_then(|environment| environment.agents.first()).map(|agent| agent.id.clone());
        let times = [Some(now), None, None];
        let agent = agent.unwrap_or_default();
        entity.plans.insert(0, Plan { rid, agent, change, age: 0, stage: 0, interrupted: false, times });
    }
}
