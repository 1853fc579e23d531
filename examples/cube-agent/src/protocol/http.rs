//! MCP over Streamable HTTP on this machine's own address.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use cube_sdk::auth::LocalToken;
use cube_sdk::core::config::ListenAddress;
use cube_sdk::{Error, ErrorKind, Result};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::TcpListener;

use super::handler::Handler;
use crate::agent::Agent;

/// An agent at `http://ADDRESS/mcp`, for hosts on this machine.
pub struct HttpServer {
    listener: TcpListener,
    address: SocketAddr,
    token: LocalToken,
    agent: Agent,
}

impl HttpServer {
    /// Listens. Whoever reaches the port with the token may call the tools with the user's key; only loopback addresses are
    /// taken.
    ///
    /// # Errors
    /// `InvalidInput` for another address, `Io` where it is taken.
    pub async fn bind(agent: Agent, address: &ListenAddress, token: LocalToken) -> Result<Self> {
        if !address.is_loopback() {
            return Err(Error::new(ErrorKind::InvalidInput, format!("{address} is reached from other machines"))
                .advice("give a loopback address, such as 127.0.0.1:8000"));
        }
        let failed = |cause| Error::io(format!("listening on {address}"), cause);
        let listener = TcpListener::bind(address.socket_addr()?).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, token, agent })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The token that callers show.
    pub const fn token(&self) -> &LocalToken {
        &self.token
    }

    /// Serves until `stop` is done. Callers without the token are refused, and so are pages of a browser: by the host that
    /// they name, and by their origin.
    ///
    /// # Errors
    /// `Io` when the listener breaks.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<()> {
        let config = StreamableHttpServerConfig::default().enforce_origin_validation();
        let ended = config.cancellation_token.clone();
        let agent = self.agent;
        let service = StreamableHttpService::new(
            move || Ok(Handler::new(agent.clone())),
            Arc::new(LocalSessionManager::default()),
            config,
        );
        let stop = async move {
            stop.await;
            // Streams to hosts end, or the server would wait for them.
            ended.cancel();
        };
        let router = Router::new().nest_service("/mcp", service).layer(from_fn_with_state(self.token, only_with_token));
        let served = axum::serve(self.listener, router).with_graceful_shutdown(stop).await;
        served.map_err(|cause| Error::io("serving MCP", cause))
    }
}

async fn only_with_token(State(token): State<LocalToken>, request: Request, next: Next) -> Response {
    if token.admits(request.headers().get(header::AUTHORIZATION)) {
        return next.run(request).await;
    }
    let words = format!("send `Authorization: Bearer` with the token in {}\n", token.file().display());
    let challenge = [(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))];
    (StatusCode::UNAUTHORIZED, challenge, words).into_response()
}
