//! Profiles: what a group of users may do, and with which Apollo credentials.

mod access;

use std::sync::Arc;

pub(crate) use access::{Caller, Denied, Effect, Needs};
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};
use globset::{Glob, GlobSet, GlobSetBuilder};

/// Names by pattern: `*`, `?`, `[ab]` and `{a,b}`, nothing else is special.
#[derive(Clone, Debug)]
pub(crate) struct Patterns(GlobSet);

impl Patterns {
    pub(crate) fn new(texts: &[String], what: &str) -> Result<Self> {
        let mut set = GlobSetBuilder::new();
        for text in texts {
            let glob = Glob::new(text).map_err(|cause| {
                Error::new(ErrorKind::Config, format!("{what}: `{}` is no pattern", text.escape_debug())).cause(cause)
            })?;
            set.add(glob);
        }
        let set = set.build().map_err(|cause| {
            Error::new(ErrorKind::Config, format!("{what}: the patterns cannot be used together")).cause(cause)
        })?;
        Ok(Self(set))
    }

    pub(crate) fn matches(&self, name: &str) -> bool {
        self.0.is_match(name)
    }
}

/// The Apollo client of one profile.
#[derive(Clone, Debug)]
pub(crate) struct ApolloCredentials {
    pub(crate) client_id: String,
    pub(crate) client_secret: SecretString,
}

/// What its users may do.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(crate) name: String,
    /// The groups of users that it is for.
    pub(crate) groups: Vec<String>,
    /// Its own; a profile without has no Apollo tools.
    pub(crate) apollo: Option<ApolloCredentials>,
    pub(crate) tools: Patterns,
    pub(crate) clusters: Patterns,
    pub(crate) apps: Patterns,
    /// No tool that changes anything.
    pub(crate) read_only: bool,
    /// May list, create and revoke keys over HTTP.
    pub(crate) admin: bool,
}

/// Every profile.
#[derive(Clone, Debug, Default)]
pub(crate) struct Profiles(Vec<Arc<Profile>>);

impl Profiles {
    /// # Errors
    /// `Config` when a group leads to two profiles: which one its users have would depend on the file's order.
    pub(crate) fn new(profiles: Vec<Profile>) -> Result<Self> {
        for (at, profile) in profiles.iter().enumerate() {
            for group in &profile.groups {
                if let Some(other) = profiles[..at].iter().find(|other| other.groups.contains(group)) {
                    let message =
                        format!("the group `{group}` leads to two profiles, `{}` and `{}`", other.name, profile.name);
                    return Err(Error::new(ErrorKind::Config, message).advice("name it in one of them"));
                }
            }
        }
        Ok(Self(profiles.into_iter().map(Arc::new).collect()))
    }

    /// The profile of a user: the first of their groups, in the provider's order, that one names.
    pub(crate) fn of(&self, groups: &[String]) -> Option<&Arc<Profile>> {
        groups.iter().find_map(|group| self.0.iter().find(|profile| profile.groups.contains(group)))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Profile>> {
        self.0.iter()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn profile(name: &str, groups: &[&str]) -> Profile {
        let none = Patterns::new(&[], "").unwrap();
        Profile {
            name: name.to_owned(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            apollo: None,
            tools: none.clone(),
            clusters: none.clone(),
            apps: none,
            read_only: false,
            admin: false,
        }
    }

    #[test]
    fn the_order_of_the_users_groups_decides_and_not_that_of_the_file() {
        let profiles =
            Profiles::new(vec![profile("admin", &["admin"]), profile("lear", &["lear-dev", "lear"])]).unwrap();
        let of = |groups: &[&str]| {
            let groups: Vec<_> = groups.iter().map(|group| (*group).to_owned()).collect();
            profiles.of(&groups).map(|profile| profile.name.clone())
        };
        assert_eq!(of(&["unknown", "lear", "admin"]).as_deref(), Some("lear"));
        assert_eq!(of(&["admin", "lear"]).as_deref(), Some("admin"));
        assert_eq!(of(&["Admin", "unknown"]), None, "names are compared exactly");
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn a_group_of_two_profiles_is_a_mistake() {
        let error = Profiles::new(vec![profile("a", &["x"]), profile("b", &["y", "x"])]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
    }

    #[test]
    fn patterns_match_whole_names() {
        let patterns = Patterns::new(&["cube-*".to_owned(), "edge".to_owned()], "clusters").unwrap();
        for (name, fits) in [("cube-7", true), ("edge", true), ("edge-2", false), ("my-cube-7", false), ("", false)] {
            assert_eq!(patterns.matches(name), fits, "{name}");
        }
        assert!(Patterns::new(&["[".to_owned()], "apps").is_err());
    }
}
