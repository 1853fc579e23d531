//! Where a service listens, and how: the options that both services have.

use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use clap::Args;
use cube_sdk_core::config::ListenAddress;
use cube_sdk_server::listener::{Listener, Tls};
use cube_sdk_server::metrics::Metrics;

use crate::connections::Connections;
use crate::say;
use crate::stop::Stop;

#[derive(Args)]
pub(crate) struct Served {
    /// Where to listen.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: ListenAddress,
    /// The certificate's chain, in PEM; it is read again when it changes. Without it, put a TLS terminator in front.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's key, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Where to serve figures for Prometheus, at `/metrics` and without a key; by default nowhere.
    #[arg(long, value_name = "ADDR")]
    metrics: Option<ListenAddress>,
    #[command(flatten)]
    limits: Connections,
    /// Seconds after a signal in which /readyz answers 503 and all else is answered, before the port is closed: longer
    /// than the balancer needs to notice. A second signal ends them.
    #[arg(long, default_value_t = 0)]
    unready: u64,
    /// Seconds that what is in progress may take after that.
    #[arg(long, default_value_t = 30)]
    grace: u64,
}

/// What is served, until it is stopped.
pub(crate) struct Serving {
    service: Listener,
    metrics: Option<Listener>,
    unready: Duration,
    pub(crate) grace: Duration,
}

impl Served {
    pub(crate) async fn start(&self, router: Router, metrics: &Metrics) -> anyhow::Result<Serving> {
        let (limits, listen) = (self.limits.limits(), self.listen.socket_addr()?);
        let service = match self.tls_cert.as_ref().zip(self.tls_key.as_ref()) {
            Some((chain, key)) => Listener::bind_tls(listen, router, limits, Tls::from_files(chain, key)?).await?,
            None => Listener::bind_with(listen, router, limits).await?,
        };
        if self.tls_cert.is_none() && !self.listen.is_loopback() {
            tracing::warn!("serving plain HTTP on {}: put a TLS terminator in front", service.address());
        }
        let figures = match &self.metrics {
            Some(address) => Some(Listener::bind(address.socket_addr()?, metrics.router()).await?),
            None => None,
        };
        if let Some(figures) = &figures {
            say(&format!("metrics {}", figures.address()))?;
        }
        say(&format!("listening {}", service.address()))?;
        let (unready, grace) = (Duration::from_secs(self.unready), Duration::from_secs(self.grace));
        Ok(Serving { service, metrics: figures, unready, grace })
    }
}

impl Serving {
    /// After a signal: tells balancers by `unready`, gives them time, then takes no more and lets answers end. Figures are
    /// served to the last.
    pub(crate) async fn stop(self, stop: &mut Stop, unready: impl FnOnce()) {
        unready();
        tokio::select! {
            () = tokio::time::sleep(self.unready) => {}
            () = stop.asked() => {}
        }
        self.service.shutdown(self.grace).await;
        drop(self.metrics);
    }
}
