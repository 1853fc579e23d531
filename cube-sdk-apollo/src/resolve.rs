//! From a name or RID to the one thing that it means.

use cube_sdk_core::{Error, ErrorKind, Result};
use serde_json::Value;

use crate::client::Apollo;
use crate::drain::{Listing, Shape, Source};
use crate::entities::Entity;
use crate::environments::Environment;
use crate::graphql::{EntityRefs, GetEnv, ListEnvs, Request, entity_refs, get_env, list_envs, wire};
use crate::ids::Rid;
use crate::read::Session;

/// How freely a name may be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Match {
    /// Exact, else without case, else the only one that contains it.
    Free,
    /// Exact only: for what destroys.
    Exact,
}

/// What a thing can be called by.
pub(crate) trait Named {
    /// Ids that must match whole.
    fn ids(&self) -> Vec<&str>;
    /// Names, the best first.
    fn names(&self) -> Vec<&str>;
}

/// Picks the one thing that `wanted` means.
///
/// # Errors
/// `NotFound`; `InvalidInput` when several fit, listing them.
pub(crate) fn pick<'a, T: Named>(kind: &str, wanted: &str, things: &'a [T], how: Match) -> Result<&'a T> {
    let wanted = wanted.trim();
    if wanted.is_empty() {
        return Err(Error::new(ErrorKind::InvalidInput, format!("the name of the {kind} is empty")));
    }
    let lower = wanted.to_lowercase();
    let named = |thing: &T, test: &dyn Fn(&str) -> bool| thing.names().iter().any(|name| test(name));
    let by_id = |thing: &T| thing.ids().contains(&wanted);
    let exact = |thing: &T| by_id(thing) || named(thing, &|name| name == wanted);
    let folded = |thing: &T| named(thing, &|name| name.to_lowercase() == lower);
    let contains = |thing: &T| named(thing, &|name| name.to_lowercase().contains(&lower));
    let tests: &[&dyn Fn(&T) -> bool] = match (Rid::is_rid(wanted), how) {
        (true, _) => &[&by_id],
        (false, Match::Exact) => &[&exact],
        (false, Match::Free) => &[&exact, &folded, &contains],
    };
    for test in tests {
        let found: Vec<_> = things.iter().filter(|thing| test(thing)).collect();
        match found.as_slice() {
            [] => {}
            [one] => return Ok(one),
            many => return Err(ambiguous(kind, wanted, many)),
        }
    }
    let words = format!("no {kind} is called `{}`", wanted.escape_debug());
    let near: Vec<_> = things.iter().filter(|thing| contains(thing)).take(5).map(label).collect();
    let advice =
        if near.is_empty() { format!("list the {kind} names") } else { format!("did you mean {}", near.join(", ")) };
    Err(Error::new(ErrorKind::NotFound, words).advice(advice))
}

fn label<T: Named>(thing: &T) -> String {
    let name = thing.names().first().map_or_else(String::new, |name| (*name).to_owned());
    match thing.ids().first() {
        Some(id) if *id != name => format!("{name} ({id})"),
        _ => name,
    }
}

fn ambiguous<T: Named>(kind: &str, wanted: &str, many: &[&T]) -> Error {
    const SHOWN: usize = 10;
    let mut candidates: Vec<_> = many.iter().take(SHOWN).map(|thing| label(*thing)).collect();
    if many.len() > SHOWN {
        candidates.push(format!("{} more", many.len() - SHOWN));
    }
    Error::new(
        ErrorKind::InvalidInput,
        format!("`{}` fits {} {kind} names: {}", wanted.escape_debug(), many.len(), candidates.join(", ")),
    )
    .with_ambiguous()
    .advice("give the whole name, or the RID")
}

/// An environment as the caller has it: already read, or by name or RID.
#[derive(Clone, Debug)]
pub struct EnvironmentRef(Which);

#[derive(Clone, Debug)]
enum Which {
    Known(Box<Environment>),
    Named(String),
}

impl From<&str> for EnvironmentRef {
    fn from(name: &str) -> Self {
        Self(Which::Named(name.to_owned()))
    }
}

impl From<String> for EnvironmentRef {
    fn from(name: String) -> Self {
        Self(Which::Named(name))
    }
}

impl From<&Rid> for EnvironmentRef {
    fn from(rid: &Rid) -> Self {
        Self(Which::Named(rid.to_string()))
    }
}

impl From<Environment> for EnvironmentRef {
    fn from(environment: Environment) -> Self {
        Self(Which::Known(Box::new(environment)))
    }
}

impl From<&Environment> for EnvironmentRef {
    fn from(environment: &Environment) -> Self {
        environment.clone().into()
    }
}

impl From<&Self> for EnvironmentRef {
    fn from(reference: &Self) -> Self {
        reference.clone()
    }
}

/// The lean list of environments.
pub(crate) fn all_environments(apollo: &Apollo) -> Listing<Environment> {
    let shape = Shape { page: "/apollo/environments", list: "environments", identity: &["id", "rid"] };
    Listing::new(apollo, shape, |_| async {
        Ok(Source {
            request: Box::new(|token| {
                let page_token = token.map(str::to_owned);
                Request::of::<ListEnvs>(list_envs::Variables { page_size: 500, page_token })
            }),
            item: Box::new(|value, answer| Environment::from_wire(answer.parse(value)?, answer)),
        })
    })
}

impl Session {
    /// Resolves a reference to an environment.
    pub(crate) async fn environment(&self, reference: &EnvironmentRef, how: Match) -> Result<Environment> {
        let name = match &reference.0 {
            Which::Known(environment) => return Ok((**environment).clone()),
            Which::Named(name) => name.trim(),
        };
        if Rid::is_rid(name) {
            return self.environment_by_rid(name).await;
        }
        let environments = all_environments(&self.apollo).within(self).collect_up_to(usize::MAX).await?;
        pick("environment", name, &environments, how).cloned()
    }

    async fn environment_by_rid(&self, rid: &str) -> Result<Environment> {
        let request = Request::of::<GetEnv>(get_env::Variables { rid: rid.to_owned() })?.about(rid);
        let answer = self.send(request).await?;
        match answer.read::<wire::Environment>("/apollo/environment")? {
            Some(environment) => Environment::from_wire(environment, &answer),
            None => Err(answer.not_found("environment")),
        }
    }

    /// Every entity of an environment, without any config.
    pub(crate) async fn entity_refs(&self, environment: &Environment) -> Result<Vec<Entity>> {
        let shape = Shape { page: "/apollo/environmentById/entities", list: "entities", identity: &["id", "rid"] };
        let (id, target) = (environment.id.to_string(), environment.name.clone());
        Listing::new(&self.apollo, shape, move |_| async move {
            Ok(Source {
                request: Box::new(move |token| {
                    let variables = entity_refs::Variables { id: id.clone() };
                    let request = match token {
                        None => Request::of::<EntityRefs>(variables),
                        Some(token) => Request::next::<EntityRefs>(variables, token),
                    };
                    Ok(request?.about(target.as_str()))
                }),
                item: Box::new(|value: &Value, answer| Entity::from_wire(answer.parse(value)?, answer)),
            })
        })
        .within(self)
        .collect_up_to(usize::MAX)
        .await
    }

    /// The entity that was installed under exactly this name.
    pub(crate) async fn entity_named(&self, environment: &Environment, name: &str) -> Result<Option<Entity>> {
        let entities = self.entity_refs(environment).await?;
        Ok(entities.into_iter().find(|entity| entity.entity_name.as_deref().unwrap_or(&entity.name) == name))
    }

    /// The one entity that a name, id or RID means.
    pub(crate) async fn entity(&self, environment: &Environment, wanted: &str) -> Result<Entity> {
        let entities = self.entity_refs(environment).await?;
        pick("entity", wanted, &entities, Match::Free)
            .cloned()
            .map_err(|error| error.with_target(environment.name.clone()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    struct Thing(&'static str, &'static str);

    impl Named for Thing {
        fn ids(&self) -> Vec<&str> {
            vec![self.0]
        }

        fn names(&self) -> Vec<&str> {
            vec![self.1]
        }
    }

    #[test]
    fn the_best_level_wins_and_ambiguity_lists_candidates() {
        let things = [Thing("ri.1", "Cube"), Thing("ri.2", "cube"), Thing("ri.3", "cube-7"), Thing("ri.4", "Lab")];
        let name = |wanted, how| pick("thing", wanted, &things, how).map(|thing| thing.0);
        assert_eq!(name("cube", Match::Free).unwrap(), "ri.2");
        assert_eq!(name("lab", Match::Free).unwrap(), "ri.4");
        assert_eq!(name("e-7", Match::Free).unwrap(), "ri.3");
        assert_eq!(name("ri.3", Match::Exact).unwrap(), "ri.3");
        let error = name("CUBE", Match::Free).unwrap_err();
        assert_eq!((error.kind(), error.is_ambiguous()), (ErrorKind::InvalidInput, true));
        assert!(error.to_string().contains("Cube (ri.1), cube (ri.2)"), "{error}");
        assert_eq!(name("ube", Match::Free).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(name("lab", Match::Exact).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(name(" ", Match::Free).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(name("ri.9", Match::Free).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
