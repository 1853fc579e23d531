//! MCP over stdin and stdout.

use anyhow::{Context as _, Result};
use rmcp::ServiceExt as _;
use rmcp::service::ServerInitializeError;
use rmcp::transport::io::stdio_pipes;

use super::handler::Handler;
use crate::agent::Agent;

/// Serves the host at stdin and stdout until it closes stdin.
///
/// # Errors
/// When what comes is no MCP, or stdout breaks.
pub async fn serve_stdio(agent: Agent) -> Result<()> {
    let running = match Handler::new(agent).serve(stdio_pipes()).await {
        Ok(running) => running,
        // The host went before it said anything.
        Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(error).context("the host does not speak MCP"),
    };
    running.waiting().await.context("the protocol's task failed")?;
    Ok(())
}
