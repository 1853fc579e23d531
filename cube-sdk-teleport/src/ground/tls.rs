//! TLS of every sort: rustls with aws-lc-rs, passed by value.

use std::io;
use std::sync::Arc;

use cube_sdk_core::transport::{RootCertificates, cryptography};
use cube_sdk_core::{Error, ErrorKind, Result};
use rustls::client::danger::ServerCertVerifier;
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, InconsistentKeys, ServerConfig};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Duplex;

/// A client that trusts the system's authorities and these.
///
/// # Errors
/// `Config` when rustls takes no configuration at all.
pub(crate) async fn trusting(roots: &RootCertificates, alpn: &[&str]) -> Result<ClientConfig> {
    let roots = roots.clone();
    // The first call reads the system's trust store: hundreds of files on some systems.
    let config = tokio::task::spawn_blocking(move || roots.client_config())
        .await
        .map_err(|cause| Error::new(ErrorKind::Cancelled, "reading the trusted certificates").cause(cause))??;
    Ok(offering(config, alpn))
}

/// A client that trusts what a verifier says.
///
/// # Errors
/// `Config` when no version of TLS is available.
pub(crate) fn verifying(verifier: Arc<dyn ServerCertVerifier>, alpn: &[&str]) -> Result<ClientConfig> {
    let config = ClientConfig::builder_with_provider(cryptography())
        .with_safe_default_protocol_versions()
        .map_err(|cause| Error::new(ErrorKind::Config, "no TLS version is available").cause(cause))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(offering(config, alpn))
}

fn offering(mut config: ClientConfig, alpn: &[&str]) -> ClientConfig {
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

/// Sends this certificate, whatever authorities the server hints at. No session is resumed: it would carry the
/// certificate of an earlier generation.
pub(crate) fn presenting(mut config: ClientConfig, certificate: Arc<dyn ResolvesClientCert>) -> ClientConfig {
    config.client_auth_cert_resolver = certificate;
    config.resumption = Resumption::disabled();
    config
}

/// Shakes hands as a client.
///
/// # Errors
/// What rustls gives, inside of an I/O error; `InvalidInput` when `host` is no name for TLS.
pub(crate) async fn handshake<S: Duplex>(io: S, host: &str, config: ClientConfig) -> io::Result<TlsStream<S>> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, format!("`{host}` is no name for TLS")))?;
    TlsConnector::from(Arc::new(config)).connect(name, io).await
}

/// A server with a certificate chain and its key (PEM).
///
/// # Errors
/// `Config`, saying which of both cannot be used, or that they do not belong together.
pub(crate) fn server(chain: &[u8], key: &[u8]) -> Result<ServerConfig> {
    let unreadable = |what: &str| Error::new(ErrorKind::Config, format!("tls: the {what} file is not readable as PEM"));
    let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<_, _>>()
        .map_err(|cause| unreadable("certificate").cause(cause))?;
    if chain.is_empty() {
        return Err(Error::new(ErrorKind::Config, "tls: the certificate file holds no certificate")
            .advice("give a PEM file with BEGIN CERTIFICATE"));
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|cause| unreadable("private key").cause(cause))?;
    ServerConfig::builder_with_provider(cryptography())
        .with_safe_default_protocol_versions()
        .map_err(|cause| Error::new(ErrorKind::Config, "no TLS version is available").cause(cause))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|cause| {
            let what = match &cause {
                rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                    "certificate and key do not belong together".to_owned()
                }
                other => format!("certificate or key cannot be used: {other}"),
            };
            Error::new(ErrorKind::Config, format!("tls: {what}")).cause(cause)
        })
}
