//! How the answer of a cloud tool is shown: which of its data are rows, and their columns.

use cube_render::Table;
use serde_json::Value;

/// A command over a tool of cube-cloud.
#[derive(Debug)]
pub(crate) struct View {
    /// The command, such as `env ls`.
    pub(crate) command: &'static str,
    /// The tool that it calls.
    pub(crate) tool: &'static str,
    /// The rows of its data, where it has some. Else the tool's own text is shown.
    pub(crate) rows: Option<Rows>,
}

/// Where rows are, and what of them is shown.
#[derive(Debug)]
pub(crate) struct Rows {
    /// The field of the data that holds them.
    pub(crate) field: &'static str,
    pub(crate) columns: &'static [Column],
}

/// A header, and the JSON pointer of the cell below it; an empty pointer is the row itself.
#[derive(Debug)]
pub(crate) struct Column(pub(crate) &'static str, pub(crate) &'static str);

impl View {
    /// A command whose text comes from the service.
    pub(crate) const fn text(command: &'static str, tool: &'static str) -> Self {
        Self { command, tool, rows: None }
    }

    /// A command that lists.
    pub(crate) const fn list(
        command: &'static str,
        tool: &'static str,
        field: &'static str,
        columns: &'static [Column],
    ) -> Self {
        Self { command, tool, rows: Some(Rows { field, columns }) }
    }

    pub(super) fn rows_in<'a>(&self, data: Option<&'a Value>) -> Option<&'a Vec<Value>> {
        data?.get(self.rows.as_ref()?.field)?.as_array()
    }

    pub(super) fn table(&self, data: Option<&Value>) -> Option<Table> {
        let columns = self.rows.as_ref()?.columns;
        let cells = |row: &Value| -> Vec<String> {
            columns.iter().map(|column| row.pointer(column.1).map_or_else(|| "-".to_owned(), cell)).collect()
        };
        let head = columns.iter().map(|column| column.0).collect();
        Some(Table { head, rows: self.rows_in(data)?.iter().map(cells).collect() })
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => match (fields.get("id"), fields.get("value")) {
            (Some(id), Some(Value::Null) | None) => cell(id),
            (Some(id), Some(value)) => format!("{}={}", cell(id), cell(value)),
            _ => value.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cells_are_made_to_be_read() {
        for (value, wanted) in [
            (json!(null), "-"),
            (json!([]), "-"),
            (json!(["a", "b"]), "a, b"),
            (json!(true), "yes"),
            (json!(3), "3"),
            (json!([{ "id": "customer", "value": "acme" }, { "id": "gpu" }]), "customer=acme, gpu"),
        ] {
            assert_eq!(cell(&value), wanted);
        }
    }
}
