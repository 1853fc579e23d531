//! Which certificates are trusted: those of the operating system, and a private authority if asked.

mod cryptography;
mod verifier;

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;

use crate::error::{Error, ErrorKind, Result};
pub use cryptography::cryptography;
use verifier::Explaining;
pub(super) use verifier::{Refused, shown};

/// Certificates of a private authority, trusted beside those of the operating system. Cheap to clone.
#[derive(Clone, Default)]
pub struct RootCertificates {
    certificates: Arc<[CertificateDer<'static>]>,
    /// Made at the first TLS connection: reading the system's trust store takes milliseconds.
    config: Arc<OnceLock<ClientConfig>>,
}

impl std::fmt::Debug for RootCertificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RootCertificates({})", self.certificates.len())
    }
}

impl RootCertificates {
    /// From PEM text with one or more certificates.
    ///
    /// # Errors
    /// `Config` when the text holds none or a broken one.
    pub fn from_pem(pem: &[u8]) -> Result<Self> {
        let certificates = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|cause| Error::new(ErrorKind::Config, "the CA file is not PEM").cause(cause))?;
        if certificates.is_empty() {
            return Err(Error::new(ErrorKind::Config, "the CA file holds no certificate")
                .advice("give a PEM file with BEGIN CERTIFICATE"));
        }
        let mut store = rustls::RootCertStore::empty();
        for (index, certificate) in certificates.iter().enumerate() {
            store.add(certificate.clone()).map_err(|cause| {
                let words = format!("certificate {} of the CA file cannot be read", index.saturating_add(1));
                Error::new(ErrorKind::Config, words).cause(cause)
            })?;
        }
        Ok(Self { certificates: certificates.into(), config: Arc::default() })
    }

    /// From a PEM file.
    ///
    /// # Errors
    /// `Io` when it cannot be read, `Config` as [`Self::from_pem`].
    pub fn from_file(path: &Path) -> Result<Self> {
        let pem =
            std::fs::read(path).map_err(|cause| Error::io(format!("reading CA file {}", path.display()), cause))?;
        Self::from_pem(&pem).map_err(|error| error.with_target(path.display().to_string()))
    }

    /// The certificates, in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &CertificateDer<'static>> {
        self.certificates.iter()
    }

    /// True when nothing is trusted beside the operating system's.
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty()
    }

    /// These and those.
    #[must_use]
    pub fn and(self, more: &Self) -> Self {
        if more.is_empty() {
            return self;
        }
        Self { certificates: self.iter().chain(more.iter()).cloned().collect(), config: Arc::default() }
    }

    /// TLS of a client that trusts these and the operating system's, by rustls with [`cryptography`], without ALPN. The trust
    /// store is read at the first call; clones share what was read, and their TLS sessions.
    ///
    /// Where there is no trust store, every server is refused at its handshake, saying so.
    ///
    /// # Errors
    /// `Config` when rustls takes no configuration at all.
    pub fn client_config(&self) -> Result<ClientConfig> {
        if let Some(config) = self.config.get() {
            return Ok(config.clone());
        }
        let provider = cryptography();
        let verifier = Verifier::new_with_extra_roots(self.certificates.iter().cloned(), Arc::clone(&provider));
        let config = self.config_with(Explaining::new(verifier, Arc::clone(&provider)), provider)?;
        Ok(self.config.get_or_init(|| config).clone())
    }

    fn config_with(&self, verifier: Explaining, provider: Arc<rustls::crypto::CryptoProvider>) -> Result<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|cause| Error::new(ErrorKind::Config, "TLS cannot be set up").cause(cause))?;
        Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
    }
}
