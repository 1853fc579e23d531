//! What a tool said when it failed.

use std::fmt;

use cube_sdk_core::error::Sent;
use cube_sdk_core::{Error, ErrorKind};
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
}

/// Without text and data, which may hold secrets.
impl fmt::Debug for ToolFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolFault").field("tool", &self.tool).field("code", &self.code).finish_non_exhaustive()
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

/// A JSON-RPC error.
pub(super) fn rpc_error(error: &Value, tool: Option<&str>, scrubbed: &dyn Fn(&str) -> String) -> Error {
    let code = error.get("code").and_then(Value::as_i64);
    let text = match error.get("message").and_then(Value::as_str) {
        Some(text) => text.to_owned(),
        None => "the service gave no reason".to_owned(),
    };
    let kind = match code {
        Some(-32602) => ErrorKind::InvalidInput,
        Some(-32601) => ErrorKind::Unsupported,
        Some(-32700 | -32600) => ErrorKind::Protocol,
        Some(-32800) => ErrorKind::Cancelled,
        // cube-cloud's own: a refusal that shows only within a call.
        Some(-32003) => ErrorKind::PermissionDenied,
        _ => ErrorKind::Server,
    };
    let fault = ToolFault { tool: tool.map(str::to_owned), code, text, data: error.get("data").cloned() };
    let error = failed(kind, fault, scrubbed);
    match code {
        Some(code) => error.with_code(code.to_string()),
        None => error,
    }
}

/// A tool that answered that it failed.
pub(super) fn tool_failed(tool: &str, text: String, data: Option<Value>, scrubbed: &dyn Fn(&str) -> String) -> Error {
    let fault = ToolFault { tool: Some(tool.to_owned()), code: None, text, data };
    failed(ErrorKind::Server, fault, scrubbed)
}

/// The service has answered: another try would end alike.
fn failed(kind: ErrorKind, fault: ToolFault, scrubbed: &dyn Fn(&str) -> String) -> Error {
    let line = scrubbed(fault.text.trim());
    let words = if line.is_empty() { "the tool failed without a word".to_owned() } else { line };
    let error = Error::new(kind, words).with_sent(Sent::Yes).with_transient(false).with_fault(fault);
    match kind {
        ErrorKind::PermissionDenied => error.advice("ask the one who runs the service for a profile that may do this"),
        _ => error,
    }
}
