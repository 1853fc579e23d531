//! Installing an entity.

use cube_sdk_core::{Error, ErrorKind, Result, SecretString, names};
use serde_json::Value;

use super::config_update::refuse_managed;
use super::{Entities, about};
use crate::choice::Match;
use crate::client::Apollo;
use crate::entity_config::{render, secret_texts};
use crate::graphql::scalars::Hidden;
use crate::graphql::{InstallEntities, Patch, Request, install_entities};
use crate::ids::ProductId;
use crate::mode::Mode;
use crate::model::{ChangeRequest, Subject};
use crate::mutation::{Prepared, mutation};
use crate::references::EnvironmentRef;

/// Opens the change request that installs a product as an entity, when awaited.
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// use serde_json::json;
///
/// let change = apollo
///     .entities("cube-7")
///     .install("bridge", "com.example:bridge")
///     .namespace("mqtt")
///     .release_channel("DEV")
///     .config(json!({"peer": "north"}))
///     .await?;
/// assert!(!change.is_done()); // it waits for approval: change.wait()
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[must_use = "awaiting it opens the change request"]
pub struct InstallEntity {
    apollo: Apollo,
    environment: EnvironmentRef,
    name: String,
    product: Result<ProductId>,
    namespace: String,
    release_channel: Option<String>,
    config: Option<Value>,
    version: String,
    override_module: bool,
    patch: Option<Patch>,
}

impl Entities {
    /// Installs `product` under `name`. Takes the environment's exact name, its id or RID only.
    pub fn install(
        &self,
        name: impl Into<String>,
        product: impl TryInto<ProductId, Error: Into<Error>>,
    ) -> InstallEntity {
        InstallEntity {
            apollo: self.apollo.clone(),
            environment: self.environment.clone(),
            name: name.into(),
            product: names::taken(product),
            namespace: "default".into(),
            release_channel: None,
            config: None,
            version: "0.0.0".into(),
            override_module: false,
            patch: None,
        }
    }
}

impl InstallEntity {
    /// The Kubernetes namespace. Default `default`.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// The channel whose releases it follows.
    pub fn release_channel(mut self, channel: impl Into<String>) -> Self {
        self.release_channel = Some(channel.into());
        self
    }

    /// Config overrides to begin with. Masked placeholders are refused.
    pub fn config(mut self, overrides: Value) -> Self {
        self.config = Some(overrides);
        self
    }

    /// The version label of the config block. Default `0.0.0`: no version is reported yet.
    pub fn version(mut self, label: impl Into<String>) -> Self {
        self.version = label.into();
        self
    }

    /// Installs although a module manages an entity of this name.
    pub fn override_module(mut self) -> Self {
        self.override_module = true;
        self
    }

    async fn prepare(self) -> Result<Prepared<ChangeRequest>> {
        let product = self.product?;
        if self.name.trim().is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, "an entity needs a name"));
        }
        let text = self.config.as_ref().map(|config| render(&self.version, config)).transpose()?;
        let mode = Mode::strict(&self.apollo);
        let environment = mode.environment(&self.environment, Match::Exact).await?;
        if !self.override_module {
            let entities = mode.entity_refs(&environment).await?;
            let mut same = entities
                .iter()
                .filter(|entity| entity.entity_name.as_deref() == Some(self.name.as_str()) || entity.name == self.name);
            same.try_for_each(|entity| refuse_managed(entity, &environment))?;
        }
        let hidden: Vec<SecretString> = self.config.iter().flat_map(secret_texts).chain(text.clone()).collect();
        let entity = install_entities::ApolloEntityInstallationInput {
            entity_name: self.name.clone(),
            product_id: product.to_string(),
            k8s_namespace: Some(self.namespace),
            release_channel: self.release_channel,
            config_overrides: text.into_iter().map(Hidden).collect(),
        };
        let variables = install_entities::Variables {
            env_id: environment.id.to_string(),
            namespace_id: environment.need(environment.namespace_id.as_deref(), "namespace")?.to_owned(),
            entities: install_entities::InstallApolloEntitiesOnEnvironmentRequest { entities: vec![entity] },
        };
        let request = Request::of::<InstallEntities>(variables)?
            .patch("entities", self.patch)
            .hides(hidden)
            .about(about(&environment.name, &self.name));
        let (apollo, subject) = (self.apollo.clone(), Subject::Entity { name: self.name, id: None });
        Ok(Prepared::one(&self.apollo, request, move |answer| {
            let field = "/apollo/installEntitiesOnEnvironmentV2";
            ChangeRequest::opened(&apollo, answer, field, &environment, subject)
        }))
    }
}

mutation!(InstallEntity => ChangeRequest);
