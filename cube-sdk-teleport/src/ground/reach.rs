//! A byte stream to a host, through the proxy that the settings name for it.

use std::time::Duration;

use cube_sdk_core::error::Sent;
use cube_sdk_core::settings::{Ground, Via};
use cube_sdk_core::transport::never_connected;
use cube_sdk_core::{Error, ErrorKind, Result};
use http::Uri;
use tokio::time::timeout;

use super::{Duplex, connect, proxy, tls};

/// DNS, TCP and a proxy together, unless set otherwise.
const LIMIT: Duration = Duration::from_secs(10);

/// What to connect to, and whether TLS is to follow: that decides which proxy it goes through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// Without the brackets of an IPv6 address.
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    pub(crate) secure: bool,
}

impl Place<'_> {
    fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    /// The proxy on the way.
    pub(crate) fn via(&self, ground: &Ground) -> Option<Via> {
        let scheme = if self.secure { "https" } else { "http" };
        let uri = Uri::builder().scheme(scheme).authority(self.authority()).path_and_query("/").build().ok()?;
        ground.proxies().intercept(&uri)
    }
}

/// Connects, without the TLS that may follow. `limit` holds where the settings name none.
///
/// # Errors
/// `Connect`, with what was tried; nothing was sent.
pub(crate) async fn reach(ground: &Ground, place: Place<'_>, limit: Option<Duration>) -> Result<Box<dyn Duplex>> {
    let limit = ground.connect_timeout().or(limit).unwrap_or(LIMIT);
    let outcome = match place.via(ground) {
        None => tcp(place.host, place.port, limit, "check the address, DNS and the firewall").await,
        Some(via) => match timeout(limit, through(ground, &via, place, limit)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                let words = format!("the proxy {via} gave no way within {:.1} s", limit.as_secs_f64());
                Err(Error::new(ErrorKind::Connect, words).advice(format!("check the proxy ({})", via.origin)))
            }
        },
    };
    outcome.map_err(|error| error.with_sent(Sent::No))
}

async fn through(ground: &Ground, via: &Via, place: Place<'_>, limit: Duration) -> Result<Box<dyn Duplex>> {
    let advice = format!("check the proxy ({}), or name the host in NO_PROXY", via.origin);
    let mut io = tcp(via.host(), via.port(), limit, &advice).await?;
    if via.is_tls() {
        let config = tls::trusting(ground.roots(), &[]).await?;
        let inner = tls::handshake(io, via.host(), config).await;
        io = Box::new(inner.map_err(|cause| never_connected(cause, Some(via)))?);
    }
    proxy::through(via, io, &place.authority()).await
}

async fn tcp(host: &str, port: u16, limit: Duration, advice: &str) -> Result<Box<dyn Duplex>> {
    match connect::tcp(host, port, limit).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(unreachable) => Err(Error::new(ErrorKind::Connect, format!("could not connect: {}", unreachable.detail))
            .advice(advice)
            .cause(unreachable.cause)),
    }
}
