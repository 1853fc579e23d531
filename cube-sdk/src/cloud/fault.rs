//! What a tool said when it failed.

use std::fmt;
use std::time::Duration;

use cube_sdk_core::error::Sent;
use cube_sdk_core::{Error, ErrorKind};
use serde::Deserialize;
use serde_json::Value;

/// What a tool said when it failed: the fault inside an error of a call.
#[derive(Clone)]
#[non_exhaustive]
pub struct ToolFault {
    /// The tool; none for the list of tools.
    pub tool: Option<String>,
    /// The code of the protocol, such as -32602 for bad arguments; none where the tool itself answered that it failed.
    pub code: Option<i64>,
    /// Its words, whole. They may hold what must not be shown to everyone.
    pub text: String,
    /// What it gave for programs.
    pub data: Option<Value>,
    /// What kind of failure cube-cloud met, which may be one of its own: its credentials may have been refused, where the
    /// error's kind says `Server`. None where it does not say.
    pub kind: Option<ErrorKind>,
    /// The id to quote to the operator of the service behind cube-cloud; the error's own is that of cube-cloud.
    pub upstream_request_id: Option<String>,
}

/// Without text and data, which may hold secrets.
impl fmt::Debug for ToolFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolFault")
            .field("tool", &self.tool)
            .field("code", &self.code)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// Reads the fault of a tool.
///
/// ```
/// use cube_sdk::prelude::*;
///
/// # #[tokio::main]
/// # async fn main() -> Result<()> {
/// # let world = cube_sdk_server::local::World::start().await?;
/// # let cube = Cube::builder().environment(world.environment()).build();
/// let error = cube.cloud()?.list_modules("no-such-cube").await.unwrap_err();
/// match error.tool_fault() {
///     Some(fault) => println!("{}: {}", fault.tool.as_deref().unwrap_or("tools"), fault.text),
///     None => return Err(error), // the call did not get as far as the tool
/// }
/// # Ok(())
/// # }
/// ```
pub trait CloudErrorExt {
    /// What the tool said; none where the call did not get that far.
    fn tool_fault(&self) -> Option<&ToolFault>;
}

impl CloudErrorExt for Error {
    fn tool_fault(&self) -> Option<&ToolFault> {
        self.fault::<ToolFault>()
    }
}

/// A failure as cube-cloud tells it to programs: in an error's `data`, and in the `_meta` of a result. Others give none.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Told {
    kind: Option<String>,
    code: Option<String>,
    request_id: Option<String>,
    retry_after_s: Option<u64>,
}

impl Told {
    /// Its name in `_meta`.
    const NAME: &str = "cube/fault";

    /// What is none, or of another form, says nothing.
    fn read(value: Option<&Value>) -> Self {
        value.and_then(|value| Self::deserialize(value).ok()).unwrap_or_default()
    }

    pub(super) fn in_result(result: &Value) -> Self {
        Self::read(result.get("_meta").and_then(|meta| meta.get(Self::NAME)))
    }

    /// `not_found` as `NotFound`.
    fn kind(&self) -> Option<ErrorKind> {
        let word = self.kind.as_deref()?.replace('_', "");
        ErrorKind::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(&word))
    }
}

/// What a failure behind the service is to the caller. Its own credentials, connections and files are no matter of theirs.
const fn to_caller(kind: ErrorKind) -> ErrorKind {
    match kind {
        ErrorKind::InvalidInput
        | ErrorKind::Unsupported
        | ErrorKind::PermissionDenied
        | ErrorKind::PlanRequired
        | ErrorKind::NotFound
        | ErrorKind::Conflict
        | ErrorKind::Throttled
        | ErrorKind::Unavailable
        | ErrorKind::Timeout
        | ErrorKind::Integrity
        | ErrorKind::Cancelled => kind,
        _ => ErrorKind::Server,
    }
}

/// A JSON-RPC error.
pub(super) fn rpc_error(error: &Value, tool: Option<&str>, scrubbed: &dyn Fn(&str) -> String) -> Error {
    let code = error.get("code").and_then(Value::as_i64);
    let text = match error.get("message").and_then(Value::as_str) {
        Some(text) => text.to_owned(),
        None => "the service gave no reason".to_owned(),
    };
    let told = Told::read(error.get("data"));
    let kind = match code {
        Some(-32602) => ErrorKind::InvalidInput,
        Some(-32601) => ErrorKind::Unsupported,
        Some(-32700 | -32600) => ErrorKind::Protocol,
        Some(-32800) => ErrorKind::Cancelled,
        // cube-cloud's own: a refusal that shows only within a call.
        Some(-32003) => ErrorKind::PermissionDenied,
        _ => told.kind().map_or(ErrorKind::Server, to_caller),
    };
    let fault = ToolFault {
        tool: tool.map(str::to_owned),
        code,
        text,
        data: error.get("data").cloned(),
        kind: told.kind(),
        upstream_request_id: told.request_id.clone(),
    };
    let error = failed(kind, fault, told.retry_after_s, scrubbed);
    match told.code.or_else(|| code.map(|code| code.to_string())) {
        Some(code) => error.with_code(scrubbed(&code)),
        None => error,
    }
}

/// A tool that answered that it failed.
pub(super) fn tool_failed(
    tool: &str,
    text: String,
    data: Option<Value>,
    told: Told,
    scrubbed: &dyn Fn(&str) -> String,
) -> Error {
    let kind = told.kind();
    let fault =
        ToolFault { tool: Some(tool.to_owned()), code: None, text, data, kind, upstream_request_id: told.request_id };
    let error = failed(kind.map_or(ErrorKind::Server, to_caller), fault, told.retry_after_s, scrubbed);
    match told.code {
        Some(code) => error.with_code(scrubbed(&code)),
        None => error,
    }
}

/// The service has answered: another try would end alike, unless it was too much for what is behind it.
fn failed(kind: ErrorKind, fault: ToolFault, retry_after_s: Option<u64>, scrubbed: &dyn Fn(&str) -> String) -> Error {
    let line = scrubbed(fault.text.trim());
    let words = if line.is_empty() { "the tool failed without a word".to_owned() } else { line };
    let may_pass = matches!(kind, ErrorKind::Throttled | ErrorKind::Unavailable);
    let error = Error::new(kind, words).with_sent(Sent::Yes).with_transient(may_pass).with_fault(fault);
    let error = error.with_retry_after(retry_after_s.map(Duration::from_secs));
    match kind {
        ErrorKind::PermissionDenied => error.advice("ask the one who runs the service for a profile that may do this"),
        _ => error,
    }
}
