//! What a replication will do, as data.

use std::collections::BTreeSet;
use std::fmt;

use cube_sdk_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::digest::sha256;
use super::steps::Step;
use crate::ids::EnvironmentId;

/// An environment of a replication.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Place {
    /// The id; none for a target that does not exist yet.
    pub id: Option<EnvironmentId>,
    /// The name.
    pub name: String,
}

/// Something of the source that the target will lack.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NotCarried {
    /// What.
    pub what: String,
    /// Why, and what to do.
    pub why: String,
}

/// What a replication will do. Store it beside the journal; it holds no secret values.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ReplicationPlan {
    /// Where from.
    pub source: Place,
    /// Where to.
    pub target: Place,
    /// The steps, in order: environment, modules, entities, config, secrets.
    pub steps: Vec<Step>,
    /// What the target has already, which is left as it is.
    pub existing: Vec<String>,
    /// Entities that modules bring.
    pub by_modules: Vec<String>,
    /// What is not carried: all of it.
    pub not_carried: Vec<NotCarried>,
}

impl ReplicationPlan {
    /// True when there is nothing to do.
    pub const fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub(super) fn lacks(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.not_carried.push(NotCarried { what: what.into(), why: why.into() });
    }

    /// Two steps of one key would be one to a journal: the second would count as done with the first.
    pub(super) fn refuse_twins(&self) -> Result<()> {
        let mut seen = BTreeSet::new();
        match self.steps.iter().find(|step| !seen.insert(step.key())) {
            None => Ok(()),
            Some(twin) => Err(Error::new(ErrorKind::InvalidInput, format!("the plan has two steps `{}`", twin.key()))
                .with_target(self.target.name.clone())
                .advice("give the plan as it was made, or make a new one")),
        }
    }

    /// SHA-256 of the plan as data.
    pub(super) fn digest(&self) -> Result<String> {
        let text = serde_json::to_vec(self)
            .map_err(|cause| Error::new(ErrorKind::InvalidInput, "the plan has no JSON form").cause(cause))?;
        Ok(sha256(&text))
    }
}

impl fmt::Display for ReplicationPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "replicate {} to {}", self.source.name, self.target.name)?;
        for step in &self.steps {
            writeln!(f, "  do: {step}")?;
        }
        for what in &self.existing {
            writeln!(f, "  exists: {what}")?;
        }
        for what in &self.by_modules {
            writeln!(f, "  brought by its module: {what}")?;
        }
        for NotCarried { what, why } in &self.not_carried {
            writeln!(f, "  not carried: {what}: {why}")?;
        }
        Ok(())
    }
}
