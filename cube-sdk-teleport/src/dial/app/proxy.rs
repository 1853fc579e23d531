//! The way to the proxy: its address, TCP, and whether a balancer ends TLS on the way.

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cube_sdk_core::cached::{Cached, Fresh};
use cube_sdk_core::settings::Ground;
use cube_sdk_core::{Error, ErrorKind, Result, Timestamp};
use serde::Deserialize;

use crate::app_fault::{AppFault, Step};
use crate::dial::alpn;
use crate::dial::config::{DialConfig, ProxyAddr, Upgrade};
use crate::dial::fault::TlsFailure;
use crate::dial::tls;
use crate::ground::reach::{Place, reach};
use crate::ground::{Duplex, http1};

/// How long the public address that the proxy named is used.
const FOUND_FOR: Duration = Duration::from_secs(5 * 60);

/// How an address is dialled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    Direct,
    Upgraded,
}

/// What detection found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Detected {
    Way(Way),
    /// The far end hung up on the question: some balancers do. Direct first, the upgrade second.
    Unclear,
}

/// What has been learned about the proxy. Calls that want to know the same share one question and its answer.
#[derive(Debug)]
pub(super) struct Known {
    found: Cached<ProxyAddr>,
    detected: Cached<(ProxyAddr, Detected)>,
    /// The way that worked where detection had left it open.
    worked: Mutex<Option<(ProxyAddr, Way)>>,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            found: Cached::default().pause(Duration::ZERO),
            detected: Cached::default().pause(Duration::ZERO),
            worked: Mutex::default(),
        }
    }
}

/// Runs one step under its own clock.
pub(super) async fn within<T>(step: Step, limit: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    match tokio::time::timeout(limit, work).await {
        Ok(outcome) => outcome,
        Err(_) => Err(late(step, limit)),
    }
}

fn late(step: Step, limit: Duration) -> Error {
    AppFault::StepTimedOut(step).error(format_args!("{step} took longer than {:.1} s", limit.as_secs_f64()))
}

impl Known {
    /// The address to dial: the configured one, or the public one that it names.
    pub(super) async fn address(&self, config: &Arc<DialConfig>, ground: &Ground) -> Result<ProxyAddr> {
        if !config.find {
            return Ok(config.proxy.clone());
        }
        let (config, ground) = (Arc::clone(config), ground.clone());
        let fetch = || async move {
            let addr = within(Step::Find, config.limits.find, find(&config, &ground)).await?;
            Ok(Fresh::new(addr, Some(Timestamp::now().saturating_add(FOUND_FOR))))
        };
        self.found.get(fetch).await
    }

    /// The ways to try, in order.
    pub(super) async fn ways(
        &self,
        config: &Arc<DialConfig>,
        ground: &Ground,
        addr: &ProxyAddr,
    ) -> Result<&'static [Way]> {
        match config.upgrade {
            Upgrade::Always => return Ok(&[Way::Upgraded]),
            Upgrade::Never => return Ok(&[Way::Direct]),
            Upgrade::Auto => {}
        }
        self.detected.forget(|(of, _)| of != addr);
        let (config, ground, of) = (Arc::clone(config), ground.clone(), addr.clone());
        let fetch = || async move {
            let result = within(Step::Detect, config.limits.detect, detect(&config, &ground, &of)).await?;
            tracing::debug!(proxy = %of, ?result, "looked for a balancer that ends TLS");
            Ok(Fresh::new((of, result), None))
        };
        let (_, detected) = self.detected.get(fetch).await?;
        let worked = self.worked().as_ref().filter(|(of, _)| of == addr).map(|(_, way)| *way);
        Ok(match (detected, worked) {
            (Detected::Way(Way::Direct), _) | (Detected::Unclear, Some(Way::Direct)) => &[Way::Direct],
            (Detected::Way(Way::Upgraded), _) | (Detected::Unclear, Some(Way::Upgraded)) => &[Way::Upgraded],
            (Detected::Unclear, None) => &[Way::Direct, Way::Upgraded],
        })
    }

    fn worked(&self) -> MutexGuard<'_, Option<(ProxyAddr, Way)>> {
        self.worked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers the way that worked.
    pub(super) fn works(&self, addr: &ProxyAddr, way: Way) {
        *self.worked() = Some((addr.clone(), way));
    }

    /// Forgets what was learned, so that the next dial asks again.
    pub(super) fn forget(&self) {
        self.detected.invalidate();
        self.found.invalidate();
        *self.worked() = None;
    }
}

/// A byte stream to the proxy; addresses are looked up anew each time.
pub(super) async fn connect(ground: &Ground, addr: &ProxyAddr, limit: Duration) -> Result<Box<dyn Duplex>> {
    let place = Place { host: addr.host(), port: addr.port(), secure: true };
    reach(ground, place, Some(limit)).await.map_err(|error| {
        let cause = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<io::Error>());
        if cause.is_some_and(|cause| cause.kind() == io::ErrorKind::TimedOut) {
            return late(Step::Connect, ground.connect_timeout().unwrap_or(limit)).cause(error);
        }
        let next = error.next_step().map(str::to_owned);
        let fault = AppFault::ProxyUnreachable.error(error.message());
        next.map_or(fault.clone(), |next| fault.advice(next)).cause(error)
    })
}

async fn detect(config: &DialConfig, ground: &Ground, addr: &ProxyAddr) -> Result<Detected> {
    let tls = tls::anonymous(ground.roots(), &[alpn::REVERSE_TUNNEL]).await?;
    let stream = connect(ground, addr, config.limits.connect).await?;
    match tls::handshake(stream, addr.host(), tls).await {
        Ok(stream) => {
            let agreed = stream.get_ref().1.alpn_protocol() == Some(alpn::REVERSE_TUNNEL.as_bytes());
            Ok(Detected::Way(if agreed { Way::Direct } else { Way::Upgraded }))
        }
        Err(TlsFailure::Alpn(_)) => Ok(Detected::Way(Way::Upgraded)),
        Err(failure @ TlsFailure::Server(_)) => Err(failure.error("the proxy")),
        Err(_) => Ok(Detected::Unclear),
    }
}

#[derive(Deserialize)]
struct Found {
    proxy: FoundProxy,
}

#[derive(Deserialize)]
struct FoundProxy {
    ssh: FoundSsh,
}

#[derive(Deserialize)]
struct FoundSsh {
    #[serde(default)]
    public_addr: String,
}

async fn find(config: &DialConfig, ground: &Ground) -> Result<ProxyAddr> {
    let addr = &config.proxy;
    let tls = tls::anonymous(ground.roots(), &[alpn::HTTP1]).await?;
    let stream = connect(ground, addr, config.limits.connect).await?;
    let stream = tls::handshake(stream, addr.host(), tls).await.map_err(|failure| failure.error("the proxy"))?;
    let (status, body) = http1::get(stream, &addr.to_string(), "/webapi/find").await?;
    if !status.is_success() {
        let kind = cube_sdk_core::error::kind_of_status(status);
        let error = Error::new(kind, "/webapi/find is not answered as a Teleport proxy would").with_status(status);
        return Err(error.advice("check that the address is a Teleport proxy's web address"));
    }
    public_addr(&body).map(|found| found.unwrap_or_else(|| addr.clone()))
}

/// The public address out of the answer of `/webapi/find`; none when the proxy names none.
fn public_addr(body: &[u8]) -> Result<Option<ProxyAddr>> {
    let found: Found = serde_json::from_slice(body).map_err(|cause| {
        Error::new(ErrorKind::Decode, format!("the answer of /webapi/find lacks proxy.ssh.public_addr: {cause}"))
            .advice("check that the address is a Teleport proxy's web address")
    })?;
    match found.proxy.ssh.public_addr.as_str() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|error: Error| error.with_kind(ErrorKind::Decode)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_public_address_is_read() {
        let body = br#"{"proxy":{"ssh":{"public_addr":"t.example.com:3080","x":1},"kube":{}},"cluster_name":"c"}"#;
        assert_eq!(public_addr(body).unwrap().unwrap().to_string(), "t.example.com:3080");
        assert_eq!(public_addr(br#"{"proxy":{"ssh":{}}}"#).unwrap(), None);
        for bad in [&b"<html>"[..], b"{}", br#"{"proxy":{"ssh":{"public_addr":"https://x"}}}"#] {
            assert_eq!(public_addr(bad).unwrap_err().kind(), ErrorKind::Decode);
        }
    }
}
