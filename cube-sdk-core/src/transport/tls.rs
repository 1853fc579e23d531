//! Which certificates are trusted: those of the operating system, and a private authority if asked.

use std::path::Path;

use crate::error::{Error, ErrorKind, Result};

/// Certificates of a private authority, trusted beside those of the operating system.
#[derive(Clone, Default)]
pub struct RootCertificates(pub(crate) Vec<reqwest::Certificate>);

impl std::fmt::Debug for RootCertificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RootCertificates({})", self.0.len())
    }
}

impl RootCertificates {
    /// From PEM text with one or more certificates.
    ///
    /// # Errors
    /// `Config` when the text holds none or a broken one.
    pub fn from_pem(pem: &[u8]) -> Result<Self> {
        let certificates = reqwest::Certificate::from_pem_bundle(pem)
            .map_err(|cause| Error::new(ErrorKind::Config, "the CA file is not PEM").cause(cause))?;
        if certificates.is_empty() {
            return Err(Error::new(ErrorKind::Config, "the CA file holds no certificate"));
        }
        Ok(Self(certificates))
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
}
