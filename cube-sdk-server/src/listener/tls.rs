//! TLS of a listener: the certificate is read again when its files change.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use cube_sdk_core::transport::cryptography;
use cube_sdk_core::{Error, ErrorKind, Result};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(10);

/// The certificate of a [`Listener`](super::Listener), in two files of PEM: the chain, leaf first, and its key. Both
/// are read again within 10 s of a change; what cannot be used is logged, and the one before goes on to serve.
///
/// ```no_run
/// use axum::Router;
/// use cube_sdk_server::listener::{Limits, Listener, Tls};
///
/// # async fn serve() -> cube_sdk_core::Result<()> {
/// let tls = Tls::from_files("/etc/cube/tls.crt".as_ref(), "/etc/cube/tls.key".as_ref())?;
/// let listener = Listener::bind_tls(([0, 0, 0, 0], 8443).into(), Router::new(), Limits::default(), tls).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    shown: Arc<Shown>,
    look: Duration,
}

/// What is shown to who connects.
struct Shown {
    chain: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    now: RwLock<(Arc<CertifiedKey>, Vec<u8>)>,
}

impl Tls {
    /// Reads the files once; a listener reads them again.
    ///
    /// # Errors
    /// `Io` when one cannot be read; `Config` when one holds no such item, or they do not belong together.
    pub fn from_files(chain: &Path, key: &Path) -> Result<Self> {
        let provider = cryptography();
        let first = read(chain, key, &provider)?;
        let now = RwLock::new(first);
        let shown = Arc::new(Shown { chain: chain.to_owned(), key: key.to_owned(), provider, now });
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&shown.provider))
            .with_safe_default_protocol_versions()
            .map_err(|cause| Error::new(ErrorKind::Config, "no TLS version is available").cause(cause))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&shown) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), shown, look: LOOK })
    }

    /// How often the files are looked at. Default 10 s.
    #[must_use]
    pub fn look_every(mut self, period: Duration) -> Self {
        self.look = period;
        self
    }

    pub(super) const fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// Follows the files for ever.
    pub(super) async fn follow(self) {
        loop {
            tokio::time::sleep(self.look).await;
            let shown = Arc::clone(&self.shown);
            // Reading files blocks.
            let looked = tokio::task::spawn_blocking(move || shown.look()).await;
            match looked {
                Ok(Ok(true)) => tracing::info!("the certificate was read again"),
                Ok(Ok(false)) => {}
                Ok(Err(error)) => tracing::error!(%error, "the new certificate cannot be used; the old one serves on"),
                Err(error) => tracing::error!(%error, "the certificate was not looked at"),
            }
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("chain", &self.shown.chain).finish_non_exhaustive()
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown").field("chain", &self.chain).finish_non_exhaustive()
    }
}

impl Shown {
    /// True when there was another certificate.
    fn look(&self) -> Result<bool> {
        let (certified, leaf) = read(&self.chain, &self.key, &self.provider)?;
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        let changed = now.1 != leaf;
        if changed {
            *now = (certified, leaf);
        }
        Ok(changed)
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner).0))
    }
}

/// The pair, and the chain's bytes to tell it by.
fn read(chain: &Path, key: &Path, provider: &CryptoProvider) -> Result<(Arc<CertifiedKey>, Vec<u8>)> {
    let unusable =
        |path: &Path, why: &str| Error::new(ErrorKind::Config, format!("{} {why}", path.display())).with_target("tls");
    let bytes =
        |path: &Path| std::fs::read(path).map_err(|cause| Error::io(format!("reading {}", path.display()), cause));
    let (chain_bytes, key_bytes) = (bytes(chain)?, bytes(key)?);
    let certificates = CertificateDer::pem_slice_iter(&chain_bytes)
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(|cause| unusable(chain, "is not readable as PEM").cause(cause))?;
    if certificates.is_empty() {
        return Err(unusable(chain, "holds no certificate"));
    }
    let secret = PrivateKeyDer::from_pem_slice(&key_bytes).map_err(|_| unusable(key, "holds no private key in PEM"))?;
    let certified = CertifiedKey::from_der(certificates, secret, provider)
        .map_err(|cause| unusable(chain, "does not belong to the key, or neither can be used").cause(cause))?;
    Ok((Arc::new(certified), chain_bytes))
}
