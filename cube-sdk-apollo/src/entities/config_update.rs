//! Replacing an entity's config overrides, with the guards that keep secrets and modules whole.

use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Entities, about};
use crate::choice::Match;
use crate::client::Apollo;
use crate::entity_config::{ConfigDiff, EntityConfig, is_older, refuse_placeholders, render, secret_texts, updated};
use crate::fault::{ApolloErrorExt, NothingRan};
use crate::graphql::scalars::Hidden;
use crate::graphql::{
    Patch, Request, UpdateEntityConfig, UpdateEntityConfigV2, update_entity_config, update_entity_config_v2, wire,
};
use crate::mode::Mode;
use crate::model::{ChangeRequest, Entity, Environment};
use crate::mutation::{Prepared, mutation};
use crate::query::Query;
use crate::references::{EntityRef, EnvironmentRef};

/// What came of a config update.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub enum ConfigUpdate {
    /// A change request was opened.
    Opened(ChangeRequest),
    /// The submitted config equals the current one.
    Unchanged,
}

impl ConfigUpdate {
    /// The change request, if one was opened.
    pub const fn opened(&self) -> Option<&ChangeRequest> {
        match self {
            Self::Opened(change) => Some(change),
            Self::Unchanged => None,
        }
    }
}

/// Replaces all overrides of an entity when awaited: send every value that should stay.
///
/// The declared text is edited: only what differs is written, and comments, order and the spelling of everything else
/// stay byte for byte. A change that has no sure form in it is refused, naming the place; [`Self::rewrite`] writes the
/// block anew. Without a block of the label, the only or newest older one moves to it.
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// use cube_sdk_apollo::entities::ConfigUpdate;
/// use serde_json::json;
///
/// let entities = apollo.entities("cube-7");
/// let update = || entities.update_config("mosquitto", json!({"persistence": true})).version("1.10").rewrite();
/// println!("{}", update().override_module().diff().await?); // line by line; nothing is sent
/// match update().override_module().await? {
///     ConfigUpdate::Opened(change) => println!("waiting for approval of {}", change.rid()),
///     unchanged => panic!("{unchanged:?}"),
/// }
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[must_use = "awaiting it opens the change request"]
pub struct UpdateConfig {
    apollo: Apollo,
    wanted: Wanted,
    patch: Option<Patch>,
}

/// What a caller asked for.
struct Wanted {
    environment: EnvironmentRef,
    entity: EntityRef,
    overrides: Value,
    version: Option<String>,
    override_module: bool,
    rewrite: bool,
}

impl Entities {
    /// Replaces the config overrides of an entity. Takes exact names, ids or RIDs only.
    ///
    /// Refused before anything is sent: masked placeholders, overrides that are no object, an entity that a module
    /// manages (unless overridden), a change that the declared text cannot take (unless it is to be written anew).
    pub fn update_config(&self, entity: impl Into<EntityRef>, overrides: Value) -> UpdateConfig {
        let wanted = Wanted {
            environment: self.environment.clone(),
            entity: entity.into(),
            overrides,
            version: None,
            override_module: false,
            rewrite: false,
        };
        UpdateConfig { apollo: self.apollo.clone(), wanted, patch: None }
    }
}

impl UpdateConfig {
    /// The version label of the block. Default: the version that the entity reports.
    pub fn version(mut self, label: impl Into<String>) -> Self {
        self.wanted.version = Some(label.into());
        self
    }

    /// Writes although a module manages the entity: its later changes then stop applying here.
    pub fn override_module(mut self) -> Self {
        self.wanted.override_module = true;
        self
    }

    /// Writes the block anew instead of editing the declared text: its comments, order, anchors and spellings are lost,
    /// and so are other labels.
    pub fn rewrite(mut self) -> Self {
        self.wanted.rewrite = true;
        self
    }

    /// What it would change, with secrets masked; nothing is sent.
    ///
    /// # Errors
    /// Those that awaiting it has before it sends.
    pub fn diff(self) -> Query<ConfigDiff> {
        let wanted = self.wanted;
        Query::new(&self.apollo, |mode| async move { Ok(wanted.draft(&mode).await?.diff(&wanted.overrides)) })
    }

    async fn prepare(self) -> Result<Prepared<ConfigUpdate>> {
        let Draft { environment, entity, text, .. } = self.wanted.draft(&Mode::strict(&self.apollo)).await?;
        let hidden = secret_texts(&self.wanted.overrides);
        let request = config_request(&environment, &entity, text, hidden, self.patch)?;
        let (apollo, first) = (self.apollo, request.clone());
        Ok(Prepared::of(&request, move || async move { write_config(&apollo, &environment, &entity, &first).await }))
    }
}

mutation!(UpdateConfig => ConfigUpdate);

/// A config that is ready to be sent.
struct Draft {
    environment: Environment,
    entity: Entity,
    label: String,
    declared: Vec<SecretString>,
    text: SecretString,
}

impl Wanted {
    /// Reads what is declared and edits it.
    async fn draft(&self, mode: &Mode) -> Result<Draft> {
        if !self.overrides.is_object() {
            return Err(Error::new(ErrorKind::InvalidInput, "config overrides must be an object"));
        }
        refuse_placeholders(&self.overrides)?;
        let environment = mode.environment(&self.environment, Match::Exact).await?;
        let entity = mode.entity(&environment, &self.entity, Match::Exact).await?;
        if !self.override_module {
            refuse_managed(&entity, &environment)?;
        }
        let target = about(&environment.name, &entity.name);
        let label = self.version.as_deref().or_else(|| entity.version()).ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "the entity reports no version yet, so the config block has no label")
                .with_target(target.clone())
                .advice("name the version that the config is for")
        })?;
        let label = label.to_owned();
        let declared = mode.declared(&environment, &entity).await?.config;
        let text =
            if self.rewrite { render(&label, &self.overrides) } else { updated(&declared, &label, &self.overrides) };
        let text = text.map_err(|error| error.with_target(target))?;
        Ok(Draft { environment, entity, label, declared, text })
    }
}

impl Draft {
    fn diff(&self, overrides: &Value) -> ConfigDiff {
        let label = self.label.as_str();
        let before = EntityConfig::from_texts(&self.declared);
        let after = EntityConfig::parse(self.text.expose_secret());
        let mut warnings = Vec::new();
        if let Some(reported) = self.entity.version().filter(|reported| is_older(label, reported)) {
            warnings.push(format!("the label {label} is older than the version {reported} that the entity reports"));
        }
        let stays = |label: &str| after.blocks().iter().any(|block| block.version() == label);
        let gone: Vec<_> = before.blocks().iter().filter(|block| !stays(block.version())).collect();
        for block in &gone {
            warnings.push(format!("the label {} goes", block.version()));
        }
        let block = before.blocks().iter().find(|block| block.version() == label).or_else(|| gone.last().copied());
        let none = Value::Object(Map::new());
        let old = block.and_then(|block| block.expose_overrides()).unwrap_or(&none);
        ConfigDiff::between(label, old, overrides, warnings)
    }
}

/// Refused with the [`ManagingModule`](super::ManagingModule) as the fault. A module's rendering would be overridden until the entity-level config is removed.
pub(super) fn refuse_managed(entity: &Entity, environment: &Environment) -> Result<()> {
    let Some(module) = &entity.managed_by else { return Ok(()) };
    let words = format!("the entity is managed by module {}", module.label());
    Err(Error::new(ErrorKind::Conflict, words)
        .with_target(about(&environment.name, &entity.name))
        .with_fault(module.clone())
        .with_sent(cube_sdk_core::error::Sent::No)
        .advice("change the module's variables instead, or override it explicitly"))
}

/// The request of a config update.
pub(crate) fn config_request(
    environment: &Environment,
    entity: &Entity,
    text: SecretString,
    mut hidden: Vec<SecretString>,
    patch: Option<Patch>,
) -> Result<Request> {
    let resource_rid = environment.need(entity.rid.as_ref(), "RID of the entity")?.to_string();
    hidden.push(text.clone());
    let update = update_entity_config_v2::ApolloChangeRequestUpdateConfig { resource_rid, content: Hidden(text) };
    let variables = update_entity_config_v2::Variables { space_id: environment.space_id.clone(), update };
    let request = Request::of::<UpdateEntityConfigV2>(variables)?.patch("update", patch).hides(hidden);
    Ok(request.about(about(&environment.name, &entity.name)))
}

/// Sends a config update by the newer mutation, else by the older one where the server lacks it.
pub(crate) async fn write_config(
    apollo: &Apollo,
    environment: &Environment,
    entity: &Entity,
    request: &Request,
) -> Result<ConfigUpdate> {
    match apollo.send(request, false).await {
        Ok(answer) => {
            let field = "/apollo/updateConfigByResourceV2";
            let result: wire::OpenedChangeRequest = answer.require(field)?;
            if result.change_request.is_some() {
                let field = "/apollo/updateConfigByResourceV2/changeRequest";
                return ChangeRequest::opened(apollo, &answer, field, environment, entity.into())
                    .map(ConfigUpdate::Opened);
            }
            let refusal = result.error.and_then(|error| error.type_name).unwrap_or_default();
            if refusal.ends_with("_NoChanges") {
                return Ok(ConfigUpdate::Unchanged);
            }
            let words = if refusal.is_empty() {
                "neither a change request nor an error came back".to_owned()
            } else {
                format!("the config update was refused: {refusal}")
            };
            Err(answer
                .error(if refusal.is_empty() { ErrorKind::Decode } else { ErrorKind::Conflict }, words)
                .with_code(refusal))
        }
        Err(error) if lacks_newer_field(&error) => {
            let answer = apollo.send(&older(request, environment)?, false).await?;
            ChangeRequest::opened(apollo, &answer, "/apollo/updateConfigByResource", environment, entity.into())
                .map(ConfigUpdate::Opened)
        }
        Err(error) => Err(error),
    }
}

/// The server refused the document because it does not know the newer field: nothing ran.
fn lacks_newer_field(error: &Error) -> bool {
    error.is_refused_document()
        && error.apollo().is_some_and(|fault| {
            fault.errors.iter().any(|error| {
                let words = &error.message;
                words.contains("updateConfigByResourceV2") || words.contains("ApolloOpenChangeRequestResult")
            })
        })
}

/// The same update by the older mutation, patched input and hidden texts included.
fn older(newer: &Request, environment: &Environment) -> Result<Request> {
    let update = newer.variable("update");
    let placeholder = update_entity_config::ApolloChangeRequestUpdateConfig {
        resource_rid: String::new(),
        content: Hidden(SecretString::from("")),
    };
    let space_id = environment.need(environment.space_id.as_deref(), "space")?.to_owned();
    let variables = update_entity_config::Variables { space_id, update: placeholder };
    let request = Request::of::<UpdateEntityConfig>(variables)?;
    let request = request.patch("update", Some(Box::new(move |value| *value = update)));
    Ok(request.hides(newer.hidden().iter().cloned()).about(newer.target().unwrap_or_default()))
}
