//! The way to the proxy: its address, TCP, and whether a balancer ends TLS on the way.

use std::future::Future;
use std::time::Duration;

use cube_sdk_core::clock::later;
use cube_sdk_core::{Error, ErrorKind, Result};
use serde::Deserialize;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::config::{DialConfig, ProxyAddr, Upgrade};
use crate::app_fault::{AppFault, Step};
use crate::dial::alpn;
use crate::dial::tls::{self, TlsFailure};
use crate::http_get;

const KEEPALIVE: Duration = Duration::from_secs(30);
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

/// What has been learned about the proxy.
#[derive(Debug, Default)]
pub(super) struct Known {
    found: Mutex<Option<(Instant, ProxyAddr)>>,
    detected: Mutex<Option<(ProxyAddr, Detected)>>,
}

/// Runs one step under its own clock.
pub(super) async fn within<T>(step: Step, limit: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    match tokio::time::timeout(limit, work).await {
        Ok(outcome) => outcome,
        Err(_) => {
            Err(AppFault::StepTimedOut(step)
                .error(format_args!("{step} took longer than {:.1} s", limit.as_secs_f64())))
        }
    }
}

impl Known {
    /// The address to dial: the configured one, or the public one that it names.
    pub(super) async fn address(&self, config: &DialConfig) -> Result<ProxyAddr> {
        if !config.find {
            return Ok(config.proxy.clone());
        }
        let mut found = self.found.lock().await;
        if let Some((at, addr)) = &*found
            && at.elapsed() < FOUND_FOR
        {
            return Ok(addr.clone());
        }
        let addr = within(Step::Find, config.limits.find, find(config)).await?;
        *found = Some((Instant::now(), addr.clone()));
        Ok(addr)
    }

    /// The ways to try, in order.
    pub(super) async fn ways(&self, config: &DialConfig, addr: &ProxyAddr) -> Result<&'static [Way]> {
        match config.upgrade {
            Upgrade::Always => return Ok(&[Way::Upgraded]),
            Upgrade::Never => return Ok(&[Way::Direct]),
            Upgrade::Auto => {}
        }
        let mut detected = self.detected.lock().await;
        let result = match &*detected {
            Some((of, result)) if of == addr => *result,
            _ => {
                let result = within(Step::Detect, config.limits.detect, detect(config, addr)).await?;
                tracing::debug!(proxy = %addr, ?result, "looked for a balancer that ends TLS");
                *detected = Some((addr.clone(), result));
                result
            }
        };
        Ok(match result {
            Detected::Way(Way::Direct) => &[Way::Direct],
            Detected::Way(Way::Upgraded) => &[Way::Upgraded],
            Detected::Unclear => &[Way::Direct, Way::Upgraded],
        })
    }

    /// Remembers the way that worked where detection had left it open.
    pub(super) async fn worked(&self, addr: &ProxyAddr, way: Way) {
        let mut detected = self.detected.lock().await;
        if let Some((of, result @ Detected::Unclear)) = &mut *detected
            && of == addr
        {
            *result = Detected::Way(way);
        }
    }

    /// Forgets what was detected, so that the next dial asks again.
    pub(super) async fn forget(&self) {
        *self.detected.lock().await = None;
        *self.found.lock().await = None;
    }
}

/// TCP to the proxy: addresses are looked up anew each time and tried in turn, each with its share of
/// the time that is left.
pub(super) async fn connect(addr: &ProxyAddr, limit: Duration) -> Result<TcpStream> {
    let unreachable = |detail: String| AppFault::ProxyUnreachable.error(detail);
    within(Step::Connect, limit, async {
        let until = later(Instant::now(), limit);
        let addresses: Vec<_> = lookup_host((addr.host(), addr.port()))
            .await
            .map_err(|cause| unreachable(format!("`{}` has no address", addr.host())).cause(cause))?
            .collect();
        let mut last = unreachable(format!("`{}` has no address", addr.host()));
        for (index, address) in addresses.iter().enumerate() {
            let waiting = u32::try_from(addresses.len() - index).unwrap_or(1);
            let share = until.saturating_duration_since(Instant::now()) / waiting;
            match tokio::time::timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    tune(&stream);
                    return Ok(stream);
                }
                Ok(Err(cause)) => last = unreachable(format!("{address} does not accept connections")).cause(cause),
                // The last address runs into the step's own clock, which names the step.
                Err(_) if waiting == 1 => std::future::pending().await,
                Err(_) => last = unreachable(format!("{address} does not answer")),
            }
        }
        Err(last)
    })
    .await
}

/// Small writes go out at once, and a peer that vanished is found within a minute or so. Neither is
/// worth a failed dial.
fn tune(stream: &TcpStream) {
    stream.set_nodelay(true).ok();
    let alive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE / 3).with_retries(3);
    SockRef::from(stream).set_tcp_keepalive(&alive).ok();
}

async fn detect(config: &DialConfig, addr: &ProxyAddr) -> Result<Detected> {
    let tls = tls::anonymous(&config.roots, &[alpn::REVERSE_TUNNEL]).await?;
    let stream = connect(addr, config.limits.connect).await?;
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

async fn find(config: &DialConfig) -> Result<ProxyAddr> {
    let addr = &config.proxy;
    let tls = tls::anonymous(&config.roots, &[alpn::HTTP1]).await?;
    let stream = connect(addr, config.limits.connect).await?;
    let stream = tls::handshake(stream, addr.host(), tls).await.map_err(|failure| failure.error("the proxy"))?;
    let (status, body) = http_get::get(stream, &addr.to_string(), "/webapi/find").await?;
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
