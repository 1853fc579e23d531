//! What a replication will do, as data.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{EntityId, EnvironmentId};

/// An environment of a replication.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Place {
    /// The id; none for a target that does not exist yet.
    pub id: Option<EnvironmentId>,
    /// The name.
    pub name: String,
}

/// One step. It holds names only: values are read from the source, or asked of the secret source, when it runs.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "do", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Step {
    /// Creates the target.
    CreateEnvironment {
        /// Its name.
        name: String,
        /// Its accreditation.
        accreditation: String,
    },
    /// Installs a module with the source's variables.
    InstallModule {
        /// `group:artifact:version`.
        coordinate: String,
        /// The display name in the source.
        display_name: Option<String>,
        /// Names of the variables.
        variables: Vec<String>,
    },
    /// Installs an entity.
    InstallEntity {
        /// Its name.
        entity: String,
        /// `group:artifact`.
        product: String,
        /// The channel that it follows.
        release_channel: Option<String>,
        /// The Kubernetes namespace.
        namespace: String,
    },
    /// Writes the source entity's config.
    WriteConfig {
        /// The entity's name.
        entity: String,
        /// The source's entity.
        from: EntityId,
    },
    /// Creates a secret with values of the secret source.
    CreateSecret {
        /// The entity's name.
        entity: String,
        /// The secret's name.
        secret: String,
        /// The names of its keys.
        keys: Vec<String>,
    },
}

impl Step {
    /// What identifies it in a journal.
    pub fn key(&self) -> String {
        match self {
            Self::CreateEnvironment { name, .. } => format!("environment {name}"),
            Self::InstallModule { coordinate, .. } => format!("module {coordinate}"),
            Self::InstallEntity { entity, .. } => format!("entity {entity}"),
            Self::WriteConfig { entity, .. } => format!("config {entity}"),
            Self::CreateSecret { entity, secret, .. } => format!("secret {entity}/{secret}"),
        }
    }

    /// Steps of one phase are sent together before any is waited for.
    pub(super) const fn phase(&self) -> u8 {
        match self {
            Self::CreateEnvironment { .. } => 0,
            Self::InstallModule { .. } => 1,
            Self::InstallEntity { .. } => 2,
            Self::WriteConfig { .. } => 3,
            Self::CreateSecret { .. } => 4,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateEnvironment { name, accreditation } => write!(f, "create environment {name} ({accreditation})"),
            Self::InstallModule { coordinate, variables, .. } => {
                write!(f, "install module {coordinate} with {} variables", variables.len())
            }
            Self::InstallEntity { entity, product, namespace, .. } => {
                write!(f, "install entity {entity} ({product}) in namespace {namespace}")
            }
            Self::WriteConfig { entity, .. } => write!(f, "write config of {entity}"),
            Self::CreateSecret { entity, secret, keys } => {
                write!(f, "create secret {secret} of {entity} with keys {}", keys.join(", "))
            }
        }
    }
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
    /// What cannot be carried.
    pub not_carried: Vec<NotCarried>,
}

impl ReplicationPlan {
    /// True when there is nothing to do.
    pub const fn is_empty(&self) -> bool {
        self.steps.is_empty()
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
