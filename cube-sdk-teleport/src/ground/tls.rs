//! TLS of every sort: rustls with aws-lc-rs, passed by value.

use std::io;
use std::sync::{Arc, OnceLock};

use cube_sdk_core::{Error, ErrorKind, Result};
use rustls::client::danger::ServerCertVerifier;
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, InconsistentKeys, ServerConfig};
use rustls_platform_verifier::Verifier;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Duplex;

/// The cryptography, made once.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider())))
}

fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(Error::new(ErrorKind::Config, format!("{what} holds no certificate"))
            .advice("give a PEM file with BEGIN CERTIFICATE")),
        Err(cause) => Err(Error::new(ErrorKind::Config, format!("{what} is not readable as PEM")).cause(cause)),
    }
}

/// Who is trusted: the operating system's authorities, and private ones beside them. The system's are read at the first
/// handshake.
#[derive(Clone, Default)]
pub(crate) struct Roots {
    extra: Vec<CertificateDer<'static>>,
    verifier: Arc<OnceLock<Arc<dyn ServerCertVerifier>>>,
}

impl std::fmt::Debug for Roots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Roots(system + {})", self.extra.len())
    }
}

impl Roots {
    /// The system's authorities and those of a PEM text.
    ///
    /// # Errors
    /// `Config` when the text holds none or one that is not readable.
    pub(crate) fn with_pem(pem: &[u8]) -> Result<Self> {
        let extra = certificates(pem, "the CA text")?;
        for certificate in &extra {
            webpki_anchor(certificate)?;
        }
        Ok(Self { extra, verifier: Arc::default() })
    }

    /// Checks certificates of servers.
    ///
    /// # Errors
    /// `Config` when the system has no authorities and none was given.
    pub(crate) async fn verifier(&self) -> Result<Arc<dyn ServerCertVerifier>> {
        if let Some(verifier) = self.verifier.get() {
            return Ok(Arc::clone(verifier));
        }
        let extra = self.extra.clone();
        // Reading the system's store touches hundreds of files on some systems.
        let made = tokio::task::spawn_blocking(move || Verifier::new_with_extra_roots(extra, provider()))
            .await
            .map_err(|cause| Error::new(ErrorKind::Cancelled, "reading the trusted certificates").cause(cause))?
            .map_err(|cause| {
                Error::new(ErrorKind::Config, format!("no certificates to trust: {cause}"))
                    .advice("install the system's CA certificates, or name a CA")
                    .cause(cause)
            })?;
        Ok(Arc::clone(self.verifier.get_or_init(|| Arc::new(made))))
    }
}

/// Refuses what can be no authority, before it is needed.
fn webpki_anchor(certificate: &CertificateDer<'static>) -> Result<()> {
    let mut store = rustls::RootCertStore::empty();
    store.add(certificate.clone()).map_err(|cause| {
        Error::new(ErrorKind::Config, format!("the CA text cannot be used: {cause}"))
            .advice("give PEM text with one or more certificates")
            .cause(cause)
    })
}

/// A client's side. A client certificate is sent whatever authorities the server hints at; with one, no session is
/// resumed, since that would carry the certificate of an earlier generation.
///
/// # Errors
/// `Config` when no version of TLS is available.
pub(crate) fn client(
    verifier: Arc<dyn ServerCertVerifier>,
    certificate: Option<Arc<dyn ResolvesClientCert>>,
    alpn: &[&str],
) -> Result<Arc<ClientConfig>> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|cause| Error::new(ErrorKind::Config, "no TLS version is available").cause(cause))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match certificate {
        Some(certificate) => builder.with_client_cert_resolver(certificate),
        None => builder.with_no_client_auth(),
    };
    config.resumption = Resumption::disabled();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Ok(Arc::new(config))
}

/// Shakes hands as a client.
///
/// # Errors
/// What rustls gives, inside of an I/O error; `InvalidInput` when `host` is no name for TLS.
pub(crate) async fn handshake<S: Duplex>(io: S, host: &str, config: Arc<ClientConfig>) -> io::Result<TlsStream<S>> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, format!("`{host}` is no name for TLS")))?;
    TlsConnector::from(config).connect(name, io).await
}

/// A server with a certificate chain and its key (PEM).
///
/// # Errors
/// `Config`, saying which of both cannot be used, or that they do not belong together.
pub(crate) fn server(chain: &[u8], key: &[u8]) -> Result<ServerConfig> {
    let chain = certificates(chain, "the certificate file")?;
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|cause| Error::new(ErrorKind::Config, "the key file holds no readable private key").cause(cause))?;
    ServerConfig::builder_with_provider(provider())
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
