//! Any document: what a tenant's schema has and this client has no method for yet.
//!
//! ```
//! # cube_sdk_testkit::apollo::tour(async |world| {
//! # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
//! use cube_sdk_core::Idempotency;
//! use serde::Deserialize;
//! use serde_json::json;
//!
//! #[derive(Deserialize)]
//! struct Data {
//!     me: Me,
//! }
//! #[derive(Deserialize)]
//! #[serde(rename_all = "camelCase")]
//! struct Me {
//!     apollo_teams: Vec<Team>,
//! }
//! #[derive(Deserialize)]
//! struct Team {
//!     name: String,
//! }
//!
//! let document = "query { me { apolloTeams { name } } }";
//! let data: Data = apollo.execute(document, json!({}), Idempotency::Read).about("my teams").await?;
//! assert_eq!(data.me.apollo_teams[0].name, "platform");
//!
//! let document = "mutation($id: String!) { apollo { createProduct(productId: $id) { __typename } } }";
//! let create = || apollo.execute::<serde_json::Value>(document, json!({"id": "a:b"}), Idempotency::Once);
//! let shown = create().hides(["a secret of the variables".to_owned().into()]).dry_run()?;
//! assert_eq!(shown.variables["id"], "a:b");
//! let created = create().partial().await?; // with the errors that stood beside the data
//! assert_eq!(created.value["apollo"]["createProduct"]["__typename"], "ApolloProduct");
//! # Ok::<(), cube_sdk_core::Error>(()) });
//! ```

use std::fmt;
use std::marker::PhantomData;

use cube_sdk_core::{Error, ErrorKind, Idempotency, Operation, Result, SecretString, awaitable};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::answer::Answer;
use crate::client::Apollo;
use crate::entity_config::secret_texts;
use crate::graphql::{Kind, Request, kind_of};
use crate::mutation::DryRun;
use crate::query::Partial;

/// A document that is sent when it is awaited, under this client's credentials and by its rules: what may be repeated
/// is told by the idempotency, errors beside the data fail a query, a mutation has failed when its field is null.
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// use cube_sdk_core::Idempotency;
/// use serde_json::{Value, json};
///
/// let document = "query { me { apolloTeams { name } } }";
/// let data: Value = apollo.execute(document, json!({}), Idempotency::Read).about("my teams").await?;
/// assert_eq!(data["me"]["apolloTeams"][0]["name"], "platform");
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[must_use = "a document is not sent until it is awaited"]
pub struct Execute<T> {
    apollo: Apollo,
    request: Result<Request>,
    is_query: bool,
    output: PhantomData<fn() -> T>,
}

impl<T> fmt::Debug for Execute<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Execute").finish_non_exhaustive()
    }
}

impl Apollo {
    /// Any document with one operation; awaiting it gives `data`, read as `T`. Variables whose name or value looks
    /// secret never show in errors; name others with [`Execute::hides`].
    ///
    /// `idempotency` says whether it may be sent again after a failure that leaves open whether it ran.
    pub fn execute<T: DeserializeOwned + Send + 'static>(
        &self,
        document: impl Into<String>,
        variables: impl Serialize,
        idempotency: Idempotency,
    ) -> Execute<T> {
        let document = document.into();
        let is_query = kind_of(&document) == Some(Kind::Query);
        let request = check(&document, idempotency).and_then(|()| {
            let operation = Operation::new("apollo", "execute", idempotency);
            let request = Request::free(operation, document, &variables)?;
            let hidden = secret_texts(&request.variables());
            Ok(request.hides(hidden))
        });
        Execute { apollo: self.clone(), request, is_query, output: PhantomData }
    }
}

/// Refuses what cannot be meant.
fn check(document: &str, idempotency: Idempotency) -> Result<()> {
    let refuse = |kind, words: &str, advice: &str| Err(Error::new(kind, words).with_target("document").advice(advice));
    match kind_of(document) {
        None => refuse(ErrorKind::InvalidInput, "it is not one GraphQL operation", "give one query or one mutation"),
        Some(Kind::Subscription) => {
            refuse(ErrorKind::Unsupported, "subscriptions are not spoken", "ask again and again with a query")
        }
        Some(Kind::Mutation) if idempotency == Idempotency::Read => {
            refuse(ErrorKind::InvalidInput, "a mutation is no read", "say Once, or Repeatable where twice does no harm")
        }
        Some(Kind::Mutation | Kind::Query) => Ok(()),
    }
}

impl<T: DeserializeOwned + Send + 'static> Execute<T> {
    /// Secrets in the variables, which no error or log may repeat.
    pub fn hides(mut self, secrets: impl IntoIterator<Item = SecretString>) -> Self {
        self.request = self.request.map(|request| request.hides(secrets));
        self
    }

    /// What it is about, for errors. The text must hold no secret.
    pub fn about(mut self, target: impl Into<String>) -> Self {
        self.request = self.request.map(|request| request.about(target));
        self
    }

    /// What would be sent.
    ///
    /// # Errors
    /// `InvalidInput` for a document that is none, or variables that have no JSON form.
    pub fn dry_run(self) -> Result<DryRun> {
        Ok(DryRun::of(&self.request?))
    }

    /// Takes data that came with errors, and the errors.
    ///
    /// # Errors
    /// As awaiting it, but for errors beside data.
    pub async fn partial(self) -> Result<Partial<T>> {
        let answer = self.apollo.send(&self.request?, true).await?;
        Ok(Partial { value: read(&answer)?, fault: answer.fault })
    }

    async fn send(self) -> Result<T> {
        let answer = self.apollo.send(&self.request?, false).await?;
        match &answer.fault {
            // One that must not run twice is judged as a mutation, whose field may come beside errors.
            Some(fault) if self.is_query => Err(fault.clone().into_error(answer.operation).with_target(answer.target)),
            _ => read(&answer),
        }
    }
}

fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T> {
    answer.require("")
}

awaitable!([T: DeserializeOwned + Send + 'static] Execute<T> => T);
