//! Carrying out one step.

use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};

use super::apply::Context;
use super::{SecretKey, Step};
use crate::change_requests::ChangeRequest;
use crate::entities::config_update::write_config;
use crate::entities::{ConfigUpdate, Entity};
use crate::entity_config::{EntityConfig, joined, refuse_placeholders, render, secret_texts};
use crate::environments::Environment;
use crate::ids::{EntityId, MavenCoordinate, ProductId, Rid};
use crate::modules::{VariableInput, install_on};

/// What sending a step came to.
pub(super) enum Sent {
    /// It is done; what it made.
    Done(Option<Rid>),
    /// It waits for a change request.
    Opened(Rid),
    /// It cannot be sent yet.
    Pending(String),
}

/// A step whose values are at hand: nothing but the mutation is left.
pub(super) enum Ready {
    Environment { name: String, accreditation: String },
    Module { coordinate: MavenCoordinate, display_name: Option<String>, variables: Vec<VariableInput> },
    Entity { name: String, product: ProductId, channel: Option<String>, namespace: String },
    Config { entity: Entity, text: SecretString, hidden: Vec<SecretString> },
    Secret { entity: Entity, name: String, values: Vec<(String, SecretString)> },
    Pending(String),
}

impl Context {
    /// Reads what a step needs, before it is noted as sent.
    pub(super) async fn ready(&self, step: &Step) -> Result<Ready> {
        Ok(match step {
            Step::CreateEnvironment { name, accreditation } => {
                Ready::Environment { name: name.clone(), accreditation: accreditation.clone() }
            }
            Step::InstallModule { coordinate, display_name, .. } => Ready::Module {
                coordinate: MavenCoordinate::parse(coordinate)?,
                display_name: display_name.clone(),
                variables: self.variables(coordinate).await?,
            },
            Step::InstallEntity { entity, product, release_channel, namespace } => Ready::Entity {
                name: entity.clone(),
                product: ProductId::parse(product)?,
                channel: release_channel.clone(),
                namespace: namespace.clone(),
            },
            Step::WriteConfig { entity, from } => match self.target_entity(entity).await? {
                Some(found) => {
                    let (text, hidden) = self.config_text(from).await?;
                    Ready::Config { entity: found, text, hidden }
                }
                None => Ready::Pending(format!("entity {entity} is not on the target yet")),
            },
            Step::CreateSecret { entity, secret, keys } => self.secret(entity, secret, keys).await?,
        })
    }

    /// Sends the one mutation of a step.
    pub(super) async fn send(&self, ready: Ready) -> Result<Sent> {
        let apollo = &self.apollo;
        Ok(match ready {
            Ready::Environment { name, accreditation } => {
                let created = apollo.environments().create(name).accreditation(accreditation).await?;
                Sent::Done(created.environment.rid)
            }
            Ready::Module { coordinate, display_name, variables } => {
                let target = self.target()?;
                // Secrets that the module requires are created by later steps.
                let installed = install_on(apollo, target, &coordinate, display_name, variables, true, None).await?;
                Sent::Done(Some(installed.rid))
            }
            Ready::Entity { name, product, channel, namespace } => {
                let mut install = apollo.entities(self.target()?).install(name, &product).namespace(namespace);
                if let Some(channel) = channel {
                    install = install.release_channel(channel);
                }
                Sent::Opened(install.await?.rid().clone())
            }
            Ready::Config { entity, text, hidden } => {
                match write_config(apollo, self.target()?, &entity, text, hidden, None).await? {
                    ConfigUpdate::Opened(change) => Sent::Opened(change.rid().clone()),
                    ConfigUpdate::Unchanged => Sent::Done(None),
                }
            }
            Ready::Secret { entity, name, values } => {
                let mut create = apollo.secrets(self.target()?).create(&entity, name);
                for (key, value) in values {
                    create = create.key(key, value);
                }
                create.await?;
                Sent::Done(None)
            }
            Ready::Pending(why) => Sent::Pending(why),
        })
    }

    /// The source's values. A variable that names the source environment names the target in its place.
    async fn variables(&self, coordinate: &str) -> Result<Vec<VariableInput>> {
        let modules = self.session.modules(&self.source).await?;
        let module = modules.iter().find(|module| module.coordinate == coordinate).ok_or_else(|| {
            Error::new(ErrorKind::Conflict, format!("the source has no module {coordinate} any more"))
                .with_target(self.source.name.clone())
                .advice("make a new plan")
        })?;
        let target = self.target()?;
        let mut inputs = module.variables.iter().map(VariableInput::of).collect::<Result<Vec<_>>>()?;
        for input in &mut inputs {
            if input.value.expose_secret() == self.source.id.as_str() {
                input.value = SecretString::from(target.id.as_str());
            }
        }
        Ok(inputs)
    }

    /// The config to write: the source's declared texts as they are, labels included; where none is declared, what was
    /// reported under the label of an entity without version.
    pub(super) async fn config_text(&self, from: &EntityId) -> Result<(SecretString, Vec<SecretString>)> {
        let declared = self.session.declared(&self.source, &Entity::by_id(from.clone())).await?.config.0;
        let config = EntityConfig::from_texts(&declared);
        let refuse =
            |why: &str| Err(Error::new(ErrorKind::Conflict, why).with_target(format!("{}/{from}", self.source.name)));
        let mut hidden = Vec::new();
        let mut labels: Vec<_> = config.blocks().iter().map(|block| block.version()).collect();
        for block in config.blocks() {
            let Some(overrides) = block.expose_overrides() else {
                return refuse("a config block of the source cannot be parsed: write the config by hand");
            };
            refuse_placeholders(overrides)?;
            hidden.extend(secret_texts(overrides));
        }
        labels.sort_unstable();
        if labels.windows(2).any(|pair| pair[0] == pair[1]) {
            return refuse("the source declares a config label twice: write the config by hand");
        }
        if config.is_empty() {
            let settings = self.apollo.entities(&self.source).settings(from).await?;
            let overrides = settings.reported.map(|reported| reported.expose().clone()).unwrap_or_default();
            if !overrides.is_object() {
                return refuse("the source declares no config, and what it reported is no object");
            }
            return Ok((render("0.0.0", &overrides)?, secret_texts(&overrides)));
        }
        Ok((joined(&declared)?, hidden))
    }

    async fn secret(&self, entity: &str, secret: &str, keys: &[String]) -> Result<Ready> {
        let Some(found) = self.target_entity(entity).await? else {
            return Ok(Ready::Pending(format!("entity {entity} is not on the target yet")));
        };
        let (mut values, mut missing) = (Vec::new(), Vec::new());
        for key in keys {
            match self.secrets.value(&SecretKey::new(entity, secret, key)).await? {
                Some(value) => values.push((key.clone(), value)),
                None => missing.push(key.as_str()),
            }
        }
        if !missing.is_empty() {
            return Ok(Ready::Pending(format!("no value for {}", missing.join(", "))));
        }
        if values.is_empty() {
            return Ok(Ready::Pending("Apollo tells none of its keys".into()));
        }
        Ok(Ready::Secret { entity: found, name: secret.to_owned(), values })
    }

    /// The target's entity of exactly this name.
    pub(super) async fn target_entity(&self, name: &str) -> Result<Option<Entity>> {
        self.session.entity_named(self.target()?, name).await
    }

    /// A handle on a change request of the target.
    pub(super) fn change(&self, rid: &Rid) -> Result<ChangeRequest> {
        Ok(ChangeRequest::known(&self.apollo, self.target()?.id.clone(), rid.clone(), None))
    }

    pub(super) fn target(&self) -> Result<&Environment> {
        self.target.as_ref().ok_or_else(|| {
            Error::new(ErrorKind::Conflict, "the target does not exist")
                .with_target(self.target_name.clone())
                .advice("make a new plan")
        })
    }
}
