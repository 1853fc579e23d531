//! The form of a query call.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error::ApiError;

/// Parameters by name; a name given twice keeps its last value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form(BTreeMap<String, String>);

impl Form {
    pub(crate) fn parse(body: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(body).into_owned().collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(crate) fn need(&self, name: &str) -> Result<&str, ApiError> {
        self.get(name).ok_or_else(|| {
            let mut camel = name.to_owned();
            if let Some(first) = camel.get_mut(..1) {
                first.make_ascii_lowercase();
            }
            ApiError::missing(&camel)
        })
    }

    /// `{prefix}.1.Key`, `{prefix}.1.Value`, … in order.
    pub(crate) fn pairs(&self, prefix: &str) -> Vec<(String, String)> {
        (1..)
            .map_while(|n| {
                let key = self.get(&format!("{prefix}.{n}.Key"))?;
                Some((key.to_owned(), self.get(&format!("{prefix}.{n}.Value")).unwrap_or_default().to_owned()))
            })
            .collect()
    }

    /// CloudTrail's `requestParameters`: camel-cased names, without the protocol's own two.
    pub(crate) fn trail_parameters(&self) -> Value {
        let mut map = Map::new();
        for (name, value) in self.0.iter().filter(|(name, _)| !matches!(name.as_str(), "Action" | "Version")) {
            let mut camel = name.clone();
            if let Some(first) = camel.get_mut(..1) {
                first.make_ascii_lowercase();
            }
            let value = match value.parse::<u32>() {
                Ok(number) if name == "DurationSeconds" || name == "MaxSessionDuration" => Value::from(number),
                _ => Value::from(value.as_str()),
            };
            map.insert(camel, value);
        }
        if map.is_empty() { Value::Null } else { Value::Object(map) }
    }
}
