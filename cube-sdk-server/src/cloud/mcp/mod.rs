//! `/mcp/`: the tools by the Model Context Protocol, over Streamable HTTP without sessions.
//!
//! A bare `tools/call` without any handshake, as the published agent sends it, is served like the full protocol.

mod fault;
mod gate;
mod handler;

use std::sync::Arc;

use axum::Router;
use axum::routing::any;

use self::gate::Gate;
use super::app::App;

pub(crate) fn routes(app: &Arc<App>) -> Router {
    let gate = Arc::new(Gate::new(app));
    // Both without a redirection: the published agent follows none.
    Router::new().route("/mcp", any(gate::serve)).route("/mcp/", any(gate::serve)).with_state(gate)
}
