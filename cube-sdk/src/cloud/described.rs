//! What the service says of its tools.

use cube_sdk_core::{Error, ErrorKind, Result};
use serde::Deserialize;
use serde_json::Value;

/// A tool, as the service describes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ToolInfo {
    /// What it is called by.
    pub name: String,
    /// What people call it.
    #[serde(default)]
    pub title: Option<String>,
    /// What it does.
    #[serde(default)]
    pub description: Option<String>,
    /// JSON Schema of its arguments.
    #[serde(default)]
    pub input_schema: Value,
    /// JSON Schema of its structured reply.
    #[serde(default)]
    pub output_schema: Option<Value>,
    /// What it does to the world, as far as the service says.
    #[serde(default)]
    pub annotations: Annotations,
}

/// What a tool does to the world; none where the service does not say.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Annotations {
    /// It changes nothing.
    #[serde(default)]
    pub read_only_hint: Option<bool>,
    /// It removes, replaces or interrupts.
    #[serde(default)]
    pub destructive_hint: Option<bool>,
    /// A second call with the same arguments changes nothing more.
    #[serde(default)]
    pub idempotent_hint: Option<bool>,
}

impl ToolInfo {
    /// The service says that a call changes nothing.
    pub fn is_read_only(&self) -> bool {
        self.annotations.read_only_hint == Some(true)
    }

    pub(super) fn page(result: &Value) -> Result<(Vec<Self>, Option<String>)> {
        let unreadable = |why: String| {
            Error::new(ErrorKind::Decode, format!("the list of tools cannot be read: {why}"))
                .advice("update the SDK, or report this")
        };
        let tools = result.get("tools").and_then(Value::as_array).ok_or_else(|| unreadable("no `tools`".to_owned()))?;
        let read = |(at, tool): (usize, &Value)| {
            Self::deserialize(tool).map_err(|cause| unreadable(format!("tools[{at}]: {cause}")))
        };
        let next = result.get("nextCursor").and_then(Value::as_str).map(str::to_owned);
        Ok((tools.iter().enumerate().map(read).collect::<Result<_>>()?, next))
    }
}
