//! Secrets of entities: names and key names can be read, values only written.
//!
//! ```
//! # cube_sdk_testkit::apollo::tour(async |world| {
//! # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
//! let secrets = apollo.secrets("cube-7");
//! secrets.create("mosquitto", "tls").key("cert", "…pem…".to_owned().into()).description("server").await?;
//! secrets.create("mosquitto", "token").value("t0ken".to_owned().into()).await?; // its key is called `token` too
//! let listed = secrets.list("mosquitto").await?;
//! assert_eq!(listed.iter().map(|secret| secret.name.as_str()).collect::<Vec<_>>(), ["admin", "tls", "token"]);
//! secrets
//!     .update("mosquitto", "token")
//!     .value("t1ken".to_owned().into())
//!     .patch_input(|input| assert_eq!(input[0]["keys"][0]["key"], "token"))
//!     .await?;
//! # Ok::<(), cube_sdk_core::Error>(()) });
//! ```

use cube_sdk_core::redact::is_placeholder;
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};
use serde::Serialize;

use crate::client::{Answer, Apollo};
use crate::entities::reads::entity_pages;
use crate::entities::{Entity, EntityRef};
use crate::graphql::scalars::Hidden;
use crate::graphql::{
    CreateSecrets, EntitySecrets, Patch, Request, UpdateSecrets, create_secrets, entity_secrets, update_secrets, wire,
};
use crate::ids::Rid;
use crate::read::{Read, Session};
use crate::resolve::{EnvironmentRef, Match, Named, pick};

/// A secret of an entity, without its values.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Secret {
    /// The RID.
    pub rid: Option<Rid>,
    /// The name.
    pub name: String,
    /// The names of its keys; empty when its kind is unknown.
    pub keys: Vec<String>,
    /// The name of the specification's union member.
    pub type_name: String,
}

impl Secret {
    pub(crate) fn from_wire(wire: wire::Secret) -> Option<Self> {
        let specification = wire.specification.unwrap_or_default();
        Some(Self {
            rid: wire.rid.map(Rid::from),
            name: wire.name?,
            keys: specification.keys.0.into_iter().filter_map(|key| key.key).collect(),
            type_name: specification.type_name.unwrap_or_default(),
        })
    }
}

/// An entity with its secrets.
#[derive(Clone, Debug)]
pub(crate) struct Holder {
    pub(crate) entity: Entity,
    pub(crate) secrets: Vec<Secret>,
}

impl Holder {
    fn from_wire(mut wire: wire::Entity, answer: &Answer) -> Result<Self> {
        let secrets = std::mem::take(&mut wire.secrets).0.into_iter().filter_map(Secret::from_wire).collect();
        Ok(Self { entity: Entity::from_wire(wire, answer)?, secrets })
    }
}

impl Named for Holder {
    fn ids(&self) -> Vec<&str> {
        self.entity.ids()
    }

    fn names(&self) -> Vec<&str> {
        self.entity.names()
    }
}

/// Secrets on one environment. From [`Apollo::secrets`].
#[derive(Clone, Debug)]
pub struct Secrets {
    apollo: Apollo,
    environment: EnvironmentRef,
}

impl Apollo {
    /// Secrets of an environment's entities.
    pub fn secrets(&self, environment: impl Into<EnvironmentRef>) -> Secrets {
        Secrets { apollo: self.clone(), environment: environment.into() }
    }
}

impl Secrets {
    /// Names and key names of an entity's secrets.
    pub fn list(&self, entity: impl Into<EntityRef>) -> Read<Vec<Secret>> {
        let (reference, entity) = (self.environment.clone(), entity.into());
        Read::new(&self.apollo, |session| async move { Ok(holder(&session, reference, &entity.0).await?.secrets) })
    }

    /// Creates a secret of an entity.
    pub fn create(&self, entity: impl Into<EntityRef>, name: impl Into<String>) -> CreateSecret {
        CreateSecret(self.draft(entity.into(), name.into()))
    }

    /// Overwrites keys of a secret.
    pub fn update(&self, entity: impl Into<EntityRef>, name: impl Into<String>) -> UpdateSecret {
        UpdateSecret(self.draft(entity.into(), name.into()))
    }

    fn draft(&self, entity: EntityRef, name: String) -> Draft {
        Draft {
            apollo: self.apollo.clone(),
            environment: self.environment.clone(),
            entity,
            name,
            description: None,
            keys: Vec::new(),
            patch: None,
        }
    }
}

async fn holder(session: &Session, environment: EnvironmentRef, entity: &str) -> Result<Holder> {
    let list = entity_pages::<EntitySecrets, _>(
        &session.apollo,
        environment,
        &["id", "rid"],
        |id| entity_secrets::Variables { id },
        |wire, _, answer| Holder::from_wire(wire, answer),
    );
    let all = list.within(session).collect_up_to(usize::MAX).await?;
    pick("entity", entity, &all, Match::Free).cloned()
}

/// What is to be written.
struct Draft {
    apollo: Apollo,
    environment: EnvironmentRef,
    entity: EntityRef,
    name: String,
    description: Option<String>,
    keys: Vec<(String, SecretString)>,
    patch: Option<Patch>,
}

impl Draft {
    fn check(&self, may_be_empty: bool) -> Result<()> {
        let refuse = |words: String| Err(Error::new(ErrorKind::InvalidInput, words).with_target(self.name.clone()));
        if self.name.trim().is_empty() {
            return refuse("a secret needs a name".into());
        }
        if self.keys.is_empty() && !may_be_empty {
            return refuse("a secret needs a value or keys".into());
        }
        if let Some((key, _)) = self.keys.iter().find(|(_, value)| is_placeholder(value.expose_secret())) {
            return refuse(format!("a masked placeholder instead of a value at {key}"));
        }
        let mut names: Vec<_> = self.keys.iter().map(|(key, _)| key).collect();
        names.sort();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return refuse("a key is given twice".into());
        }
        Ok(())
    }

    fn hidden(&self) -> Vec<SecretString> {
        self.keys.iter().map(|(_, value)| value.clone()).collect()
    }
}

/// Creates a secret when awaited. The result is whatever the server tells; its type is not published.
#[must_use = "awaiting it creates the secret"]
pub struct CreateSecret(Draft);

/// Changes a secret when awaited.
#[must_use = "awaiting it changes the secret"]
pub struct UpdateSecret(Draft);

macro_rules! drafts {
    ($($builder:ident)*) => {$(
        impl $builder {
            /// A single value, under a key that is called like the secret.
            pub fn value(mut self, value: SecretString) -> Self {
                let name = self.0.name.clone();
                self.0.keys.push((name, value));
                self
            }

            /// A key and its value.
            pub fn key(mut self, key: impl Into<String>, value: SecretString) -> Self {
                self.0.keys.push((key.into(), value));
                self
            }

            /// Words for people.
            pub fn description(mut self, text: impl Into<String>) -> Self {
                self.0.description = Some(text.into());
                self
            }

            /// Changes the list of inputs before it is sent: their fields are a proposal, see docs/apollo-inputs.md.
            pub fn patch_input(mut self, patch: impl FnOnce(&mut serde_json::Value) + Send + 'static) -> Self {
                self.0.patch = Some(Box::new(patch));
                self
            }
        }

        impl std::fmt::Debug for $builder {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($builder)).field("name", &self.0.name).finish_non_exhaustive()
            }
        }

        cube_sdk_core::awaitable!($builder => ());
    )*};
}

drafts!(CreateSecret UpdateSecret);

impl CreateSecret {
    async fn send(self) -> Result<()> {
        let draft = self.0;
        draft.check(false)?;
        let session = Session::strict(draft.apollo.clone());
        let environment = session.environment(&draft.environment, Match::Free).await?;
        let entity = session.entity(&environment, &draft.entity.0).await?;
        let hidden = draft.hidden();
        let keys = draft.keys.into_iter();
        let secret = create_secrets::ApolloCreateSecretRequest_Input {
            name: draft.name.clone(),
            description: draft.description,
            keys: keys.map(|(key, value)| create_secrets::ApolloSecretKeyInput { key, value: Hidden(value) }).collect(),
        };
        let variables = create_secrets::Variables { entity_id: entity.id.to_string(), secrets: vec![secret] };
        let request = Request::of::<CreateSecrets>(variables)?
            .patch("secrets", draft.patch)
            .hides(hidden)
            .about(format!("{}/{}/{}", environment.name, entity.name, draft.name));
        session.send(request).await?.acknowledges("/apollo/createSecrets")
    }
}

impl UpdateSecret {
    async fn send(self) -> Result<()> {
        let draft = self.0;
        draft.check(draft.description.is_some())?;
        let session = Session::strict(draft.apollo.clone());
        let environment = session.environment(&draft.environment, Match::Free).await?;
        let holder = holder(&session, (&environment).into(), &draft.entity.0).await?;
        let secret = holder.secrets.iter().find(|secret| secret.name == draft.name).ok_or_else(|| {
            let names: Vec<_> = holder.secrets.iter().map(|secret| secret.name.as_str()).collect();
            Error::new(ErrorKind::NotFound, format!("no secret is called `{}`", draft.name.escape_debug()))
                .with_target(format!("{}/{}", environment.name, holder.entity.name))
                .advice(format!("its secrets are: {}", names.join(", ")))
        })?;
        let rid = environment.need(secret.rid.as_ref(), "RID of the secret")?.to_string();
        let hidden = draft.hidden();
        let keys = draft.keys.into_iter();
        let secret = update_secrets::ApolloUpdateSecretRequest_Input {
            rid,
            description: draft.description,
            keys: keys.map(|(key, value)| update_secrets::ApolloSecretKeyInput { key, value: Hidden(value) }).collect(),
        };
        let variables = update_secrets::Variables { entity_id: holder.entity.id.to_string(), secrets: vec![secret] };
        let request = Request::of::<UpdateSecrets>(variables)?
            .patch("secrets", draft.patch)
            .hides(hidden)
            .about(format!("{}/{}/{}", environment.name, holder.entity.name, draft.name));
        session.send(request).await?.acknowledges("/apollo/updateSecretsByEntityId")
    }
}
