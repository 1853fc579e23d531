//! TLS towards a Teleport proxy: which roots, which client certificate.

use cube_sdk_core::Result;
use cube_sdk_core::transport::RootCertificates;
use rustls::ClientConfig;
pub(crate) use tokio_rustls::client::TlsStream;

use super::fault::TlsFailure;
use crate::app_fault::AppFault;
use crate::ground::{Duplex, tls};
use crate::tbot::Identity;

/// A configuration without a client certificate: for detection, information, and the outer side of an
/// upgrade.
pub(crate) async fn anonymous(roots: &RootCertificates, alpn: &[&str]) -> Result<ClientConfig> {
    tls::trusting(roots, alpn).await
}

/// A configuration with an app's certificate, towards the proxy's public certificate.
pub(crate) async fn direct(roots: &RootCertificates, identity: &Identity, alpn: &[&str]) -> Result<ClientConfig> {
    Ok(tls::presenting(tls::trusting(roots, alpn).await?, identity.resolver()))
}

/// A configuration with an app's certificate inside an upgrade: there the proxy shows its host
/// certificate, signed by the cluster's host authority.
pub(crate) fn inside(identity: &Identity, alpn: &[&str]) -> Result<ClientConfig> {
    let verifier = identity.host_verifier().ok_or_else(|| {
        AppFault::CredentialTorn.error("the output holds no host authority, which the connection upgrade needs")
    })?;
    Ok(tls::presenting(tls::verifying(verifier, alpn)?, identity.resolver()))
}

/// Shakes hands; failures come back as [`TlsFailure`].
pub(crate) async fn handshake<S: Duplex>(io: S, host: &str, config: ClientConfig) -> Result<TlsStream<S>, TlsFailure> {
    tls::handshake(io, host, config).await.map_err(TlsFailure::from)
}
