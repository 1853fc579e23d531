//! Making the plan: two reads, nothing written.

use std::collections::{BTreeMap, HashSet};

use cube_sdk_core::redact::placeholder_positions;
use cube_sdk_core::{Error, ErrorKind, Result, awaitable};

use super::{NotCarried, Place, ReplicationPlan, Step};
use crate::client::Apollo;
use crate::drain::{SAFETY_PAGES, not_ending};
use crate::entities::Entity;
use crate::entity_config::EntityConfig;
use crate::environments::Environment;
use crate::graphql::{
    EntitySecrets, Paged, Request, SourceEnv, TargetEnv, entity_secrets, source_env, target_env, wire,
};
use crate::ids::{EntityId, MavenCoordinate, ProductId};
use crate::read::Session;
use crate::resolve::{EnvironmentRef, Match, all_environments};

impl Apollo {
    /// Plans to copy an environment into another, which is created when missing.
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
        let session = Session::strict(self.apollo.clone());
        let source = session.environment(&self.source, Match::Free).await?;
        let target = find_target(&self.apollo, &self.target).await?;
        if target.as_ref().is_some_and(|target| target.id == source.id) {
            return Err(Error::new(ErrorKind::InvalidInput, "source and target are the same environment")
                .with_target(source.name));
        }
        let from = read_source(&session, &source).await?;
        let there = match &target {
            Some(target) => read_target(&session, target).await?,
            None => Contents::default(),
        };
        let mut plan = ReplicationPlan {
            source: Place { id: Some(source.id.clone()), name: source.name.clone() },
            target: Place {
                id: target.as_ref().map(|target| target.id.clone()),
                name: target.as_ref().map_or_else(|| self.target.clone(), |target| target.name.clone()),
            },
            steps: Vec::new(),
            existing: Vec::new(),
            by_modules: Vec::new(),
            not_carried: Vec::new(),
        };
        match target {
            Some(target) => plan.existing.push(format!("environment {}", target.name)),
            None => plan.steps.push(Step::CreateEnvironment { name: self.target, accreditation: self.accreditation }),
        }
        let names = there.names();
        for module in from.modules {
            plan.module(module, &there.modules);
        }
        let (mut configs, mut secrets, mut seen) = (Configs::default(), Vec::new(), HashSet::new());
        for entity in from.entities {
            let Some(name) = entity.entity_locator.as_ref().and_then(|locator| locator.entity_name.clone()) else {
                plan.lacks(format!("an entity ({})", entity.id.unwrap_or_default()), "Apollo tells no name for it");
                continue;
            };
            if !seen.insert(name.clone()) {
                let why = "the source has another entity of that name, and steps go by name";
                plan.lacks(format!("entity {name} ({})", entity.id.unwrap_or_default()), why);
                continue;
            }
            secrets.extend(secret_steps(&name, &entity, &there));
            plan.entity(name, entity, &names, &self.namespaces, &mut configs);
        }
        // Nothing reported may mean that the agent has not reported yet: only the declared config tells.
        for (name, id) in configs.unreported {
            let declared = session.declared(&source, &Entity::by_id(id.clone())).await?;
            let config = EntityConfig::from_texts(&declared.config.0);
            let mut overrides = config.blocks().iter().filter_map(|block| block.expose_overrides());
            if overrides.any(|overrides| !placeholder_positions(overrides).is_empty()) {
                plan.lacks(format!("config of {name}"), MASKED);
            } else if !config.is_empty() {
                configs.steps.push(Step::WriteConfig { entity: name, from: id });
            }
        }
        plan.steps.extend(configs.steps);
        plan.steps.extend(secrets);
        Ok(plan)
    }
}

awaitable!(PlanReplication => ReplicationPlan, plan);

impl ReplicationPlan {
    fn lacks(&mut self, what: impl Into<String>, why: &str) {
        self.not_carried.push(NotCarried { what: what.into(), why: why.to_owned() });
    }

    fn module(&mut self, module: wire::Module, there: &HashSet<String>) {
        let coordinate = module.coordinate.unwrap_or_default();
        if there.contains(&coordinate) {
            self.existing.push(format!("module {coordinate}"));
            return;
        }
        if MavenCoordinate::parse(&coordinate).is_err() {
            self.lacks(format!("module `{coordinate}`"), "its coordinate cannot be read");
            return;
        }
        let mut names = Vec::new();
        for variable in module.variables.0 {
            let kind = variable.variable_value.unwrap_or_default().type_name.unwrap_or_default();
            let name = variable.variable_name.unwrap_or_default();
            if !kind.ends_with("_StringValue") && !kind.ends_with("_OptionValue") {
                let why = format!("its variable {name} has a value of the unknown kind `{kind}`: install it by hand");
                self.lacks(format!("module {coordinate}"), &why);
                return;
            }
            names.push(name);
        }
        self.steps.push(Step::InstallModule { coordinate, display_name: module.display_name, variables: names });
    }

    fn entity(
        &mut self,
        name: String,
        entity: wire::Entity,
        there: &HashSet<&str>,
        namespaces: &BTreeMap<String, String>,
        configs: &mut Configs,
    ) {
        if entity.installed_by.is_some() {
            self.by_modules.push(format!("entity {name}"));
            return;
        }
        let exists = there.contains(name.as_str());
        if exists {
            self.existing.push(format!("entity {name}"));
        } else {
            let product = entity.product.as_ref().and_then(|product| product.product_id.clone()).unwrap_or_default();
            if ProductId::parse(&product).is_err() {
                self.lacks(format!("entity {name}"), "its product cannot be read");
                return;
            }
            let namespace = namespaces.get(&name).cloned();
            if namespace.is_none() {
                self.lacks(format!("namespace of {name}"), "Apollo does not tell it: `default` is used unless given");
            }
            self.steps.push(Step::InstallEntity {
                entity: name.clone(),
                product,
                release_channel: entity.declared_state.and_then(|state| state.release_channel),
                namespace: namespace.unwrap_or_else(|| "default".into()),
            });
        }
        let (false, Some(id)) = (exists, entity.id.map(EntityId::from)) else { return };
        let reported = entity.reported_config_overrides.unwrap_or_default();
        let overrides = reported.overrides.unwrap_or_default();
        if overrides.is_null() {
            configs.unreported.push((name, id));
        } else if placeholder_positions(&overrides).is_empty() {
            configs.steps.push(Step::WriteConfig { entity: name, from: id });
        } else {
            self.lacks(format!("config of {name}"), MASKED);
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

fn secret_steps(name: &str, entity: &wire::Entity, there: &Contents) -> Vec<Step> {
    let has = there.entities.get(name);
    let secrets = entity.secrets.0.iter().filter_map(|secret| {
        let own = secret.name.clone()?;
        if has.is_some_and(|has| has.contains(&own)) {
            return None;
        }
        let keys = secret
            .specification
            .as_ref()
            .map(|specification| specification.keys.0.iter().filter_map(|key| key.key.clone()).collect::<Vec<_>>());
        Some(Step::CreateSecret { entity: name.to_owned(), secret: own, keys: keys.unwrap_or_default() })
    });
    secrets.collect()
}

/// The target by exact name or RID; none when it has to be created.
pub(super) async fn find_target(apollo: &Apollo, name: &str) -> Result<Option<Environment>> {
    let name = name.trim();
    let refuse = |words: &str, advice: &str| {
        Err(Error::new(ErrorKind::InvalidInput, words).with_target(name.to_owned()).advice(advice.to_owned()))
    };
    if name.is_empty() {
        return refuse("the target needs a name", "give one");
    }
    if crate::Rid::is_rid(name) {
        return Session::strict(apollo.clone()).environment(&name.into(), Match::Exact).await.map(Some);
    }
    let all = all_environments(apollo).collect_up_to(usize::MAX).await?;
    if let Some(found) = all.iter().find(|environment| environment.name == name) {
        return Ok(Some(found.clone()));
    }
    match all.iter().find(|environment| environment.name.to_lowercase() == name.to_lowercase()) {
        Some(near) => {
            refuse("an environment is called the same but for case", &format!("use `{}` or another name", near.name))
        }
        None => Ok(None),
    }
}

#[derive(Default)]
struct Source {
    modules: Vec<wire::Module>,
    entities: Vec<wire::Entity>,
}

/// What the target has: module coordinates, and entities with the names of their secrets.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) modules: HashSet<String>,
    pub(super) entities: BTreeMap<String, HashSet<String>>,
}

impl Contents {
    fn names(&self) -> HashSet<&str> {
        self.entities.keys().map(String::as_str).collect()
    }
}

async fn read_source(session: &Session, environment: &Environment) -> Result<Source> {
    let mut source = Source::default();
    each_page::<SourceEnv>(
        session,
        environment,
        |id| source_env::Variables { id },
        |page| {
            // Modules are not paged: every page tells all of them.
            if let Some(modules) = page.modules {
                source.modules = modules.module_installations.0;
            }
            source.entities.extend(page.entities.map(|page| page.entities.0).unwrap_or_default());
        },
    )
    .await?;
    Ok(source)
}

async fn read_target(session: &Session, environment: &Environment) -> Result<Contents> {
    let mut contents = Contents::default();
    each_page::<TargetEnv>(
        session,
        environment,
        |id| target_env::Variables { id },
        |page| {
            let modules = page.modules.map(|modules| modules.module_installations.0).unwrap_or_default();
            contents.modules.extend(modules.into_iter().filter_map(|module| module.coordinate));
            for entity in page.entities.map(|page| page.entities.0).unwrap_or_default() {
                if let Some(name) = entity.entity_locator.and_then(|locator| locator.entity_name) {
                    contents.entities.entry(name).or_default();
                }
            }
        },
    )
    .await?;
    each_page::<EntitySecrets>(
        session,
        environment,
        |id| entity_secrets::Variables { id },
        |page| {
            for entity in page.entities.map(|page| page.entities.0).unwrap_or_default() {
                let Some(name) = entity.entity_locator.and_then(|locator| locator.entity_name) else { continue };
                let secrets = entity.secrets.0.into_iter().filter_map(|secret| secret.name);
                contents.entities.entry(name).or_default().extend(secrets);
            }
        },
    )
    .await?;
    Ok(contents)
}

/// Reads every entity page of an environment, with what stands beside the page. A list that does not end is an error:
/// a plan made from half of it would be wrong.
pub(super) async fn each_page<D: Paged>(
    session: &Session,
    environment: &Environment,
    variables: impl Fn(String) -> D::Variables,
    mut each: impl FnMut(wire::Environment),
) -> Result<()> {
    let mut tokens: Vec<String> = Vec::new();
    loop {
        let variables = variables(environment.id.to_string());
        let request = match tokens.last() {
            None => Request::of::<D>(variables),
            Some(token) => Request::next::<D>(variables, token),
        };
        let answer = session.send(request?.about(environment.name.as_str())).await?;
        let page: wire::Environment =
            answer.read("/apollo/environmentById")?.ok_or_else(|| answer.not_found("environment"))?;
        let Some(entities) = &page.entities else { return Err(answer.absent("/environment/entities")) };
        let token = entities.next_page_token.clone().filter(|token| !token.is_empty());
        each(page);
        match token {
            None => return Ok(()),
            Some(token) if tokens.contains(&token) || tokens.len() >= SAFETY_PAGES => {
                return Err(answer
                    .error(ErrorKind::Decode, "the list of entities does not end")
                    .with_fault(not_ending(&tokens, &token)));
            }
            Some(token) => tokens.push(token),
        }
    }
}
