//! Installing a module.

use std::fmt;

use async_trait::async_trait;
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};
use serde::{Deserialize, Serialize};

use super::{Carry, Ready, Seen, Sent};
use crate::ids::MavenCoordinate;
use crate::model::{ModuleInstallation, VariableInput};
use crate::modules::{installing, read_installed};
use crate::replicate::context::Context;
use crate::replicate::record::Noted;

/// Installs a module with the source's variables.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct InstallModule {
    /// `group:artifact:version`.
    pub coordinate: String,
    /// The display name in the source.
    pub display_name: Option<String>,
    /// Names of the variables.
    pub variables: Vec<String>,
}

impl InstallModule {
    pub(in crate::replicate) const fn new(
        coordinate: String,
        display_name: Option<String>,
        variables: Vec<String>,
    ) -> Self {
        Self { coordinate, display_name, variables }
    }

    /// The source's values. A variable that names the source environment names the target in its place.
    async fn inputs(&self, at: &Context) -> Result<Vec<VariableInput>> {
        let refuse = |words: String| {
            Error::new(ErrorKind::Conflict, words).with_target(at.source.name.clone()).advice("make a new plan")
        };
        let modules = at.mode.modules(&at.source).await?;
        let found: Vec<_> = modules.iter().filter(|module| self.is_meant(module)).collect();
        let [module] = found.as_slice() else {
            return Err(refuse(format!("the source has {} modules {} now", found.len(), self.coordinate)));
        };
        let target = at.target()?;
        let mut inputs = module.inputs()?;
        for input in &mut inputs {
            if input.value.expose_secret() == at.source.id.as_str() {
                input.value = SecretString::from(target.id.as_str());
            }
        }
        Ok(inputs)
    }

    /// Two installations of one module are told apart by their display names.
    fn is_meant(&self, module: &ModuleInstallation) -> bool {
        module.coordinate == self.coordinate && module.display_name == self.display_name
    }
}

impl fmt::Display for InstallModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "install module {} with {} variables", self.coordinate, self.variables.len())
    }
}

#[async_trait]
impl Carry for InstallModule {
    fn key(&self) -> String {
        format!("module {}", self.coordinate)
    }

    async fn look(&self, at: &Context, noted: Option<&Noted>) -> Result<Seen> {
        let modules = at.mode.modules(at.target()?).await?;
        if modules.iter().any(|module| module.coordinate.is_empty()) {
            return Err(Error::new(
                ErrorKind::Decode,
                "the reply does not tell the coordinate of a module of the target",
            )
            .with_target(at.target()?.name.clone())
            .advice("run it again with the same journal"));
        }
        let found: Vec<_> = modules.iter().filter(|module| module.coordinate == self.coordinate).collect();
        let module = match found.as_slice() {
            [] => return Ok(Seen::Nothing),
            [one] if noted.is_some() => one,
            many => return Ok(Seen::Other(format!("module {} is there, {} times", self.coordinate, many.len()))),
        };
        // Those without a value count as none there as here; one of a kind that is not known is another value.
        if !module.is_whole {
            return Err(Error::new(
                ErrorKind::Decode,
                "the reply does not tell all variables of a module of the target",
            )
            .with_target(at.target()?.name.clone())
            .advice("run it again with the same journal"));
        }
        let set = module.variables.iter().filter(|variable| variable.is_set() || variable.kind.is_odd()).count();
        let inputs = self.inputs(at).await?;
        let carried = |input: &VariableInput| {
            let there = module.variables.iter().find(|variable| variable.name == input.name);
            there.is_some_and(|there| there.kind == input.kind && there.expose() == input.value.expose_secret())
        };
        if self.is_meant(module) && inputs.len() == set && inputs.iter().all(carried) {
            return Ok(Seen::Same(Some(module.rid.clone())));
        }
        Ok(Seen::Other(format!("module {} is there with other values", self.coordinate)))
    }

    async fn ready(&self, at: &Context) -> Result<Ready> {
        let coordinate = MavenCoordinate::parse(&self.coordinate)?;
        let inputs = self.inputs(at).await?;
        // Secrets that the module requires are created by later steps.
        let request = installing(at.target()?, &coordinate, self.display_name.clone(), inputs, true, None)?;
        let apollo = at.apollo.clone();
        Ok(Ready::sending(None, move || async move {
            let installed = read_installed(&apollo.send(&request, false).await?)?;
            Ok(Sent::Done(Some(installed.rid)))
        }))
    }
}
