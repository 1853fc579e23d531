//! Dialling plain TCP addresses.

use std::time::Instant;

use async_trait::async_trait;

use crate::ground::connect;
use crate::refusal::{Refusal, TunnelCode};
use crate::seam::{Dialer, Route, Upstream};

/// Connects to the route's target as `host:port`. A name with several addresses is tried at all of them, each a little
/// after the one before.
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
        let app = route.app();
        let Some((host, port)) = host_and_port(route.target()) else {
            return Err(Refusal::new(
                TunnelCode::Unreachable,
                format!("the target of {app} is not of the form host:port"),
            ));
        };
        let left = deadline.saturating_duration_since(Instant::now());
        match connect::tcp(host, port, left).await {
            Ok(stream) => Ok(Upstream::tcp(stream)),
            Err(unreachable) => {
                let code = if unreachable.is_late() { TunnelCode::DialTimeout } else { TunnelCode::Unreachable };
                Err(Refusal::new(code, format!("{app}: {}", unreachable.detail)))
            }
        }
    }
}

/// `host:port`, `[v6]:port`.
fn host_and_port(target: &str) -> Option<(&str, u16)> {
    let (host, port) = target.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']')?,
        None if host.contains(':') => return None,
        None => host,
    };
    Some((host, port.parse().ok()?)).filter(|(host, _)| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_hosts_with_ports() {
        assert_eq!(host_and_port("db.internal:5432"), Some(("db.internal", 5432)));
        assert_eq!(host_and_port("[::1]:80"), Some(("::1", 80)));
        for bad in ["", "db", ":1", "db:", "db:x", "::1", "[::1]", "[::1:80", "db:70000"] {
            assert_eq!(host_and_port(bad), None, "{bad}");
        }
    }
}
