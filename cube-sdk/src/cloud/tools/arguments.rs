//! The arguments of a typed call, put together.

use std::fmt;

use cube_sdk_core::secret::ExposeSecret as _;
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};
use serde_json::{Map, Value};

use super::shapes::Shape;
use crate::cloud::call::{CallTool, ToolStream};
use crate::cloud::client::Cloud;
use crate::cloud::reply::ToolReply;

pub(super) struct Arguments {
    cloud: Cloud,
    tool: &'static str,
    given: Map<String, Value>,
    secrets: Vec<SecretString>,
    /// The first argument that cannot be sent.
    fault: Option<Error>,
}

/// Without values, which may be secrets.
impl fmt::Debug for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.given.keys().collect();
        f.debug_struct("Arguments").field("tool", &self.tool).field("given", &names).finish_non_exhaustive()
    }
}

/// One way in for each form that an argument has on the wire.
impl Arguments {
    pub(super) fn new(cloud: &Cloud, tool: &'static str) -> Self {
        Self { cloud: cloud.clone(), tool, given: Map::new(), secrets: Vec::new(), fault: None }
    }

    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.given.insert(name.to_owned(), value.into());
    }

    fn refuse(&mut self, name: &str, why: &str) {
        let error = Error::new(ErrorKind::InvalidInput, format!("{name}: {why}")).with_target(self.tool);
        self.fault.get_or_insert(error);
    }

    pub(super) fn text(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        if value.trim().is_empty() {
            self.refuse(name, "it is empty");
        }
        self.put(name, value);
    }

    pub(super) fn number(&mut self, name: &str, value: u32) {
        self.put(name, value);
    }

    pub(super) fn flag(&mut self, name: &str, value: bool) {
        self.put(name, value);
    }

    /// An object, which goes as text.
    pub(super) fn object(&mut self, name: &str, value: impl Into<Value>) {
        let value = value.into();
        if !value.is_object() {
            self.refuse(name, "it is no object");
        }
        self.put(name, value.to_string());
    }

    /// Names, which go with commas between.
    pub(super) fn names(&mut self, name: &str, values: impl IntoIterator<Item = impl Into<String>>) {
        let values: Vec<String> = values.into_iter().map(Into::into).collect();
        if values.is_empty() || values.iter().any(|value| value.trim().is_empty() || value.contains(',')) {
            self.refuse(name, "at least one name, each without a comma");
        }
        self.put(name, values.join(","));
    }

    pub(super) fn secret(&mut self, name: &str, value: SecretString) {
        self.put(name, value.expose_secret());
        self.secrets.push(value);
    }

    /// Secrets by key, which go as one text.
    pub(super) fn secrets(&mut self, name: &str, values: impl IntoIterator<Item = (impl Into<String>, SecretString)>) {
        let mut object = Map::new();
        for (key, value) in values {
            object.insert(key.into(), value.expose_secret().into());
            self.secrets.push(value);
        }
        if object.is_empty() {
            self.refuse(name, "it has no key");
        }
        self.put(name, Value::Object(object).to_string());
    }

    fn call(self) -> Result<CallTool> {
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(self.cloud.call_tool(self.tool, self.given).hides(self.secrets)),
        }
    }

    pub(super) async fn send<T: Shape>(self) -> Result<Answer<T>> {
        let tool = self.tool;
        Ok(Answer::read(tool, self.call()?.await?))
    }

    pub(super) fn stream(self) -> ToolStream {
        match self.call() {
            Ok(call) => call.stream(),
            Err(error) => ToolStream::refused(error),
        }
    }
}

/// What a tool answered: its text, and its data as this crate knows it.
pub struct Answer<T> {
    reply: ToolReply,
    data: Option<T>,
}

/// Without what it holds: some tools answer with secrets.
impl<T> fmt::Debug for Answer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("reply", &self.reply).field("has_data", &self.data.is_some()).finish()
    }
}

impl<T> Answer<T> {
    /// For people. Always there.
    pub fn text(&self) -> &str {
        self.reply.text()
    }

    /// For programs; none where the service gives text only, as older ones do, or other data than this crate knows.
    pub const fn data(&self) -> Option<&T> {
        self.data.as_ref()
    }

    /// The data alone.
    ///
    /// # Errors
    /// `Unsupported` where there is none: the call went well all the same, and [`Self::text`] tells what came.
    pub fn into_data(self) -> Result<T> {
        self.data.ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "the service answered with text only").advice("read the text instead")
        })
    }

    /// What a dry run would have sent; none where the call was made.
    pub fn dry_run(&self) -> Option<&Value> {
        self.reply.data()?.get("dry_run")
    }

    /// The answer as it came.
    pub const fn reply(&self) -> &ToolReply {
        &self.reply
    }
}

impl<T: Shape> Answer<T> {
    /// Data of another shape is no failure of the call, which may have changed something.
    fn read(tool: &str, reply: ToolReply) -> Self {
        let data = match reply.data() {
            Some(data) => T::deserialize(data).ok(),
            None => T::from_text(reply.text()),
        };
        if data.is_none() && reply.data().is_some() {
            tracing::warn!(tool, "the data of a tool's answer has a shape that is not known");
        }
        Self { reply, data }
    }
}
