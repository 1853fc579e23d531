//! One tool: what it is called, what it takes and gives, what it does to the world, and its work.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use cube_sdk_core::{Error, ErrorKind, Result};
use schemars::{JsonSchema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::call::{Call, Reply};
use crate::cloud::profiles::{Effect, Needs};

/// The argument of those that can only show what they would send.
const DRY_RUN: &str = "dry_run";

type Work = Pin<Box<dyn Future<Output = Result<Reply>> + Send>>;
type Run = Arc<dyn Fn(Call, Value) -> Result<Work> + Send + Sync>;

/// A tool of the service.
#[derive(Clone)]
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) about: &'static str,
    pub(crate) effect: Effect,
    pub(crate) needs: Needs,
    pub(crate) idempotent: bool,
    pub(crate) input: Arc<Map<String, Value>>,
    pub(crate) output: Arc<Map<String, Value>>,
    /// Can it only show what it would send?
    has_dry_run: bool,
    run: Run,
}

impl Tool {
    /// A tool whose arguments are read into `A`.
    pub(super) fn new<A, F, W>(name: &'static str, effect: Effect, needs: Needs, run: F) -> Self
    where
        A: DeserializeOwned + JsonSchema,
        F: Fn(Call, A) -> W + Send + Sync + 'static,
        W: Future<Output = Result<Reply>> + Send + 'static,
    {
        let run = move |call: Call, arguments: Value| -> Result<Work> {
            let arguments = serde_json::from_value(arguments).map_err(|fault| refused(name, &fault.to_string()))?;
            Ok(Box::pin(run(call, arguments)))
        };
        Self {
            name,
            title: "",
            about: "",
            effect,
            needs,
            idempotent: effect == Effect::Read,
            input: Arc::new(schema_of::<A>()),
            output: Arc::default(),
            has_dry_run: false,
            run: Arc::new(run),
        }
    }

    /// What people read.
    pub(super) const fn about(mut self, title: &'static str, about: &'static str) -> Self {
        self.title = title;
        self.about = about;
        self
    }

    /// A second call with the same arguments changes nothing more.
    pub(super) const fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// The fields of its structured reply, with their JSON types.
    pub(super) fn gives(mut self, fields: &[(&str, &str)]) -> Self {
        let properties: Map<_, _> =
            fields.iter().map(|(name, kind)| ((*name).to_owned(), json!({ "type": kind }))).collect();
        let required: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
        let schema = json!({ "type": "object", "properties": properties, "required": required });
        self.output = Arc::new(schema.as_object().cloned().unwrap_or_default());
        self
    }

    /// Its reply has a `cursor` where there is more. Called after [`Self::gives`].
    pub(super) fn paged(mut self) -> Self {
        let mut output = (*self.output).clone();
        if let Some(properties) = output.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert("cursor".to_owned(), json!({ "type": "string" }));
        }
        self.output = Arc::new(output);
        self
    }

    /// It takes `dry_run` beside its own arguments, and answers with what it would send. Called after [`Self::gives`].
    pub(super) fn dry_run(mut self) -> Self {
        let mut input = (*self.input).clone();
        let about = json!({ "type": "boolean", "description": "Only show what would be sent; nothing is changed." });
        if let Some(properties) = input.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert(DRY_RUN.to_owned(), about);
        }
        let mut output = (*self.output).clone();
        // Of its fields a dry run has that one alone.
        output.remove("required");
        if let Some(properties) = output.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert(DRY_RUN.to_owned(), json!({ "type": "object" }));
        }
        (self.input, self.output, self.has_dry_run) = (Arc::new(input), Arc::new(output), true);
        self
    }

    /// Reads the arguments.
    ///
    /// # Errors
    /// `InvalidInput`, naming the argument.
    pub(crate) fn start(&self, mut call: Call, mut arguments: Map<String, Value>) -> Result<Work> {
        // Null stands for an argument that was not given.
        arguments.retain(|_, value| !value.is_null());
        // A tool without one says so: it must not change what was only to be shown.
        if let Some(wanted) = arguments.shift_remove(DRY_RUN) {
            call.dry_run = match wanted {
                Value::Bool(wanted) if self.has_dry_run || !wanted => wanted,
                Value::Bool(_) => return Err(refused(self.name, "it has no dry run")),
                _ => return Err(refused(self.name, "dry_run: give true or false")),
            };
        }
        (self.run)(call, Value::Object(arguments))
    }
}

fn refused(tool: &str, why: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("the arguments of {tool} cannot be used: {why}"))
        .advice("see the tool's input schema")
}

fn schema_of<A: JsonSchema>() -> Map<String, Value> {
    let mut schema = SchemaGenerator::default().into_root_schema_for::<A>();
    schema.remove("$schema");
    schema.remove("title");
    let mut schema = schema.as_object().cloned().unwrap_or_default();
    schema.entry("properties").or_insert_with(|| json!({}));
    schema
}
