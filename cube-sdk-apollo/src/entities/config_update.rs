//! Replacing an entity's config overrides, with the guards that keep secrets and modules whole.

use cube_sdk_core::{Error, ErrorKind, Result, SecretString};
use serde::Serialize;
use serde_json::Value;

use super::{Entities, about};
use crate::choice::Match;
use crate::client::Apollo;
use crate::entity_config::{refuse_placeholders, render, secret_texts};
use crate::fault::ApolloErrorExt;
use crate::graphql::scalars::Hidden;
use crate::graphql::{
    Patch, Request, UpdateEntityConfig, UpdateEntityConfigV2, update_entity_config, update_entity_config_v2, wire,
};
use crate::mode::Mode;
use crate::model::{ChangeRequest, Entity, Environment};
use crate::mutation::{Prepared, mutation};
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
#[must_use = "awaiting it opens the change request"]
pub struct UpdateConfig {
    apollo: Apollo,
    environment: EnvironmentRef,
    entity: EntityRef,
    overrides: Value,
    version: Option<String>,
    override_module: bool,
    patch: Option<Patch>,
}

impl Entities {
    /// Replaces the config overrides of an entity. Takes exact names, ids or RIDs only.
    ///
    /// Refused before anything is sent: masked placeholders, overrides that are no object, an entity that a module
    /// manages (unless overridden).
    pub fn update_config(&self, entity: impl Into<EntityRef>, overrides: Value) -> UpdateConfig {
        UpdateConfig {
            apollo: self.apollo.clone(),
            environment: self.environment.clone(),
            entity: entity.into(),
            overrides,
            version: None,
            override_module: false,
            patch: None,
        }
    }
}

impl UpdateConfig {
    /// The version label of the block. Default: the version that the entity reports.
    pub fn version(mut self, label: impl Into<String>) -> Self {
        self.version = Some(label.into());
        self
    }

    /// Writes although a module manages the entity: its later changes then stop applying here.
    pub fn override_module(mut self) -> Self {
        self.override_module = true;
        self
    }

    async fn prepare(self) -> Result<Prepared<ConfigUpdate>> {
        if !self.overrides.is_object() {
            return Err(Error::new(ErrorKind::InvalidInput, "config overrides must be an object"));
        }
        refuse_placeholders(&self.overrides)?;
        let mode = Mode::strict(&self.apollo);
        let environment = mode.environment(&self.environment, Match::Exact).await?;
        let entity = mode.entity(&environment, &self.entity, Match::Exact).await?;
        if !self.override_module {
            refuse_managed(&entity, &environment)?;
        }
        let label = self.version.as_deref().or_else(|| entity.version()).ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "the entity reports no version yet, so the config block has no label")
                .with_target(about(&environment.name, &entity.name))
                .advice("name the version that the config is for")
        })?;
        let text = render(label, &self.overrides)?;
        let hidden = secret_texts(&self.overrides);
        let request = config_request(&environment, &entity, text, hidden, self.patch)?;
        let (apollo, first) = (self.apollo, request.clone());
        Ok(Prepared::of(&request, move || async move { write_config(&apollo, &environment, &entity, &first).await }))
    }
}

mutation!(UpdateConfig => ConfigUpdate);

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
    error.kind() == ErrorKind::Unsupported
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
