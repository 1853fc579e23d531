//! Forms of arguments that several tools share.

use std::borrow::Cow;

use cube_sdk_core::SecretString;
use cube_sdk_core::secret::ExposeSecret;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// A JSON object, as text: real clients send structured arguments as text, and the schema asks for it. An object itself is
/// taken too.
#[derive(Clone, Debug)]
pub(super) struct ObjectText(pub(super) Map<String, Value>);

impl<'de> Deserialize<'de> for ObjectText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = match Value::deserialize(deserializer)? {
            // What serde says may quote the text, which may hold a secret: only the place is told.
            Value::String(text) => serde_json::from_str(&text).map_err(|fault| {
                D::Error::custom(format!("the text is no JSON (line {}, column {})", fault.line(), fault.column()))
            })?,
            value => value,
        };
        match value {
            Value::Object(object) => Ok(Self(object)),
            _ => Err(D::Error::custom("the text must be a JSON object")),
        }
    }
}

impl JsonSchema for ObjectText {
    fn schema_name() -> Cow<'static, str> {
        "ObjectText".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

impl ObjectText {
    /// Name and value as Apollo takes them: texts as they are, everything else as JSON.
    pub(super) fn texts(self) -> impl Iterator<Item = (String, SecretString)> {
        self.0.into_iter().map(|(name, value)| match value {
            Value::String(text) => (name, text.into()),
            value => (name, value.to_string().into()),
        })
    }
}

/// Names with commas between.
#[derive(Clone, Debug)]
pub(super) struct Names(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let names: Vec<_> = text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        if names.is_empty() {
            return Err(D::Error::custom("name at least one"));
        }
        Ok(Self(names))
    }
}

impl JsonSchema for Names {
    fn schema_name() -> Cow<'static, str> {
        "Names".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

/// A secret of the caller's, never shown again.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Hidden(SecretString);

impl JsonSchema for Hidden {
    fn schema_name() -> Cow<'static, str> {
        "Hidden".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

impl From<Hidden> for SecretString {
    fn from(hidden: Hidden) -> Self {
        hidden.0.expose_secret().to_owned().into()
    }
}

/// No arguments.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub(super) struct Nothing {}

/// An environment alone.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub(super) struct InEnvironment {
    /// Apollo environment (cube), by name or RID.
    pub(super) environment: String,
}

/// An entity of an environment.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub(super) struct OfEntity {
    /// Apollo environment (cube), by name or RID.
    pub(super) environment: String,
    /// The entity's exact name or its RID.
    pub(super) entity_name: String,
}
