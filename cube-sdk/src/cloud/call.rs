//! One call of a tool: awaited, or watched while it works.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use cube_sdk_core::redact::Hidden;
use cube_sdk_core::{Error, ErrorKind, Result, SecretString, awaitable};
use futures_core::Stream;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::client::Cloud;
use super::fault::{Told, tool_failed};
use super::messages::{answer_of, arriving, is_answer, outcome};
use super::reply::ToolReply;

/// A call of a tool about to be made; await it, or [`stream`](Self::stream) it.
///
/// ```
/// use cube_sdk::prelude::*;
/// use serde_json::json;
///
/// # #[tokio::main]
/// # async fn main() -> Result<()> {
/// # let world = cube_sdk_server::local::World::start().await?;
/// # let cube = Cube::builder().environment(world.environment()).build();
/// let cloud = cube.cloud()?;
/// let reply = cloud.call_tool("list_environments", json!({ "search": "cube-7" })).await?;
/// assert!(reply.text().contains("cube-7"));
/// # Ok(())
/// # }
/// ```
#[must_use = "a tool is called when the call is awaited or streamed"]
pub struct CallTool {
    cloud: Cloud,
    name: String,
    arguments: Value,
    secrets: Vec<SecretString>,
}

/// Without the arguments, which may hold secrets.
impl fmt::Debug for CallTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallTool").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Cloud {
    /// A call of a tool by its name, to be awaited or [streamed](CallTool::stream). `arguments` is an object, or null for
    /// none.
    pub fn call_tool(&self, name: impl Into<String>, arguments: impl Into<Value>) -> CallTool {
        CallTool::new(self.clone(), name.into(), arguments.into())
    }
}

impl CallTool {
    const fn new(cloud: Cloud, name: String, arguments: Value) -> Self {
        Self { cloud, name, arguments, secrets: Vec::new() }
    }

    /// Secrets among the arguments: what the service repeats of them does not get into an error or log line.
    pub fn hides(mut self, secrets: impl IntoIterator<Item = SecretString>) -> Self {
        self.secrets.extend(secrets);
        self
    }

    fn message(&self, watched: bool) -> Result<(u64, Value)> {
        let refused =
            |words: &str| Err(Error::new(ErrorKind::InvalidInput, words.to_owned()).with_target(self.name.clone()));
        if self.name.is_empty() {
            return refused("the tool has no name");
        }
        let arguments = match &self.arguments {
            Value::Null => json!({}),
            Value::Object(_) => self.arguments.clone(),
            _ => return refused("the arguments of a tool are an object"),
        };
        let id = self.cloud.next_id();
        let mut params = json!({ "name": self.name, "arguments": arguments });
        if watched {
            params["_meta"] = json!({ "progressToken": id });
        }
        Ok((id, json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })))
    }

    async fn send(self) -> Result<ToolReply> {
        let (id, message) = self.message(false)?;
        let operation = self.cloud.operation(&self.name);
        let call = self.cloud.post(operation, &message)?.about(self.name.clone()).hides(self.secrets.clone());
        let reply = self.cloud.engine().run(&call).await?;
        let hidden = reply.hidden().clone();
        let read = answer_of(&reply, id, Some(&self.name))
            .await
            .and_then(|result| read(&self.name, result, &hidden))
            .map_err(|error| error.with_status(reply.status).with_request_id(reply.request_id()));
        read.map_err(|error| error.with_operation(operation).with_target(self.name))
    }

    /// Calls the tool and tells how far it is while it works: progress as it comes, then the reply as the last event.
    ///
    /// Nothing is sent before the stream is read. Dropping it ends the call; the service stops what it can. A stream that
    /// broke is not begun anew.
    ///
    /// # Errors
    /// As the call that is awaited, as the last item.
    pub fn stream(self) -> ToolStream {
        let state = Watched::Unsent(Box::new(self));
        ToolStream(Box::pin(stream::unfold(state, step)))
    }
}

awaitable! {
    /// Calls the tool and reads its whole reply.
    ///
    /// Sent again after a failure only where the tool changes nothing, as the service says by its annotations (after
    /// [`list_tools`](Cloud::list_tools)), or else the published list.
    ///
    /// # Errors
    /// `Credentials` without a key, `Unauthenticated` for one that is refused, `PermissionDenied` where the profile may
    /// not, `InvalidInput` for arguments that are refused (and for some that are no object, before anything is sent),
    /// the kind that the service gives when the tool itself failed (`NotFound`, `Conflict`, `Throttled` …), or `Server`:
    /// [`tool_fault`](super::CloudErrorExt::tool_fault) has its words. `Protocol` and `Decode` for what is no answer,
    /// `Connect`, `Transport` and `Timeout` where none came.
    ///
    /// # Cancel safety
    /// Dropping it ends the call; what the tool began may go on.
    CallTool => ToolReply
}

/// What a call of a tool tells.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ToolEvent {
    /// How far it is.
    Progress(Progress),
    /// What it answered: the last event.
    Reply(ToolReply),
}

/// How far a tool is.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// How much is done, in the tool's own measure.
    pub done: f64,
    /// How much there is to do, where that is known.
    pub total: Option<f64>,
    /// What it does now.
    pub message: Option<String>,
}

/// The events of a call: [`Progress`] as it comes, then the reply. A failure is the last item.
///
/// ```
/// use cube_sdk::cloud::ToolEvent;
/// use cube_sdk::prelude::*;
///
/// # #[tokio::main]
/// # async fn main() -> Result<()> {
/// # let world = cube_sdk_server::local::World::start().await?;
/// # let cube = Cube::builder().environment(world.environment()).build();
/// let mut events = cube.cloud()?.list_environments().stream();
/// while let Some(event) = events.try_next().await? {
///     match event {
///         ToolEvent::Progress(progress) => println!("{} of {:?}", progress.done, progress.total),
///         ToolEvent::Reply(reply) => assert!(reply.text().contains("cube-7")),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a tool is called when the stream is read"]
pub struct ToolStream(Pin<Box<dyn Stream<Item = Result<ToolEvent>> + Send>>);

impl fmt::Debug for ToolStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ToolStream")
    }
}

impl ToolStream {
    /// A call that cannot be sent.
    pub(super) fn refused(error: Error) -> Self {
        Self(Box::pin(stream::once(async move { Err(error) })))
    }

    /// The next event; none after the last.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn try_next(&mut self) -> Result<Option<ToolEvent>> {
        self.0.next().await.transpose()
    }
}

impl Stream for ToolStream {
    type Item = Result<ToolEvent>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx)
    }
}

enum Watched {
    Unsent(Box<CallTool>),
    Open(Box<Open>),
    Over,
}

struct Open {
    name: String,
    id: u64,
    operation: cube_sdk_core::Operation,
    hidden: Hidden,
    request_id: Option<String>,
    messages: super::messages::Messages,
}

async fn step(state: Watched) -> Option<(Result<ToolEvent>, Watched)> {
    let mut open = match state {
        Watched::Unsent(call) => match begin(*call).await {
            Ok(open) => open,
            Err(error) => return Some((Err(error), Watched::Over)),
        },
        Watched::Open(open) => open,
        Watched::Over => return None,
    };
    loop {
        match open.messages.next().await {
            Some(Ok(message)) if is_answer(&message) => {
                return Some((open.end(Some(message)).map(ToolEvent::Reply), Watched::Over));
            }
            Some(Ok(message)) => {
                if let Some(progress) = open.progress(&message) {
                    return Some((Ok(ToolEvent::Progress(progress)), Watched::Open(open)));
                }
            }
            Some(Err(error)) => return Some((Err(open.named(error)), Watched::Over)),
            None => return Some((open.end(None).map(ToolEvent::Reply), Watched::Over)),
        }
    }
}

async fn begin(call: CallTool) -> Result<Box<Open>> {
    let (id, message) = call.message(true)?;
    let operation = call.cloud.operation(&call.name);
    let sent = call.cloud.post(operation, &message)?.about(call.name.clone()).hides(call.secrets.clone());
    let opened = call.cloud.engine().open(&sent).await?;
    Ok(Box::new(Open {
        id,
        operation,
        hidden: Hidden::new(call.secrets),
        request_id: opened.request_id(),
        messages: arriving(opened),
        name: call.name,
    }))
}

impl Open {
    fn end(&self, answer: Option<Value>) -> Result<ToolReply> {
        let scrubbed = |text: &str| self.hidden.scrub(text);
        outcome(answer, self.id, Some(&self.name), &scrubbed)
            .and_then(|result| read(&self.name, result, &self.hidden))
            .map_err(|error| self.named(error))
    }

    fn named(&self, error: Error) -> Error {
        error.with_operation(self.operation).with_target(self.name.clone()).with_request_id(self.request_id.clone())
    }

    /// The progress of this call that a message tells.
    fn progress(&self, message: &Value) -> Option<Progress> {
        let params = message
            .get("params")
            .filter(|_| message.get("method").and_then(Value::as_str) == Some("notifications/progress"))?;
        let token = params.get("progressToken")?;
        if token.as_u64() != Some(self.id) {
            return None;
        }
        Some(Progress {
            done: params.get("progress").and_then(Value::as_f64).unwrap_or_default(),
            total: params.get("total").and_then(Value::as_f64),
            message: params.get("message").and_then(Value::as_str).map(|text| self.hidden.scrub(text)),
        })
    }
}

fn read(tool: &str, result: Value, hidden: &Hidden) -> Result<ToolReply> {
    let told = Told::in_result(&result);
    let (reply, failed) = ToolReply::read(result);
    if !failed {
        return Ok(reply);
    }
    let (text, data) = reply.into_parts();
    Err(tool_failed(tool, text, data, told, &|text| hidden.scrub(text)))
}
