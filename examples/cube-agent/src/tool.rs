//! One tool: what it is called, what it takes and gives, what it does to the world, and its work.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cube_render::errors::Failure;
use cube_render::{View, schema_of};
use cube_sdk::{Cube, Error, ErrorKind};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::steps;

/// What a tool's work comes to.
pub type Done<V> = Result<V, Failure>;

type Work = Pin<Box<dyn Future<Output = Done<Reply>> + Send>>;
type Run = Arc<dyn Fn(Call, Value) -> Work + Send + Sync>;
type Listener = Arc<dyn Fn(f64, Option<f64>, String) + Send + Sync>;

/// What a call does to the world.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Effect {
    /// It changes nothing.
    Reads,
    /// It changes something, and removes nothing.
    Writes,
    /// It removes, replaces or interrupts.
    Destroys,
}

/// Tells how far a call is.
#[derive(Clone, Default)]
pub struct Tell {
    listener: Option<Listener>,
    said: Arc<AtomicU64>,
}

impl Tell {
    /// Tells it to `listener`: how much is done, of how much, and what is done now.
    pub fn to(listener: impl Fn(f64, Option<f64>, String) + Send + Sync + 'static) -> Self {
        Self { listener: Some(Arc::new(listener)), said: Arc::default() }
    }

    /// Is there anybody who listens?
    pub fn is_heard(&self) -> bool {
        self.listener.is_some()
    }

    /// Tells what is done now, each time a little further.
    pub fn say(&self, message: impl Into<String>) {
        let said = self.said.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        self.pass(f64::from(u32::try_from(said).unwrap_or(u32::MAX)), None, message.into());
    }

    /// Passes on what another said.
    pub fn pass(&self, done: f64, of: Option<f64>, message: String) {
        if let Some(listener) = &self.listener {
            listener(done, of, message);
        }
    }
}

/// What a call of a tool has at hand.
#[derive(Clone)]
pub struct Call {
    /// The door to every service.
    pub cube: Cube,
    /// Who hears how far it is.
    pub tell: Tell,
}

/// What a tool answers.
#[derive(Clone, Debug)]
pub struct Reply {
    /// For people.
    pub text: String,
    /// For programs.
    pub data: Value,
}

impl<V: View> From<&V> for Reply {
    fn from(view: &V) -> Self {
        let lines: Vec<_> = std::iter::once(view.text()).chain(view.next().iter().map(steps::named)).collect();
        Self { text: lines.join("\n"), data: view.value() }
    }
}

/// A tool of the agent.
#[derive(Clone)]
pub struct Tool {
    /// What it is called by.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// What it does, and when to call it.
    pub about: &'static str,
    /// What it does to the world.
    pub effect: Effect,
    /// A second call with the same arguments changes nothing more.
    pub idempotent: bool,
    /// Which tools there are may be different after a call.
    pub changes_tools: bool,
    /// The JSON schema of its arguments.
    pub input: Arc<Map<String, Value>>,
    /// The JSON schema of its data.
    pub output: Arc<Map<String, Value>>,
    run: Run,
}

/// No arguments.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct NoArguments {}

impl Tool {
    /// A tool whose arguments are read into `A` and whose answer is shown by `V`.
    pub fn new<A, V, F, W>(name: &'static str, effect: Effect, run: F) -> Self
    where
        A: DeserializeOwned + JsonSchema,
        V: View,
        F: Fn(Call, A) -> W + Send + Sync + 'static,
        W: Future<Output = Done<V>> + Send + 'static,
    {
        let run = move |call: Call, arguments: Value| -> Work {
            match serde_json::from_value(arguments) {
                Ok(arguments) => {
                    let work = run(call, arguments);
                    Box::pin(async move { work.await.map(|view| Reply::from(&view)) })
                }
                Err(fault) => Box::pin(std::future::ready(Err(refused(name, &fault.to_string())))),
            }
        };
        Self {
            name,
            title: "",
            about: "",
            effect,
            idempotent: effect == Effect::Reads,
            changes_tools: false,
            input: Arc::new(input_of::<A>()),
            output: Arc::new(output_of::<V>()),
            run: Arc::new(run),
        }
    }

    /// What people read.
    #[must_use]
    pub const fn about(mut self, title: &'static str, about: &'static str) -> Self {
        self.title = title;
        self.about = about;
        self
    }

    /// A second call with the same arguments changes nothing more.
    #[must_use]
    pub const fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// Which tools there are may be different after a call: it changes the key.
    #[must_use]
    pub const fn changes_tools(mut self) -> Self {
        self.changes_tools = true;
        self
    }

    /// Does it change nothing?
    pub fn reads_only(&self) -> bool {
        self.effect == Effect::Reads
    }

    /// Reads the arguments, then works. Dropping it stops the work.
    ///
    /// # Errors
    /// `InvalidInput`, naming the argument; whatever the work fails with.
    pub async fn call(&self, call: Call, mut arguments: Map<String, Value>) -> Done<Reply> {
        // Null stands for an argument that was not given.
        arguments.retain(|_, value| !value.is_null());
        (self.run)(call, Value::Object(arguments)).await
    }
}

/// Arguments that cannot be used.
pub(crate) fn refused(tool: &str, why: &str) -> Failure {
    let error = Error::new(ErrorKind::InvalidInput, format!("the arguments of {tool} cannot be used: {why}"));
    Failure::from(error.advice("see the tool's input schema, correct them and call again"))
}

/// As hosts like it best: each argument of one type, nothing else about optional ones.
fn input_of<A: JsonSchema>() -> Map<String, Value> {
    let mut schema = unnamed(schema_of::<A>());
    let properties = schema.entry("properties").or_insert_with(|| Value::Object(Map::new()));
    for property in properties.as_object_mut().into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
        if let Some(kinds) = property.get("type").and_then(Value::as_array) {
            let kind = kinds.iter().find(|kind| *kind != "null").cloned();
            property.insert("type".to_owned(), kind.unwrap_or_default());
        }
        if property.get("default").is_some_and(Value::is_null) {
            property.shift_remove("default");
        }
    }
    schema
}

fn output_of<V: View>() -> Map<String, Value> {
    unnamed(V::schema())
}

/// What it is of stands beside it already.
fn unnamed(schema: Value) -> Map<String, Value> {
    let mut schema = schema.as_object().cloned().unwrap_or_default();
    for unwanted in ["$schema", "title", "description"] {
        schema.shift_remove(unwanted);
    }
    schema
}
