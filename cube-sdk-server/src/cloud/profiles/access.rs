//! Who calls, and what they may do. Every decision is logged with who, what and why.

use std::fmt;
use std::sync::Arc;

use super::Profile;
use crate::store::Id;
use crate::store::cloud::Hash;

/// The target of the log lines of decisions.
const LOG: &str = "cube_cloud::access";

/// What a tool does, as far as permission and its annotations go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Effect {
    /// Changes nothing.
    Read,
    /// Changes nothing, and answers with a secret.
    Credential,
    /// Creates or changes.
    Write,
    /// Removes, replaces or interrupts.
    Destroy,
}

/// What stands behind a tool.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Needs {
    /// The profile's Apollo credentials.
    Apollo,
    /// tbot's kubeconfigs.
    Clusters,
    /// The apps of the service.
    Apps,
    /// Somewhere to build images.
    Images,
}

/// Why something is not allowed; for people, without a secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Denied(String);

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Somebody with a good key.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    hash: Hash,
    key: Id,
    owner: Arc<str>,
    prefix: Arc<str>,
    profile: Arc<Profile>,
}

impl Caller {
    pub(crate) fn new(hash: Hash, key: Id, owner: &str, prefix: &str, profile: Arc<Profile>) -> Self {
        Self { hash, key, owner: owner.into(), prefix: prefix.into(), profile }
    }

    /// What the caller's key is looked up by.
    pub(crate) const fn hash(&self) -> Hash {
        self.hash
    }

    pub(crate) const fn key(&self) -> Id {
        self.key
    }

    pub(crate) fn owner(&self) -> &str {
        &self.owner
    }

    pub(crate) fn profile(&self) -> &Arc<Profile> {
        &self.profile
    }

    /// May this tool be called?
    pub(crate) fn may_call(&self, tool: &str, effect: Effect, needs: Needs) -> Result<(), Denied> {
        let verdict = self.judge_call(tool, effect, needs);
        self.log("tool", tool, verdict)
    }

    /// As [`Self::may_call`], for a list: not logged.
    pub(crate) fn sees(&self, tool: &str, effect: Effect, needs: Needs) -> bool {
        self.judge_call(tool, effect, needs).is_ok()
    }

    fn judge_call(&self, tool: &str, effect: Effect, needs: Needs) -> Result<(), String> {
        let profile = &self.profile;
        if !profile.tools.matches(tool) {
            return Err(format!("the profile `{}` does not have the tool `{tool}`", profile.name));
        }
        if profile.read_only && matches!(effect, Effect::Write | Effect::Destroy) {
            return Err(format!("the profile `{}` is read-only and `{tool}` changes things", profile.name));
        }
        // With Apollo's own token anything may be changed past the tools.
        if profile.read_only && effect == Effect::Credential && needs == Needs::Apollo {
            return Err(format!("the profile `{}` is read-only and `{tool}` gives a token that is not", profile.name));
        }
        if needs == Needs::Apollo && profile.apollo.is_none() {
            return Err(format!("the profile `{}` has no Apollo credentials of its own", profile.name));
        }
        Ok(())
    }

    /// May this app be reached?
    pub(crate) fn may_reach_app(&self, app: &str) -> Result<(), Denied> {
        let name = &self.profile.name;
        let fits = self.profile.apps.matches(app);
        self.log("app", app, if fits { Ok(()) } else { Err(format!("the profile `{name}` does not reach `{app}`")) })
    }

    /// May this cluster be reached?
    pub(crate) fn may_reach_cluster(&self, cluster: &str) -> Result<(), Denied> {
        let name = &self.profile.name;
        let fits = self.profile.clusters.matches(cluster);
        let verdict = if fits { Ok(()) } else { Err(format!("the profile `{name}` does not reach `{cluster}`")) };
        self.log("cluster", cluster, verdict)
    }

    /// May keys of others be listed, made and revoked?
    pub(crate) fn may_administer(&self, what: &str) -> Result<(), Denied> {
        let verdict = if self.profile.admin {
            Ok(())
        } else {
            Err(format!("the profile `{}` does not administer keys", self.profile.name))
        };
        self.log("admin", what, verdict)
    }

    fn log(&self, kind: &str, what: &str, verdict: Result<(), String>) -> Result<(), Denied> {
        let (owner, key, profile) = (&self.owner, &self.prefix, &self.profile.name);
        match verdict {
            Ok(()) => {
                tracing::info!(target: LOG, %owner, %key, %profile, kind, what, "allowed");
                Ok(())
            }
            Err(why) => {
                tracing::warn!(target: LOG, %owner, %key, %profile, kind, what, %why, "denied");
                Err(Denied(why))
            }
        }
    }
}
