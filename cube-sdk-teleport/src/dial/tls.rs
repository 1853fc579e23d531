//! TLS towards a Teleport proxy: which roots, which client certificate.

use std::sync::Arc;

use cube_sdk_core::Result;
use rustls::ClientConfig;

use super::fault::TlsFailure;
use crate::app_fault::AppFault;
use crate::ground::{Duplex, tls};
use crate::tbot::Identity;

pub(crate) use crate::ground::tls::Roots;
pub(crate) use tokio_rustls::client::TlsStream;

/// A configuration without a client certificate: for detection, information, and the outer side of an
/// upgrade.
pub(crate) async fn anonymous(roots: &Roots, alpn: &[&str]) -> Result<Arc<ClientConfig>> {
    tls::client(roots.verifier().await?, None, alpn)
}

/// A configuration with an app's certificate, towards the proxy's public certificate.
pub(crate) async fn direct(roots: &Roots, identity: &Identity, alpn: &[&str]) -> Result<Arc<ClientConfig>> {
    tls::client(roots.verifier().await?, Some(identity.resolver()), alpn)
}

/// A configuration with an app's certificate inside an upgrade: there the proxy shows its host
/// certificate, signed by the cluster's host authority.
pub(crate) fn inside(identity: &Identity, alpn: &[&str]) -> Result<Arc<ClientConfig>> {
    let verifier = identity.host_verifier().ok_or_else(|| {
        AppFault::CredentialTorn.error("the output holds no host authority, which the connection upgrade needs")
    })?;
    tls::client(verifier, Some(identity.resolver()), alpn)
}

/// Shakes hands; failures come back as [`TlsFailure`].
pub(crate) async fn handshake<S: Duplex>(
    io: S,
    host: &str,
    config: Arc<ClientConfig>,
) -> Result<TlsStream<S>, TlsFailure> {
    tls::handshake(io, host, config).await.map_err(TlsFailure::from)
}
