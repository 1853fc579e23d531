//! From a reference to what Apollo has under it.

use cube_sdk_core::{Error, ErrorKind, Result};

use crate::choice::{Match, Named, Wanted, pick};
use crate::graphql::{EntityRefs, GetEnv, ListEnvs, Request, entity_refs, get_env, list_envs, wire};
use crate::listing::{BY_ID, Shape, Source, entities, list_in};
use crate::mode::Mode;
use crate::model::{Entity, Environment};
use crate::references::{EntityRef, EnvironmentRef, Which};

/// The lean list of environments.
pub(crate) fn all_environments() -> Source<Environment> {
    let shape = Shape { page: "/apollo/environments", list: "environments", identity: BY_ID };
    Source::items(
        shape,
        |token| {
            let page_token = token.map(str::to_owned);
            Request::of::<ListEnvs>(list_envs::Variables { page_size: 500, page_token })
        },
        |value, answer| Environment::from_wire(answer.parse(value)?, answer),
    )
}

impl Mode {
    /// A whole list. In a strict read every item must be there: one that is null may be the one that is wanted.
    pub(crate) async fn whole<T: Send + 'static>(&self, source: Source<T>, what: &str) -> Result<Vec<T>> {
        let mut list = list_in(self, source);
        let mut items = Vec::new();
        while let Some(item) = list.try_next().await? {
            items.push(item);
        }
        self.no_gap(list.skipped(), what).map(|()| items)
    }

    /// Refuses a list of which items were null.
    pub(crate) fn no_gap(&self, missing: u64, what: &str) -> Result<()> {
        if missing == 0 || self.is_partial() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Decode, format!("the reply lacks {missing} of the {what}"))
            .advice("try again; if it stays so, report it to the operator of Apollo"))
    }

    /// Resolves a reference to an environment.
    pub(crate) async fn environment(&self, reference: &EnvironmentRef, how: Match) -> Result<Environment> {
        let wanted = match &reference.0 {
            Which::Known(environment) => return Ok((**environment).clone()),
            Which::Wanted(wanted) => wanted,
        };
        if let Wanted::Id(rid) = wanted
            && rid.starts_with("ri.")
        {
            return self.environment_by_rid(rid).await;
        }
        let environments = self.whole(all_environments(), "environments").await?;
        pick("environment", wanted, &environments, how).cloned()
    }

    async fn environment_by_rid(&self, rid: &str) -> Result<Environment> {
        let request = Request::of::<GetEnv>(get_env::Variables { rid: rid.to_owned() })?.about(rid);
        let answer = self.send(&request).await?;
        match answer.read::<wire::Environment>("/apollo/environment")? {
            Some(environment) => Environment::from_wire(environment, &answer),
            None => Err(answer.not_found("environment")),
        }
    }

    /// Every entity of an environment, without any config.
    pub(crate) async fn entity_refs(&self, environment: &Environment) -> Result<Vec<Entity>> {
        let source = entities::<EntityRefs, _>(
            environment,
            BY_ID,
            |id| entity_refs::Variables { id },
            |wire, _, answer| Entity::from_wire(wire, answer),
        );
        self.whole(source, "entities").await.map_err(|error| placed(error, environment))
    }

    /// The one entity that a reference means.
    pub(crate) async fn entity(&self, environment: &Environment, wanted: &EntityRef, how: Match) -> Result<Entity> {
        let entities = self.entity_refs(environment).await?;
        chosen("entity", &wanted.0, &entities, how, environment)
    }
}

/// Picks a thing of an environment.
pub(crate) fn chosen<T: Named + Clone>(
    kind: &str,
    wanted: &Wanted,
    things: &[T],
    how: Match,
    environment: &Environment,
) -> Result<T> {
    pick(kind, wanted, things, how).cloned().map_err(|error| placed(error, environment))
}

/// Says where, unless that is told.
fn placed(error: Error, environment: &Environment) -> Error {
    if error.target().is_some() { error } else { error.with_target(environment.name.clone()) }
}
