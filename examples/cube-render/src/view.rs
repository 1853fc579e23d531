//! The one trait of everything that is shown.

use schemars::JsonSchema;
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
        schemars::generate::SchemaSettings::draft2020_12()
            .with(|settings| settings.inline_subschemas = true)
            .into_generator()
            .into_root_schema_for::<Self>()
            .to_value()
    }
}
