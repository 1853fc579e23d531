//! The one trait of everything that is shown.

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde_json::Value;

use crate::{Step, Table};

/// Something to show.
pub trait View: Serialize + JsonSchema {
    /// What its value is called in a stream of values, such as `tunnel.opened`. It never changes its meaning.
    const NAME: &'static str;

    /// For people: whole lines without a line break at the end, without colours.
    fn text(&self) -> String;

    /// The same as rows, where it is a list: for who draws tables.
    fn table(&self) -> Option<Table> {
        None
    }

    /// What can be done next, if anything is to be said about it.
    fn next(&self) -> Vec<Step> {
        Vec::new()
    }

    /// For programs: an object by [`schema`](Self::schema).
    fn value(&self) -> Value {
        // Fields of texts, numbers and lists always serialise.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The JSON schema of [`value`](Self::value).
    fn schema() -> Value {
        schema_of::<Self>()
    }
}

/// A JSON schema as every reader takes it: in one piece, and without Rust's names of numbers, which no standard has.
pub fn schema_of<T: JsonSchema + ?Sized>() -> Value {
    fn plain(schema: &mut Schema) {
        let format = schema.get("format").and_then(Value::as_str);
        if format.is_some_and(|it| ["int", "uint", "float", "double"].iter().any(|front| it.starts_with(front))) {
            schema.remove("format");
        }
    }
    SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .with_transform(RecursiveTransform(plain))
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}
