//! Dialling plain TCP addresses.

use std::time::Instant;

use async_trait::async_trait;
use tokio::net::TcpStream;

use crate::refusal::{Refusal, TunnelCode};
use crate::seam::{Dialer, Route, Upstream};

/// Connects to the route's target as `host:port`.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct DirectDialer;

impl DirectDialer {
    /// A dialer.
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl Dialer for DirectDialer {
    async fn dial(&self, route: &Route, deadline: Instant) -> Result<Upstream, Refusal> {
        let connect = TcpStream::connect(route.target());
        match tokio::time::timeout_at(deadline.into(), connect).await {
            Ok(Ok(stream)) => {
                // Without it, small writes of an interactive app wait for acknowledgements.
                stream.set_nodelay(true).ok();
                Ok(Upstream::tcp(stream))
            }
            Ok(Err(error)) => {
                Err(Refusal::new(TunnelCode::Unreachable, format!("{} did not accept: {error}", route.app())))
            }
            Err(_) => Err(Refusal::new(TunnelCode::DialTimeout, format!("{} did not answer in time", route.app()))),
        }
    }
}
