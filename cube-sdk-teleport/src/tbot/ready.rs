//! Is `tbot` ready: what its diagnostics service says, told apart from what it cannot say.
//!
//! `GET /readyz` answers 200 or 503 with JSON in newer versions and a constant OK in older ones
//! (Teleport reference, diagnostics service). The certificates in the directories are the reliable
//! sign; [`Readiness::confirmed`] tells which of the two spoke.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use cube_sdk_core::operation::{Idempotency, Operation};
use cube_sdk_core::{Error, ErrorKind, Result, WhichClock};
use http::StatusCode;
use serde::Deserialize;

use crate::ground::http1;

/// `GET /readyz` of tbot.
pub const READYZ: Operation = Operation::new("tbot", "readyz", Idempotency::Read);

const LIMIT: Duration = Duration::from_secs(5);

cube_sdk_core::open_enum! {
    /// Health of tbot or of one of its services.
    pub enum ServiceHealth {
        /// It did what it is for.
        Healthy = "healthy",
        /// It has not finished its first round.
        Initializing = "initializing",
        /// It failed last time.
        Unhealthy = "unhealthy",
    }
}

/// One output or other service of tbot.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct ServiceStatus {
    /// Its health.
    pub status: ServiceHealth,
    /// Why, when it is not well.
    #[serde(default)]
    pub reason: Option<String>,
    /// When that was found, as tbot writes it.
    #[serde(default)]
    pub updated_at: Option<String>,
}

/// What tbot says about itself.
///
/// ```
/// use cube_sdk_teleport::tbot::Readiness;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use cube_sdk_testkit::teleport::{Diagnostics, DiagnosticsMode};
/// # let tbot = Diagnostics::start(DiagnosticsMode::Unhealthy).await?;
/// let readiness = Readiness::ask(tbot.addr()).await?; // tbot's `diag_addr`
/// assert!(readiness.confirmed() && !readiness.ready);
/// for (service, health) in readiness.unwell() {
///     println!("{service}: {} {:?}", health.status, health.reason);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Readiness {
    /// True for status 200.
    pub ready: bool,
    /// Health in words; absent in older versions.
    pub status: Option<ServiceHealth>,
    /// Health of each service by name, such as `application-output-1`.
    pub services: BTreeMap<String, ServiceStatus>,
}

#[derive(Deserialize)]
struct Body {
    status: ServiceHealth,
    #[serde(default)]
    services: BTreeMap<String, ServiceStatus>,
}

impl Readiness {
    /// From a status and a body, without I/O.
    ///
    /// # Errors
    /// `Protocol` for a status other than 200 and 503: something else listens there.
    pub fn parse(status: StatusCode, body: &[u8]) -> Result<Self> {
        let ready = match status {
            StatusCode::OK => true,
            StatusCode::SERVICE_UNAVAILABLE => false,
            other => {
                return Err(Error::new(ErrorKind::Protocol, "this is no answer of tbot's diagnostics service")
                    .with_status(other)
                    .advice("compare the address with `diag_addr` in tbot's configuration"));
            }
        };
        Ok(match serde_json::from_slice::<Body>(body) {
            Ok(body) => Self { ready, status: Some(body.status), services: body.services },
            Err(_) => Self { ready, status: None, services: BTreeMap::new() },
        })
    }

    /// Asks tbot's diagnostics service at `addr`; 5 s at most.
    ///
    /// # Errors
    /// `Connect` when nothing listens, `Timeout`, `Protocol` as [`Self::parse`].
    pub async fn ask(addr: SocketAddr) -> Result<Self> {
        let named = |error: Error| error.with_operation(READYZ).with_target(addr.to_string());
        let asked = async {
            let stream = tokio::net::TcpStream::connect(addr).await.map_err(|cause| {
                Error::new(ErrorKind::Connect, "tbot's diagnostics service does not listen")
                    .advice("set `diag_addr` in tbot's configuration, or check that tbot runs")
                    .cause(cause)
            })?;
            let (status, body) = http1::get(stream, &addr.to_string(), "/readyz").await?;
            Self::parse(status, &body)
        };
        match tokio::time::timeout(LIMIT, asked).await {
            Ok(outcome) => outcome.map_err(named),
            Err(_) => {
                Err(named(Error::new(ErrorKind::Timeout, "no answer within 5 s").with_clock(WhichClock::Attempt)))
            }
        }
    }

    /// True when tbot named its health: older versions answer OK whatever happens, so that their 200
    /// proves nothing about any output.
    pub const fn confirmed(&self) -> bool {
        self.status.is_some()
    }

    /// Services that are not well, with their reasons.
    pub fn unwell(&self) -> impl Iterator<Item = (&str, &ServiceStatus)> {
        self.services
            .iter()
            .filter(|(_, service)| service.status != ServiceHealth::Healthy)
            .map(|(name, service)| (name.as_str(), service))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn tells_a_constant_ok_from_a_report() {
        let old = Readiness::parse(StatusCode::OK, b"OK").unwrap();
        assert!(old.ready && !old.confirmed());
        let body = br#"{"status":"unhealthy","services":{
            "application-output-1":{"status":"unhealthy","reason":"app \"db\" not found","updated_at":"2026-01-01T00:00:00Z"},
            "identity":{"status":"healthy"},"later":{"status":"dozing","extra":1}}}"#;
        let report = Readiness::parse(StatusCode::SERVICE_UNAVAILABLE, body).unwrap();
        assert!(!report.ready && report.confirmed());
        let unwell: Vec<_> = report.unwell().map(|(name, at)| (name, at.status.as_str())).collect();
        assert_eq!(unwell, [("application-output-1", "unhealthy"), ("later", "dozing")]);
    }

    #[test]
    fn another_service_is_not_tbot() {
        let error = Readiness::parse(StatusCode::NOT_FOUND, b"<html>").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
    }
}
