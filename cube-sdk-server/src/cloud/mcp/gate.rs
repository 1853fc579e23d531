//! Before the protocol: who calls, and may they? A refusal is an HTTP status, which is all that old clients look at.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use cube_sdk_core::Result;
use http::{HeaderValue, StatusCode, header};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde::Deserialize;
use tower_service::Service;

use super::handler::Handler;
use crate::cloud::app::App;
use crate::cloud::caller::caller;
use crate::cloud::profiles::Caller;
use crate::cloud::tools::{self, Tool};
use crate::listener::Peer;
use crate::refusal::Refusal;

/// The longest message.
const LONGEST: usize = 4 * 1024 * 1024;

pub(crate) struct Gate {
    app: Arc<App>,
    tools: Arc<[Tool]>,
    protocol: StreamableHttpService<Handler, NeverSessionManager>,
}

/// As much of a message as permission needs.
#[derive(Deserialize)]
struct Peek {
    method: Option<String>,
    params: Option<PeekParams>,
}

#[derive(Deserialize)]
struct PeekParams {
    name: Option<String>,
}

impl Gate {
    pub(crate) fn new(app: &Arc<App>) -> Self {
        let tools: Arc<[Tool]> = tools::all().into();
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            // The router has looked at the host already.
            .disable_allowed_hosts()
            .with_max_request_body_bytes(LONGEST);
        let handler = Handler::new(Arc::clone(app), Arc::clone(&tools));
        let protocol =
            StreamableHttpService::new(move || Ok(handler.clone()), Arc::new(NeverSessionManager::default()), config);
        Self { app: Arc::clone(app), tools, protocol }
    }

    /// May the caller call what this message calls? What cannot be read is left to the protocol, which looks again.
    fn judge(&self, caller: &Caller, body: &[u8]) -> Result<(), Refusal> {
        let Ok(Peek { method: Some(method), params: Some(PeekParams { name: Some(name) }) }) =
            serde_json::from_slice(body)
        else {
            return Ok(());
        };
        let Some(tool) = self.tools.iter().find(|tool| method == "tools/call" && tool.name == name) else {
            return Ok(());
        };
        caller.may_call(tool.name, tool.effect, tool.needs).map_err(|denied| {
            self.app.counted.call(tool.name, "not_permitted", Duration::ZERO);
            Refusal::forbidden(denied.to_string())
        })
    }
}

pub(crate) async fn serve(State(gate): State<Arc<Gate>>, request: Request) -> Response {
    match pass(&gate, request).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

async fn pass(gate: &Gate, request: Request) -> Result<Response, Refusal> {
    let caller = caller(&gate.app, request.headers()).await?;
    if let Some(peer) = request.extensions().get::<Peer>() {
        peer.vouch();
    }
    if is_foreign(&request) {
        return Err(Refusal::forbidden("a page of another origin may not call this"));
    }
    let (mut parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, LONGEST).await.map_err(|_| {
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body broke off or has more than {LONGEST} bytes"))
    })?;
    gate.judge(&caller, &body)?;
    // Both forms of an answer may come, and clients that name one of them cope with what they get.
    parts.headers.insert(header::ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    parts.extensions.insert(caller);
    let mut protocol = gate.protocol.clone();
    let Ok(response) = protocol.call(Request::from_parts(parts, Body::from(body))).await;
    Ok(response.map(Body::new))
}

/// Browsers name the page that asks; agents name none.
fn is_foreign(request: &Request) -> bool {
    let text = |name: header::HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    text(header::ORIGIN).is_some_and(|origin| {
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        authority.is_none() || authority != text(header::HOST)
    })
}
