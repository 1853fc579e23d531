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

use crate::choice::Match;
use crate::client::Apollo;
use crate::graphql::scalars::Hidden;
use crate::graphql::{
    CreateSecrets, EntitySecrets, Patch, Request, UpdateSecrets, create_secrets, entity_secrets, update_secrets,
};
use crate::listing::{BY_ID, entities};
use crate::mode::Mode;
pub use crate::model::Secret;
use crate::model::{Environment, Holder};
use crate::mutation::{Prepared, mutation};
use crate::query::Query;
use crate::references::{EntityRef, EnvironmentRef};
use crate::resolve::chosen;

/// Secrets on one environment. From [`Apollo::secrets`].
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// let secrets = apollo.secrets("cube-7").list("mosquitto").await?; // names alone: values cannot be read
/// assert_eq!(secrets[0].name, "admin");
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
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
    pub fn list(&self, entity: impl Into<EntityRef>) -> Query<Vec<Secret>> {
        let (reference, entity) = (self.environment.clone(), entity.into());
        Query::new(&self.apollo, |mode| async move {
            let environment = mode.environment(&reference, Match::Free).await?;
            Ok(mode.holder(&environment, &entity, Match::Free).await?.secrets()?.to_vec())
        })
    }

    /// Creates a secret of an entity. Takes exact names, ids or RIDs only.
    pub fn create(&self, entity: impl Into<EntityRef>, name: impl Into<String>) -> CreateSecret {
        CreateSecret { draft: self.draft(entity.into(), name.into()), patch: None }
    }

    /// Overwrites keys of a secret. Takes exact names, ids or RIDs only.
    pub fn update(&self, entity: impl Into<EntityRef>, name: impl Into<String>) -> UpdateSecret {
        UpdateSecret { draft: self.draft(entity.into(), name.into()), patch: None }
    }

    fn draft(&self, entity: EntityRef, name: String) -> Draft {
        Draft {
            apollo: self.apollo.clone(),
            environment: self.environment.clone(),
            entity,
            name,
            description: None,
            keys: Vec::new(),
        }
    }
}

impl Mode {
    /// The secrets of one entity.
    pub(crate) async fn holder(&self, environment: &Environment, wanted: &EntityRef, how: Match) -> Result<Holder> {
        let all = entities::<EntitySecrets, _>(
            environment,
            BY_ID,
            |id| entity_secrets::Variables { id },
            |wire, _, answer| Holder::from_wire(wire, answer),
        );
        chosen("entity", &wanted.0, &self.whole(all, "entities").await?, how, environment)
    }
}

/// What is to be written.
struct Draft {
    apollo: Apollo,
    environment: EnvironmentRef,
    entity: EntityRef,
    name: String,
    description: Option<String>,
    keys: Vec<(String, SecretString)>,
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

/// Creates a secret when awaited.
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// use cube_sdk_core::SecretString;
///
/// let secrets = apollo.secrets("cube-7");
/// let certificate = SecretString::from("…pem…");
/// secrets.create("mosquitto", "tls").key("cert", certificate).description("of the server").await?;
/// assert!(secrets.list("mosquitto").await?.iter().any(|secret| secret.name == "tls"));
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[must_use = "awaiting it creates the secret"]
pub struct CreateSecret {
    draft: Draft,
    patch: Option<Patch>,
}

/// Changes a secret when awaited.
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// use cube_sdk_core::SecretString;
///
/// let update = apollo.secrets("cube-7").update("mosquitto", "admin").key("password", SecretString::from("n3w"));
/// let shown = update.dry_run().await?; // await the update itself to send it
/// assert_eq!(shown.target.as_deref(), Some("cube-7/mosquitto/admin"));
/// assert!(!shown.to_string().contains("n3w"));
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[must_use = "awaiting it changes the secret"]
pub struct UpdateSecret {
    draft: Draft,
    patch: Option<Patch>,
}

macro_rules! drafts {
    ($($builder:ident)*) => {$(
        impl $builder {
            /// A single value, under a key that is called like the secret.
            pub fn value(self, value: SecretString) -> Self {
                let name = self.draft.name.clone();
                self.key(name, value)
            }

            /// A key and its value.
            pub fn key(mut self, key: impl Into<String>, value: SecretString) -> Self {
                self.draft.keys.push((key.into(), value));
                self
            }

            /// Words for people.
            pub fn description(mut self, text: impl Into<String>) -> Self {
                self.draft.description = Some(text.into());
                self
            }
        }

        mutation!($builder => ());
    )*};
}

drafts!(CreateSecret UpdateSecret);

impl CreateSecret {
    async fn prepare(self) -> Result<Prepared<()>> {
        let draft = self.draft;
        draft.check(false)?;
        let mode = Mode::strict(&draft.apollo);
        let environment = mode.environment(&draft.environment, Match::Exact).await?;
        let entity = mode.entity(&environment, &draft.entity, Match::Exact).await?;
        let hidden = draft.hidden();
        let keys = draft.keys.into_iter();
        let secret = create_secrets::ApolloCreateSecretRequest_Input {
            name: draft.name.clone(),
            description: draft.description,
            keys: keys.map(|(key, value)| create_secrets::ApolloSecretKeyInput { key, value: Hidden(value) }).collect(),
        };
        let variables = create_secrets::Variables { entity_id: entity.id.to_string(), secrets: vec![secret] };
        let request = Request::of::<CreateSecrets>(variables)?
            .patch("secrets", self.patch)
            .hides(hidden)
            .about(format!("{}/{}/{}", environment.name, entity.name, draft.name));
        Ok(Prepared::one(&draft.apollo, request, |answer| answer.acknowledges("/apollo/createSecrets")))
    }
}

impl UpdateSecret {
    async fn prepare(self) -> Result<Prepared<()>> {
        let draft = self.draft;
        draft.check(draft.description.is_some())?;
        let mode = Mode::strict(&draft.apollo);
        let environment = mode.environment(&draft.environment, Match::Exact).await?;
        let holder = mode.holder(&environment, &draft.entity, Match::Exact).await?;
        let target = format!("{}/{}", environment.name, holder.entity.name);
        let named: Vec<_> = holder.secrets()?.iter().filter(|secret| secret.name == draft.name).collect();
        let secret = match named.as_slice() {
            [one] => one,
            [] => {
                let names: Vec<_> = holder.secrets()?.iter().map(|secret| secret.name.as_str()).collect();
                let words = format!("no secret is called `{}`", draft.name.escape_debug());
                return Err(Error::new(ErrorKind::NotFound, words)
                    .with_target(target)
                    .advice(format!("its secrets are: {}", names.join(", "))));
            }
            many => {
                let words = format!("{} secrets are called `{}`", many.len(), draft.name.escape_debug());
                return Err(Error::new(ErrorKind::Conflict, words).with_target(target));
            }
        };
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
            .patch("secrets", self.patch)
            .hides(hidden)
            .about(format!("{target}/{}", draft.name));
        Ok(Prepared::one(&draft.apollo, request, |answer| answer.acknowledges("/apollo/updateSecretsByEntityId")))
    }
}
