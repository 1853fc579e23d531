//! TLS towards a Teleport proxy: which roots, which client certificate, and what a failure means.

use std::io;
use std::sync::{Arc, OnceLock};

use cube_sdk_core::{Error, ErrorKind, Result};
use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{AlertDescription, ClientConfig, PeerMisbehaved};
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::app_fault::AppFault;
use crate::tbot::{Identity, bundle};

/// Certificates trusted on the outer side of the proxy: the operating system's, and those of a private
/// authority beside them. The system's are read at the first dial.
#[derive(Clone, Default)]
pub(crate) struct ProxyRoots {
    extra: Vec<Vec<u8>>,
    verifier: Arc<OnceLock<Arc<dyn ServerCertVerifier>>>,
}

impl std::fmt::Debug for ProxyRoots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ProxyRoots(system + {})", self.extra.len())
    }
}

impl ProxyRoots {
    pub(crate) fn with_pem(pem: &[u8]) -> Result<Self> {
        let extra = bundle::authorities(pem).map_err(|why| {
            Error::new(ErrorKind::Config, format!("the CA text cannot be used: {why}"))
                .advice("give PEM text with one or more certificates")
                .cause(why)
        })?;
        Ok(Self { extra, verifier: Arc::default() })
    }

    async fn verifier(&self) -> Result<Arc<dyn ServerCertVerifier>> {
        if let Some(verifier) = self.verifier.get() {
            return Ok(Arc::clone(verifier));
        }
        let extra: Vec<_> = self.extra.iter().map(|der| CertificateDer::from(der.clone())).collect();
        // Reading the system's store touches hundreds of files on some systems.
        let made = tokio::task::spawn_blocking(move || Verifier::new_with_extra_roots(extra, provider()))
            .await
            .map_err(|cause| Error::new(ErrorKind::Cancelled, "reading the trusted certificates").cause(cause))?
            .map_err(|cause| {
                Error::new(ErrorKind::Config, "no certificates to trust")
                    .advice("install the system's CA certificates, or name a CA")
                    .cause(cause)
            })?;
        Ok(Arc::clone(self.verifier.get_or_init(|| Arc::new(made))))
    }
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(aws_lc_rs::default_provider())))
}

/// A configuration without a client certificate: for detection, information, and the outer side of an
/// upgrade.
pub(crate) async fn anonymous(roots: &ProxyRoots, alpn: &[&str]) -> Result<Arc<ClientConfig>> {
    config(roots.verifier().await?, None, alpn)
}

/// A configuration with an app's certificate, towards the proxy's public certificate.
pub(crate) async fn direct(roots: &ProxyRoots, identity: &Identity, alpn: &[&str]) -> Result<Arc<ClientConfig>> {
    config(roots.verifier().await?, Some(identity), alpn)
}

/// A configuration with an app's certificate inside an upgrade: there the proxy shows its host
/// certificate, signed by the cluster's host authority.
pub(crate) fn inside(identity: &Identity, alpn: &[&str]) -> Result<Arc<ClientConfig>> {
    let verifier = identity.host_verifier().ok_or_else(|| {
        AppFault::CredentialTorn.error("the output holds no host authority, which the connection upgrade needs")
    })?;
    config(verifier, Some(identity), alpn)
}

fn config(
    verifier: Arc<dyn ServerCertVerifier>,
    identity: Option<&Identity>,
    alpn: &[&str],
) -> Result<Arc<ClientConfig>> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|cause| Error::new(ErrorKind::Config, "no TLS version is available").cause(cause))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match identity {
        Some(identity) => builder.with_client_cert_resolver(identity.resolver()),
        None => builder.with_no_client_auth(),
    };
    // A resumed session would carry the certificate of an earlier generation.
    config.resumption = Resumption::disabled();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Ok(Arc::new(config))
}

/// Shakes hands; failures come back as [`TlsFailure`].
pub(crate) async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
    io: S,
    host: &str,
    config: Arc<ClientConfig>,
) -> Result<TlsStream<S>, TlsFailure> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| TlsFailure::Broken(io::Error::new(io::ErrorKind::InvalidInput, "not a host name")))?;
    TlsConnector::from(config).connect(name, io).await.map_err(TlsFailure::from)
}

/// What a TLS failure means to a dial.
#[derive(Debug)]
pub(crate) enum TlsFailure {
    /// The far end speaks none of the protocols that were offered.
    Alpn(io::Error),
    /// The far end refused the client certificate.
    Client(AlertDescription, io::Error),
    /// The far end's certificate is not trusted.
    Server(io::Error),
    /// The connection ended without a word.
    HungUp(io::Error),
    /// Anything else.
    Broken(io::Error),
}

impl From<io::Error> for TlsFailure {
    fn from(error: io::Error) -> Self {
        use AlertDescription as Alert;
        let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
        match cause {
            Some(
                rustls::Error::AlertReceived(Alert::NoApplicationProtocol)
                | rustls::Error::NoApplicationProtocol
                | rustls::Error::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedApplicationProtocol),
            ) => Self::Alpn(error),
            Some(rustls::Error::AlertReceived(
                alert @ (Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::UnknownCA
                | Alert::AccessDenied
                | Alert::CertificateRequired),
            )) => Self::Client(*alert, error),
            Some(rustls::Error::InvalidCertificate(_)) => Self::Server(error),
            Some(_) => Self::Broken(error),
            None if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) => {
                Self::HungUp(error)
            }
            None => Self::Broken(error),
        }
    }
}

impl TlsFailure {
    /// As an error; `peer` is what the far end is, in words.
    pub(crate) fn error(self, peer: &str) -> Error {
        match self {
            Self::Alpn(cause) => AppFault::AlpnRefused
                .error(format_args!("{peer} speaks none of the protocols that the app needs"))
                .cause(cause),
            Self::Client(alert, cause) => AppFault::CredentialRefused
                .error(format_args!("{peer} refused the client certificate: {}", alert_name(alert)))
                .cause(cause),
            Self::Server(cause) => {
                AppFault::ProxyUntrusted.error(format_args!("the certificate of {peer} is not trusted")).cause(cause)
            }
            Self::HungUp(cause) => {
                AppFault::ProxyUnreachable.error(format_args!("{peer} closed during the TLS handshake")).cause(cause)
            }
            Self::Broken(cause) => {
                AppFault::ProxyUnreachable.error(format_args!("the TLS handshake with {peer} failed")).cause(cause)
            }
        }
    }
}

fn alert_name(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::CertificateExpired => "it is expired".to_owned(),
        AlertDescription::UnknownCA => "its authority is unknown there".to_owned(),
        AlertDescription::CertificateRevoked => "it is revoked".to_owned(),
        AlertDescription::CertificateRequired => "it did not arrive".to_owned(),
        other => format!("alert {}", u8::from(other)),
    }
}
