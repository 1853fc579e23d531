//! Making the plan: two reads, nothing written.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use cube_sdk_core::redact::placeholder_positions;
use cube_sdk_core::{Error, ErrorKind, Result, awaitable};

use super::contents::{Contents, Held, Source};
use super::context::find_target;
use super::differences::{ROLES, Standing};
use super::plan::{Place, ReplicationPlan};
use super::steps::{CreateEnvironment, CreateSecret, InstallEntity, InstallModule, Step, WriteConfig};
use crate::choice::Match;
use crate::client::Apollo;
use crate::entity_config::{EntityConfig, is_blank};
use crate::graphql::wire;
use crate::ids::{EntityId, MavenCoordinate, ProductId};
use crate::mode::Mode;
use crate::model::{Entity, Environment, VariableKind, secrets_of};
use crate::references::EnvironmentRef;

impl Apollo {
    /// Plans to copy an environment into another, which is created when missing. Nothing is written.
    ///
    /// # Errors
    /// When awaited: `InvalidInput` when source and target are one, or an environment has the target's name but for case;
    /// `Conflict` when several have it; `Decode` when a reply leaves out something of the target, which would be made
    /// twice; and those of the reads.
    pub fn replicate(&self, source: impl Into<EnvironmentRef>, target: impl Into<String>) -> PlanReplication {
        PlanReplication {
            apollo: self.clone(),
            source: source.into(),
            target: target.into(),
            accreditation: "DEV".into(),
            namespaces: BTreeMap::new(),
        }
    }
}

/// Reads source and target when awaited, and says what copying would do.
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// let plan = apollo.replicate("cube-7", "cube-7-spare").accreditation("DEV").namespace("mosquitto", "mqtt").await?;
/// println!("{plan}"); // what would be made, and what is not carried over
/// assert!(!plan.is_empty());
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[derive(Clone, Debug)]
#[must_use = "awaiting it makes the plan"]
pub struct PlanReplication {
    apollo: Apollo,
    source: EnvironmentRef,
    target: String,
    accreditation: String,
    namespaces: BTreeMap<String, String>,
}

impl PlanReplication {
    /// The accreditation of a target that is created. Default `DEV`.
    pub fn accreditation(mut self, level: impl Into<String>) -> Self {
        self.accreditation = level.into();
        self
    }

    /// The Kubernetes namespace of an entity, which Apollo does not tell. Default `default`.
    pub fn namespace(mut self, entity: impl Into<String>, namespace: impl Into<String>) -> Self {
        self.namespaces.insert(entity.into(), namespace.into());
        self
    }

    async fn plan(self) -> Result<ReplicationPlan> {
        let mode = Mode::strict(&self.apollo);
        let source = mode.environment(&self.source, Match::Free).await?;
        let target = find_target(&mode, &self.target).await?;
        if target.as_ref().is_some_and(|target| target.id == source.id) {
            return Err(Error::new(ErrorKind::InvalidInput, "source and target are the same environment")
                .with_target(source.name));
        }
        let mut from = Source::read(&mode, &source).await?;
        let (entities, modules) = (std::mem::take(&mut from.entities), from.modules.take());
        let there = match &target {
            Some(target) => Contents::read(&mode, target).await?,
            None => Contents::default(),
        };
        let mut plan = ReplicationPlan {
            source: Place { id: Some(source.id.clone()), name: source.name.clone() },
            target: Place {
                id: target.as_ref().map(|target| target.id.clone()),
                name: target.as_ref().map_or_else(|| self.target.trim().to_owned(), |target| target.name.clone()),
            },
            steps: Vec::new(),
            existing: Vec::new(),
            by_modules: Vec::new(),
            not_carried: Vec::new(),
        };
        let has = match &target {
            Some(target) => Source::read(&mode, target).await?,
            None => Source::default(),
        };
        let held = Held { environment: &source, has: &from };
        let to = target.as_ref().map(|environment| Held { environment, has: &has });
        match to {
            Some(to) => {
                plan.existing.push(format!("environment {}", to.environment.name));
                plan.compare_environments(held, to);
            }
            None => plan.create(self.accreditation, &from, &source),
        }
        plan.modules(modules, &there, held, to);
        let modules_are_whole = !plan.not_carried.iter().any(|lack| lack.what.starts_with("module"));
        if from.hidden > 0 {
            plan.lacks(format!("{} entities", from.hidden), "the reply does not show them: make the plan again");
        }
        let (mut configs, mut secrets, mut seen) = (Configs::default(), Vec::new(), HashSet::new());
        let mut standing = Vec::new();
        for mut entity in entities {
            let id = entity.id.clone().unwrap_or_default();
            let Some(name) = entity.entity_locator.as_ref().and_then(|locator| locator.entity_name.clone()) else {
                plan.lacks(format!("an entity ({id})"), "Apollo tells no name for it");
                continue;
            };
            if !seen.insert(name.clone()) {
                let why = "the source has another entity of that name, and steps go by name";
                plan.lacks(format!("entity {name} ({id})"), why);
                continue;
            }
            if entity.installed_by.is_some() && !modules_are_whole {
                plan.lacks(format!("entity {name}"), "a module brings it, and not every module is carried");
            }
            let held = entity.secrets.take();
            if let Some(ours) = Standing::of(&name, &entity, &there) {
                plan.stands(&ours);
                standing.push(ours);
                plan.secrets(&name, held, &there, &mut secrets);
            } else if plan.entity(&name, entity, &self.namespaces, &mut configs) {
                plan.secrets(&name, held, &there, &mut secrets);
            } else {
                plan.lacks(format!("secrets of {name}"), "the entity is not carried");
            }
        }
        // Nothing reported may mean that the agent has not reported yet: only the declared config tells.
        for (name, id) in configs.unreported {
            let declared = mode.declared(&source, &Entity::by_id(id.clone())).await?;
            let config = EntityConfig::from_texts(&declared.config);
            let mut overrides = config.blocks().iter().filter_map(|block| block.expose_overrides());
            if config.is_empty() && !declared.config.iter().all(is_blank) {
                plan.lacks(format!("config of {name}"), "it cannot be parsed: write it by hand");
            } else if overrides.any(|overrides| !placeholder_positions(overrides).is_empty()) {
                plan.lacks(format!("config of {name}"), MASKED);
            } else if !config.is_empty() {
                configs.steps.push(WriteConfig::new(name, id).into());
            }
        }
        plan.compare_entities(&mode, standing, &source, to).await?;
        plan.steps.extend(configs.steps);
        plan.steps.extend(secrets);
        Ok(plan)
    }
}

awaitable!(PlanReplication => ReplicationPlan, plan);

impl ReplicationPlan {
    /// The target is new: what an environment has beside its contents.
    fn create(&mut self, accreditation: String, from: &Source, source: &Environment) {
        if let Some(level) = from.accreditation.as_ref().filter(|level| **level != accreditation) {
            self.lacks(format!("accreditation {level}"), format!("the target gets {accreditation} unless told"));
        }
        if from.accreditation.is_none() {
            self.lacks("accreditation", format!("the reply does not tell it: the target gets {accreditation}"));
        }
        if !source.teams_are_known {
            self.lacks("roles", format!("the reply does not tell all of them; {ROLES}"));
        }
        if !source.teams.is_empty() {
            self.lacks(format!("roles of {}", source.teams.join(", ")), ROLES);
        }
        self.steps.push(CreateEnvironment::new(self.target.name.clone(), accreditation).into());
    }

    fn modules(
        &mut self,
        modules: Option<wire::List<wire::Module>>,
        there: &Contents,
        from: Held<'_>,
        to: Option<Held<'_>>,
    ) {
        let Some(modules) = modules else {
            return self.lacks("modules", "the reply does not tell them: make the plan again");
        };
        if modules.nulls > 0 {
            self.lacks(
                format!("modules, {} of them", modules.nulls),
                "the reply does not show them: make the plan again",
            );
        }
        let mut seen = HashSet::new();
        for module in modules.items {
            let coordinate = module.coordinate.clone().unwrap_or_default();
            if !seen.insert(coordinate.clone()) {
                let name = module.display_name.unwrap_or_else(|| "without a name".into());
                let why = "a target gets one installation of a module: install this one by hand";
                self.lacks(format!("module {coordinate} ({name})"), why);
            } else if there.modules.contains(&coordinate) {
                if let Some(to) = to {
                    self.compare_module(&coordinate, &module, from, to);
                }
                self.existing.push(format!("module {coordinate}"));
            } else if MavenCoordinate::parse(&coordinate).is_err() {
                self.lacks(format!("module `{coordinate}`"), "its coordinate cannot be read");
            } else {
                self.module(coordinate, module);
            }
        }
    }

    fn module(&mut self, coordinate: String, module: wire::Module) {
        let told = module.variables.and_then(wire::List::whole);
        let Some(variables) = told.filter(|all| all.iter().all(|variable| variable.variable_name.is_some())) else {
            return self.lacks(format!("module {coordinate}"), "the reply does not tell all of its variables");
        };
        let mut names = Vec::new();
        for variable in variables {
            let name = variable.variable_name.unwrap_or_default();
            let value = variable.variable_value.unwrap_or_default();
            match VariableKind::of(value.type_name.as_deref()) {
                VariableKind::Unknown(kind) if !kind.is_empty() => {
                    let why =
                        format!("its variable {name} has a value of the unknown kind `{kind}`: install it by hand");
                    return self.lacks(format!("module {coordinate}"), why);
                }
                _ if value.value.is_none() => {
                    self.lacks(format!("variable {name} of module {coordinate}"), "it has no value");
                }
                _ => names.push(name),
            }
        }
        self.steps.push(InstallModule::new(coordinate, module.display_name, names).into());
    }

    /// False when the target will lack the entity.
    fn entity(
        &mut self,
        name: &str,
        entity: wire::Entity,
        namespaces: &BTreeMap<String, String>,
        configs: &mut Configs,
    ) -> bool {
        let product = entity.product.as_ref().and_then(|product| product.product_id.clone()).unwrap_or_default();
        if ProductId::parse(&product).is_err() {
            self.lacks(format!("entity {name}"), "its product cannot be read");
            return false;
        }
        let namespace = namespaces.get(name).cloned();
        if namespace.is_none() {
            self.lacks(format!("namespace of {name}"), "Apollo does not tell it: `default` is used unless given");
        }
        let namespace = namespace.unwrap_or_else(|| "default".into());
        let channel = entity.declared_state.and_then(|state| state.release_channel);
        self.steps.push(InstallEntity::new(name.to_owned(), product, channel, namespace).into());
        let Some(id) = entity.id.map(EntityId::from) else {
            self.lacks(format!("config of {name}"), "Apollo tells no id of the entity");
            return true;
        };
        let overrides = entity.reported_config_overrides.unwrap_or_default().overrides.unwrap_or_default();
        if overrides.is_null() {
            configs.unreported.push((name.to_owned(), id));
        } else if placeholder_positions(&overrides).is_empty() {
            configs.steps.push(WriteConfig::new(name.to_owned(), id).into());
        } else {
            self.lacks(format!("config of {name}"), MASKED);
        }
        true
    }

    fn secrets(&mut self, name: &str, held: Option<wire::List<wire::Secret>>, there: &Contents, steps: &mut Vec<Step>) {
        let Some(held) = secrets_of(held) else {
            return self.lacks(format!("secrets of {name}"), "the reply does not tell them: make the plan again");
        };
        let mut seen = HashSet::new();
        for secret in held {
            let what = format!("secret {} of {name}", secret.name);
            if !seen.insert(secret.name.clone()) {
                self.lacks(what, "the entity has another secret of that name, and steps go by name");
                continue;
            }
            if !secret.keys_are_known {
                self.lacks(format!("keys of {what}"), "the reply does not tell all of them");
            }
            match there.entities.get(name).and_then(|has| has.iter().find(|own| own.name == secret.name)) {
                None => steps.push(CreateSecret::new(name.to_owned(), secret.name, secret.keys).into()),
                Some(own) => {
                    let own_keys: BTreeSet<_> = own.keys.iter().collect();
                    let missing: Vec<_> = secret.keys.iter().filter(|key| !own_keys.contains(key)).cloned().collect();
                    if !missing.is_empty() {
                        let why = "the target has the secret without them: add them with secrets().update";
                        self.lacks(format!("keys {} of {what}", missing.join(", ")), why);
                    }
                    self.existing.push(what);
                }
            }
        }
    }
}

const MASKED: &str = "it holds masked placeholders in place of secrets";

/// Entities whose config is to be written: those that reported some, and those that reported none.
#[derive(Default)]
struct Configs {
    steps: Vec<Step>,
    unreported: Vec<(String, EntityId)>,
}
