//! Creating a secret.

use std::collections::BTreeSet;
use std::fmt;

use async_trait::async_trait;
use cube_sdk_core::Result;
use serde::{Deserialize, Serialize};

use super::{Carry, Ready, Seen, Sent};
use crate::choice::Match;
use crate::replicate::context::Context;
use crate::replicate::record::Noted;
use crate::replicate::secret_source::SecretKey;

/// Creates a secret with values of the secret source.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CreateSecret {
    /// The entity's name.
    pub entity: String,
    /// The secret's name.
    pub secret: String,
    /// The names of its keys.
    pub keys: Vec<String>,
}

impl CreateSecret {
    pub(in crate::replicate) const fn new(entity: String, secret: String, keys: Vec<String>) -> Self {
        Self { entity, secret, keys }
    }
}

impl fmt::Display for CreateSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "create secret {} of {} with keys {}", self.secret, self.entity, self.keys.join(", "))
    }
}

#[async_trait]
impl Carry for CreateSecret {
    fn key(&self) -> String {
        // A `/` in a name must not make two secrets one.
        let plain = |name: &str| name.replace('~', "~0").replace('/', "~1");
        format!("secret {}/{}", plain(&self.entity), plain(&self.secret))
    }

    async fn look(&self, at: &Context, _: Option<&Noted>) -> Result<Seen> {
        let Some(entity) = at.target_entity(&self.entity).await? else { return Ok(Seen::Nothing) };
        let holder = at.mode.holder(at.target()?, &(&entity).into(), Match::Exact).await?;
        let named: Vec<_> = holder.secrets()?.iter().filter(|secret| secret.name == self.secret).collect();
        let ours: BTreeSet<_> = self.keys.iter().collect();
        Ok(match named.as_slice() {
            [] => Seen::Nothing,
            [one] if one.keys_are_known && one.keys.iter().collect::<BTreeSet<_>>() == ours => {
                Seen::Same(one.rid.clone())
            }
            _ => Seen::Other(format!("secret {} of {} is there with other keys", self.secret, self.entity)),
        })
    }

    async fn ready(&self, at: &Context) -> Result<Ready> {
        let Some(found) = at.target_entity(&self.entity).await? else {
            return Ok(Ready::Pending(format!("entity {} is not on the target yet", self.entity)));
        };
        let (mut create, mut missing) = (at.apollo.secrets(at.target()?).create(&found, &self.secret), Vec::new());
        for key in &self.keys {
            match at.secrets.value(&SecretKey::new(&self.entity, &self.secret, key)).await? {
                Some(value) => create = create.key(key, value),
                None => missing.push(key.as_str()),
            }
        }
        if !missing.is_empty() {
            return Ok(Ready::Pending(format!("no value for {}", missing.join(", "))));
        }
        if self.keys.is_empty() {
            return Ok(Ready::Pending("Apollo tells none of its keys".into()));
        }
        Ok(Ready::sending(None, || async move { create.await.map(|()| Sent::Done(None)) }))
    }
}
