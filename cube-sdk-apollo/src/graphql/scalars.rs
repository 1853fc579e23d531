//! What the schema's scalars are in this crate.

use cube_sdk_core::SecretString;
use cube_sdk_core::secret::ExposeSecret;
use serde::{Deserialize, Serialize, Serializer};

pub(crate) type RID = String;
pub(crate) type PageToken = String;
pub(crate) type Any = serde_json::Value;
pub(crate) type DateTime = String;

/// A text that may hold secrets: written into bodies only.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Hidden(pub(crate) SecretString);

impl Serialize for Hidden {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0.expose_secret())
    }
}

pub(crate) type ApolloConfigText = Hidden;
pub(crate) type ApolloVariableText = Hidden;
pub(crate) type ApolloSecretText = Hidden;
