//! tbot's diagnostics service: `/livez` and `/readyz`.

use std::convert::Infallible;
use std::net::SocketAddr;

use cube_sdk_core::{Error, Result};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;

use super::answer::{Body, answer};
use super::tasks::Tasks;

/// What `/readyz` says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum DiagnosticsMode {
    /// 200, every service healthy.
    Healthy,
    /// 503, one service failed with a reason.
    Unhealthy,
    /// 503, nothing has finished yet.
    Initializing,
    /// Older versions: 200 and a text, whatever happens.
    ConstantOk,
    /// Not tbot at all: 404.
    SomethingElse,
    /// Accepts and never answers.
    Mute,
}

/// A running diagnostics service; ends when dropped.
///
/// ```
/// use bytes::Bytes;
/// use cube_sdk_core::transport::{HttpClient, Transport};
/// use cube_sdk_testkit::teleport::{Diagnostics, DiagnosticsMode};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let tbot = Diagnostics::start(DiagnosticsMode::Unhealthy).await?;
/// let request = http::Request::get(format!("http://{}/readyz", tbot.addr())).body(Bytes::new())?;
/// let answer = HttpClient::builder().no_proxy().build().send(request).await?;
/// assert_eq!(answer.status(), 503);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Diagnostics {
    addr: SocketAddr,
    tasks: Tasks,
}

impl Diagnostics {
    /// Starts it on a free loopback port.
    ///
    /// # Errors
    /// `Io` when no port can be bound.
    pub async fn start(mode: DiagnosticsMode) -> Result<Self> {
        let bound = |cause| Error::io("binding the diagnostics port", cause);
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(bound)?;
        let addr = listener.local_addr().map_err(bound)?;
        let tasks = Tasks::default();
        let spawner = tasks.clone();
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                spawner.spawn(async move {
                    let service =
                        service_fn(|request| async move { Ok::<_, Infallible>(respond(&request, mode).await) });
                    let io = TokioIo::new(stream);
                    let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
                });
            }
        });
        Ok(Self { addr, tasks })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Diagnostics {
    fn drop(&mut self) {
        self.tasks.abort();
    }
}

async fn respond(request: &Request<Incoming>, mode: DiagnosticsMode) -> Response<Body> {
    let report = |status: &str, reason: Option<&str>| {
        let mut output = json!({"status": status, "updated_at": "2026-01-01T00:00:00Z"});
        if let Some(reason) = reason {
            output["reason"] = json!(reason);
        }
        json!({"status": status, "services": {"application-output-1": output, "identity": {"status": "healthy"}}})
            .to_string()
    };
    match (request.uri().path(), mode) {
        (_, DiagnosticsMode::Mute) => std::future::pending().await,
        (_, DiagnosticsMode::SomethingElse) => answer(StatusCode::NOT_FOUND, "not found"),
        ("/livez", _) | (_, DiagnosticsMode::ConstantOk) => answer(StatusCode::OK, "OK"),
        ("/readyz", DiagnosticsMode::Healthy) => answer(StatusCode::OK, report("healthy", None)),
        ("/readyz", DiagnosticsMode::Unhealthy) => {
            answer(StatusCode::SERVICE_UNAVAILABLE, report("unhealthy", Some("app \"db\" not found")))
        }
        ("/readyz", DiagnosticsMode::Initializing) => {
            answer(StatusCode::SERVICE_UNAVAILABLE, report("initializing", None))
        }
        _ => answer(StatusCode::NOT_FOUND, json!({"error": "no such service"}).to_string()),
    }
}
