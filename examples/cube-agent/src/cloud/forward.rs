//! A call of one of the service's tools, passed on as it came.

use cube_render::errors::Failure;
use cube_sdk::cloud::{CallTool, CloudErrorExt as _, ToolEvent, ToolReply};
use cube_sdk::core::redact::is_secret_name;
use cube_sdk::{Error, ErrorKind, Result, SecretString};
use serde_json::{Map, Value};

use crate::tool::{Call, Done, Tell};

/// Calls a tool of cube-cloud with these arguments, unchanged.
///
/// # Errors
/// The tool's own words where it said any.
pub async fn forward(call: Call, name: &str, arguments: Map<String, Value>) -> Done<ToolReply> {
    let secrets = secrets(&arguments);
    let cloud = call.cube.cloud()?;
    let request = cloud.call_tool(name, Value::Object(arguments)).hides(secrets);
    let outcome = if call.tell.is_heard() { watched(request, &call.tell).await } else { request.await };
    outcome.map_err(|error| match (error.kind(), error.next_step()) {
        (ErrorKind::Connect, None) => Failure::from(&error).next(format!(
            "cube-cloud is looked for at {}: check CUBE_CLOUD_URL and the network, then call again",
            cloud.base_url()
        )),
        _ => in_its_words(&error),
    })
}

async fn watched(request: CallTool, tell: &Tell) -> Result<ToolReply> {
    let mut events = request.stream();
    while let Some(event) = events.try_next().await? {
        match event {
            ToolEvent::Progress(progress) => {
                tell.pass(progress.done, progress.total, progress.message.unwrap_or_default());
            }
            ToolEvent::Reply(reply) => return Ok(reply),
            _ => {}
        }
    }
    Err(Error::new(ErrorKind::Protocol, "the call ended without an answer"))
}

fn in_its_words(error: &Error) -> Failure {
    let mut failure = Failure::from(error);
    if let Some(fault) = error.tool_fault().filter(|fault| !fault.text.trim().is_empty()) {
        failure.message = fault.text.trim().to_owned();
        // The service says itself what to do.
        failure.next = error.next_step().map(str::to_owned);
    }
    failure
}

/// Arguments whose names say that they are secret: an error does not repeat them.
fn secrets(arguments: &Map<String, Value>) -> Vec<SecretString> {
    let named = |(name, value): (&String, &Value)| {
        let secret = name.starts_with("secret_") && name != "secret_name" || is_secret_name(name);
        value.as_str().filter(|_| secret).map(|text| SecretString::from(text.to_owned()))
    };
    arguments.iter().filter_map(named).collect()
}
