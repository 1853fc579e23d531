//! Creating the target.

use std::fmt;

use async_trait::async_trait;
use cube_sdk_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::{Carry, Ready, Seen, Sent};
use crate::graphql::{SourceEnv, source_env};
use crate::listing::{entity_pages, list_in};
use crate::replicate::context::{Context, named, several};
use crate::replicate::record::Noted;

/// Creates the target.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CreateEnvironment {
    /// Its name.
    pub name: String,
    /// Its accreditation.
    pub accreditation: String,
}

impl CreateEnvironment {
    pub(in crate::replicate) const fn new(name: String, accreditation: String) -> Self {
        Self { name, accreditation }
    }
}

impl fmt::Display for CreateEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "create environment {} ({})", self.name, self.accreditation)
    }
}

#[async_trait]
impl Carry for CreateEnvironment {
    fn key(&self) -> String {
        format!("environment {}", self.name)
    }

    /// A new environment is empty: one with anything in it is somebody else's.
    async fn look(&self, at: &Context, noted: Option<&Noted>) -> Result<Seen> {
        let found = named(&at.mode, &self.name).await?;
        let one = match found.as_slice() {
            [] => return Ok(Seen::Nothing),
            [one] => one,
            many => return Err(several(&self.name, many.iter())),
        };
        if noted.is_none() {
            return Ok(Seen::Other(format!("environment {} is there", self.name)));
        }
        let mut pages = list_in(&at.mode, entity_pages::<SourceEnv>(one, |id| source_env::Variables { id }));
        while let Some(page) = pages.try_next().await? {
            let entities = page.entities.and_then(|page| page.entities);
            let modules = page.modules.and_then(|modules| modules.module_installations);
            let (Some(entities), Some(modules), Some(level)) = (entities, modules, page.accreditation) else {
                return Err(Error::new(ErrorKind::Decode, "the reply does not tell all of the environment")
                    .with_target(self.name.clone())
                    .advice("run it again with the same journal"));
            };
            let holds = entities.items.len() + entities.nulls + modules.items.len() + modules.nulls;
            if holds > 0 {
                return Ok(Seen::Other(format!("environment {} is there with {holds} things in it", self.name)));
            }
            if level != self.accreditation {
                return Ok(Seen::Other(format!("environment {} is there with another accreditation", self.name)));
            }
        }
        Ok(Seen::Same(one.rid.clone()))
    }

    async fn ready(&self, at: &Context) -> Result<Ready> {
        let create = at.apollo.environments().create(self.name.clone()).accreditation(self.accreditation.clone());
        Ok(Ready::sending(None, || async move { Ok(Sent::Done(create.await?.environment.rid)) }))
    }
}
