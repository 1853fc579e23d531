//! What a tool answers.

use std::fmt;

use serde_json::Value;

/// What a tool answered: text for people, and data for programs where the service gives it.
///
/// Its Debug text shows neither: some tools answer with secrets.
#[derive(Clone, Default)]
pub struct ToolReply {
    text: String,
    data: Option<Value>,
    content: Vec<Value>,
}

impl fmt::Debug for ToolReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolReply")
            .field("text_bytes", &self.text.len())
            .field("has_data", &self.data.is_some())
            .field("items", &self.content.len())
            .finish()
    }
}

impl ToolReply {
    /// Reads a `result`. The second value is true when the tool says that it failed.
    pub(super) fn read(mut result: Value) -> (Self, bool) {
        let failed = result.get("isError").and_then(Value::as_bool) == Some(true);
        let data = result.get_mut("structuredContent").map(Value::take).filter(|data| !data.is_null());
        let content = match result.get_mut("content").map(Value::take) {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        };
        let texts: Vec<_> = content
            .iter()
            .filter(|item| item.get("type").and_then(Value::as_str) == Some("text"))
            .filter_map(|item| item.get("text").and_then(Value::as_str))
            .collect();
        // As published clients do: what has no text is shown whole.
        let text = if texts.is_empty() && !content.is_empty() {
            Value::Array(content.clone()).to_string()
        } else {
            texts.join("\n")
        };
        (Self { text, data, content }, failed)
    }

    /// For people.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// For programs; none where the service gives text only, as older ones do.
    pub const fn data(&self) -> Option<&Value> {
        self.data.as_ref()
    }

    /// Every item of the answer as it came, those that are no text too.
    pub fn content(&self) -> &[Value] {
        &self.content
    }

    pub(super) fn into_parts(self) -> (String, Option<Value>) {
        (self.text, self.data)
    }
}
