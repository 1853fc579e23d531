//! What the host asks for, answered by the agent.

use cube_render::errors::Failure;
use cube_sdk::ErrorKind;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ErrorData, GetPromptRequestParams, GetPromptResponse,
    Implementation, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
    PaginatedRequestParams, ProgressNotificationParam, ReadResourceRequestParams, ReadResourceResponse,
    ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler};
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use super::{listed, prompts, resources};
use crate::agent::Agent;
use crate::cloud::forward;
use crate::tool::{Call, Tell};

const INSTRUCTIONS: &str = "Tools for edge cubes and for storage that customers bring. Call agent_status first: where there \
    is no key, agent_login_browser gets one. Names of environments, clusters and apps come from list_environments, cube_list \
    and app_list. A failed call says what to do next.";

type Told = mpsc::UnboundedReceiver<(f64, Option<f64>, String)>;

#[derive(Clone)]
pub(super) struct Handler(Agent);

impl Handler {
    pub(super) const fn new(agent: Agent) -> Self {
        Self(agent)
    }

    fn call(&self, tell: Tell) -> Call {
        Call { cube: self.0.cube().clone(), tell }
    }

    async fn work(&self, name: &str, arguments: Map<String, Value>, tell: Tell) -> Result<CallToolResult, Failure> {
        let choice = self.0.choice();
        if let Some(tool) = self.0.tool(name) {
            if !choice.allows(name, tool.reads_only()) {
                return Err(choice.refusal(name).into());
            }
            return tool.call(self.call(tell), arguments).await.map(listed::reply);
        }
        let Some(tool) = self.0.cloud().find(name).await else {
            let message = format!("there is no tool `{}`", name.escape_debug());
            return Err(Failure::new(ErrorKind::NotFound, message, Some("look at the list of tools".to_owned())));
        };
        if !choice.allows(name, tool.is_read_only()) {
            return Err(choice.refusal(name).into());
        }
        forward(self.call(tell), name, arguments).await.map(|reply| listed::passed_on(&reply))
    }

    async fn watched(&self, request: CallToolRequestParams, context: &RequestContext<RoleServer>) -> CallToolResult {
        let (tell, told) = progress(context);
        let started = std::time::Instant::now();
        let outcome = tokio::select! {
            outcome = self.work(&request.name, request.arguments.unwrap_or_default(), tell) => outcome,
            // The host said so: dropping the work stops it.
            () = context.ct.cancelled() => Err(Failure::new(ErrorKind::Cancelled, "the call was cancelled", None)),
            never = forwarded(told, context) => match never {},
        };
        let elapsed = started.elapsed().as_millis();
        match &outcome {
            Ok(_) => tracing::info!(tool = %request.name, elapsed, "a tool was called"),
            Err(failure) => tracing::info!(tool = %request.name, elapsed, kind = failure.kind, "a tool failed"),
        }
        if self.0.tool(&request.name).is_some_and(|tool| tool.changes_tools) && outcome.is_ok() {
            self.0.cloud().forget();
            // Hosts that do not listen ask when they like.
            context.peer.notify_tool_list_changed().await.ok();
        }
        outcome.unwrap_or_else(|failure| listed::failure(&failure))
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_prompts()
            .enable_resources()
            .build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("cube-agent", env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let peer = context.peer.clone();
        let later = move || async move { drop(peer.notify_tool_list_changed().await) };
        let (choice, own) = (self.0.choice(), self.0.tools());
        let cloud = self.0.cloud().list(later).await;
        // The agent's own stand for the service's of the same name.
        let of_cloud = cloud
            .iter()
            .filter(|tool| self.0.tool(&tool.name).is_none() && choice.allows(&tool.name, tool.is_read_only()));
        let own = own.iter().filter(|tool| choice.allows(tool.name, tool.reads_only()));
        let all = of_cloud.map(listed::of_cloud).chain(own.map(listed::own));
        Ok(ListToolsResult::with_all_items(all.collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        Ok(self.watched(request, &context).await.into())
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(ListPromptsResult::with_all_items(prompts::all()))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        prompts::get(&request.name, request.arguments.unwrap_or_default()).map(Into::into)
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(resources::fixed()))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::with_all_items(resources::templates()))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        tokio::select! {
            read = resources::read(&self.0, &request.uri) => read.map(Into::into),
            () = context.ct.cancelled() => Err(ErrorData::internal_error("the read was cancelled", None)),
        }
    }
}

/// What a tool tells its progress to, and where it comes out.
fn progress(context: &RequestContext<RoleServer>) -> (Tell, Told) {
    let (tell, told) = mpsc::unbounded_channel();
    let wanted = context.meta.get_progress_token().is_some();
    let listener = move |done, of, message| {
        tell.send((done, of, message)).ok();
    };
    (if wanted { Tell::to(listener) } else { Tell::default() }, told)
}

async fn forwarded(mut told: Told, context: &RequestContext<RoleServer>) -> std::convert::Infallible {
    if let Some(token) = context.meta.get_progress_token() {
        while let Some((done, of, message)) = told.recv().await {
            let mut note = ProgressNotificationParam::new(token.clone(), done).with_message(message);
            note.total = of;
            // The host may have gone.
            context.peer.notify_progress(note).await.ok();
        }
    }
    std::future::pending().await
}
