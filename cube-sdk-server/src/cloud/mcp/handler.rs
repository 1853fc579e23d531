//! The protocol's own side: rmcp serves it, this answers it. rmcp's names stay in this room.

use std::sync::Arc;
use std::time::Duration;

use cube_sdk_core::{Error, ErrorKind};
use http::request::Parts;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorCode, ErrorData, Implementation,
    ListToolsResult, PaginatedRequestParams, ProgressNotificationParam, ServerCapabilities, ServerConfig,
    Tool as Listed, ToolAnnotations,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler};
use tokio::sync::mpsc;

use super::fault;
use crate::cloud::app::App;
use crate::cloud::profiles::{Caller, Effect};
use crate::cloud::tools::{Call, NotPermitted, Progress, Reply, Tool};

/// A call ends before the published agent gives up, which is after 120 s.
const LIMIT: Duration = Duration::from_secs(110);
/// Code of a failure of the tool itself.
const FAILED: ErrorCode = ErrorCode(-32000);
/// Code of a refusal that only shows within a call.
const NOT_PERMITTED: ErrorCode = ErrorCode(-32003);
/// The longest text of a reply.
const LONGEST: usize = 1024 * 1024;

#[derive(Clone)]
pub(crate) struct Handler {
    app: Arc<App>,
    tools: Arc<[Tool]>,
}

impl Handler {
    pub(crate) fn new(app: Arc<App>, tools: Arc<[Tool]>) -> Self {
        Self { app, tools }
    }

    async fn call(
        &self,
        request: CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let caller = caller(context)?;
        let tool = self.tools.iter().find(|tool| tool.name == request.name);
        let Some(tool) = tool else {
            let message = format!("no tool `{}`; tools/list names those that there are", request.name.escape_debug());
            return Err(ErrorData::invalid_params(message, None));
        };
        // The gate has looked already, unless it could not read the message.
        caller
            .may_call(tool.name, tool.effect, tool.needs)
            .map_err(|denied| ErrorData::new(NOT_PERMITTED, denied.to_string(), None))?;
        let (progress, told) = progress(context);
        let call = Call { app: Arc::clone(&self.app), caller, progress, dry_run: false };
        let started = std::time::Instant::now();
        let outcome = match tool.start(call, request.arguments.unwrap_or_default()) {
            Ok(work) => {
                tokio::select! {
                    outcome = tokio::time::timeout(LIMIT, work) => outcome.unwrap_or_else(|_| Err(too_long(tool.name))),
                    // The caller has gone, or said so: dropping the work stops it.
                    () = context.ct.cancelled() => Err(Error::new(ErrorKind::Cancelled, "the call was cancelled")),
                    never = forward(told, context) => match never {},
                }
            }
            Err(error) => Err(error),
        };
        let told = match &outcome {
            Ok(_) => "ok",
            Err(error) if error.fault::<NotPermitted>().is_some() => "not_permitted",
            Err(error) => match error.kind() {
                ErrorKind::InvalidInput => "refused",
                ErrorKind::Cancelled => "cancelled",
                _ => "failed",
            },
        };
        self.app.counted.call(tool.name, told, started.elapsed());
        let elapsed = started.elapsed().as_millis();
        match &outcome {
            Ok(_) => tracing::info!(tool = tool.name, elapsed, "a tool was called"),
            Err(error) => tracing::info!(tool = tool.name, elapsed, %error, "a tool failed"),
        }
        outcome.map(result).or_else(|error| failure(&error, speaks_mcp(context)))
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("cube-cloud", env!("CARGO_PKG_VERSION")))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let caller = caller(&context)?;
        let seen = self.tools.iter().filter(|tool| caller.sees(tool.name, tool.effect, tool.needs));
        Ok(ListToolsResult::with_all_items(seen.map(listed).collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.call(request, &context).await.map(CallToolResponse::from)
    }
}

fn parts(context: &RequestContext<RoleServer>) -> Option<&Parts> {
    context.extensions.get::<Parts>()
}

fn caller(context: &RequestContext<RoleServer>) -> Result<Caller, ErrorData> {
    let caller = parts(context).and_then(|parts| parts.extensions.get::<Caller>());
    caller.cloned().ok_or_else(|| ErrorData::internal_error("the call lost its caller", None))
}

/// A client that names its version of the protocol reads `isError`; one that does not may ignore it.
fn speaks_mcp(context: &RequestContext<RoleServer>) -> bool {
    parts(context).is_some_and(|parts| parts.headers.contains_key("mcp-protocol-version"))
}

type Told = mpsc::UnboundedReceiver<(f64, Option<f64>, String)>;

/// What a tool tells its progress to, and where it comes out.
fn progress(context: &RequestContext<RoleServer>) -> (Progress, Told) {
    let (tell, told) = mpsc::unbounded_channel();
    let wanted = context.meta.get_progress_token().is_some();
    let progress: Progress = Arc::new(move |done, of, what| {
        if wanted {
            tell.send((done, of, what)).ok();
        }
    });
    (progress, told)
}

async fn forward(mut told: Told, context: &RequestContext<RoleServer>) -> std::convert::Infallible {
    if let Some(token) = context.meta.get_progress_token() {
        while let Some((done, of, what)) = told.recv().await {
            let mut note = ProgressNotificationParam::new(token.clone(), done).with_message(what);
            note.total = of;
            // Nobody may be listening any more.
            context.peer.notify_progress(note).await.ok();
        }
    }
    std::future::pending().await
}

fn listed(tool: &Tool) -> Listed {
    let reads = matches!(tool.effect, Effect::Read | Effect::Credential);
    let mut annotations = ToolAnnotations::with_title(tool.title).read_only(reads).idempotent(tool.idempotent);
    if !reads {
        annotations = annotations.destructive(tool.effect == Effect::Destroy);
    }
    Listed::new(tool.name, tool.about, Arc::clone(&tool.input))
        .with_title(tool.title)
        .with_raw_output_schema(Arc::clone(&tool.output))
        .with_annotations(annotations)
}

fn result(reply: Reply) -> CallToolResult {
    let mut text = reply.text;
    if text.len() > LONGEST {
        let mut end = LONGEST;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str("\n… the reply is longer: ask for less\n");
    }
    let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
    result.structured_content = Some(reply.data);
    result
}

/// What went wrong, and what to do next.
fn failure(error: &Error, speaks_mcp: bool) -> Result<CallToolResult, ErrorData> {
    let mut message = error.to_string();
    if let Some(next) = error.next_step().filter(|next| !message.contains(*next)) {
        message.push_str(&format!("; {next}"));
    }
    if error.kind() == ErrorKind::InvalidInput {
        return Err(ErrorData::invalid_params(message, Some(fault::data(error))));
    }
    if error.fault::<NotPermitted>().is_some() {
        return Err(ErrorData::new(NOT_PERMITTED, message, Some(fault::data(error))));
    }
    if speaks_mcp {
        let mut result = CallToolResult::error(vec![ContentBlock::text(message)]);
        result.meta = Some(fault::meta(error));
        return Ok(result);
    }
    Err(ErrorData::new(FAILED, message, Some(fault::data(error))))
}

fn too_long(tool: &str) -> Error {
    Error::new(ErrorKind::Timeout, format!("{tool} did not end within {} s", LIMIT.as_secs()))
        .advice("what it began may go on: look at the state before calling again")
}
