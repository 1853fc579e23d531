//! A credential that is proved whole: its key signs for its certificate.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cube_sdk_core::transport::cryptography;
use cube_sdk_core::{Result, Timestamp};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{InconsistentKeys, RootCertStore, crypto};
use secrecy::zeroize::Zeroize;

use super::bundle::{Bundle, KeyEncoding};
use super::subject::Subject;
use super::torn::Torn;
use crate::app_fault::AppFault;

/// One generation of an app's credential, ready for TLS. Its private key can sign and is never shown.
pub struct Identity {
    subject: Subject,
    resolver: Arc<SingleCertAndKey>,
    host_verifier: Option<Arc<dyn ServerCertVerifier>>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("subject", &self.subject)
            .field("host_authority", &self.host_verifier.is_some())
            .finish_non_exhaustive()
    }
}

impl Identity {
    /// Proves that key and certificate belong together. `host_authorities` (DER) are those that sign
    /// the proxy's host certificate; when empty, the authorities of the bundle serve.
    ///
    /// # Errors
    /// `BadKey`, `Mismatch`, or `BadCertificate` for an authority that cannot be a trust anchor.
    pub fn new(bundle: &Bundle, host_authorities: &[Vec<u8>]) -> Result<Self, Torn> {
        let provider = cryptography();
        let mut key = private_key(bundle);
        let loaded = provider.key_provider.load_private_key(key.clone_key());
        key.zeroize();
        let certificate = CertificateDer::from(bundle.certificate().to_vec());
        let certified = CertifiedKey::new(vec![certificate], loaded.map_err(|_| Torn::BadKey)?);
        match certified.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
            Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => return Err(Torn::Mismatch),
            Err(_) => return Err(Torn::BadCertificate),
        }
        let authorities = if host_authorities.is_empty() { bundle.authorities() } else { host_authorities };
        Ok(Self {
            subject: bundle.subject().clone(),
            resolver: Arc::new(certified.into()),
            host_verifier: host_verifier(authorities, provider)?,
        })
    }

    /// Whose certificate it is, for which app, and until when.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// May this credential be used for `app` at `now`, with at least `leeway` of life left?
    ///
    /// # Errors
    /// `Unauthenticated` with [`AppFault::CredentialExpired`] outside its validity, `Config` with
    /// [`AppFault::CredentialForOtherApp`] when it routes elsewhere.
    pub fn check(&self, app: &str, now: Timestamp, leeway: Duration) -> Result<()> {
        let subject = &self.subject;
        match subject.app.as_deref() {
            Some(named) if named != app => {
                return Err(AppFault::CredentialForOtherApp
                    .error(format_args!("the certificate is for app `{}`", named.escape_debug())));
            }
            _ if !subject.has_route => {
                return Err(AppFault::CredentialForOtherApp.error("the certificate routes to no app"));
            }
            _ => {}
        }
        let seconds = Timestamp::from_millisecond(now.as_second() * 1000);
        if now.saturating_add(leeway) >= subject.not_after {
            return Err(AppFault::CredentialExpired
                .error(format_args!("the certificate ends at {}, now is {seconds}", subject.not_after)));
        }
        if now.saturating_add(leeway) < subject.not_before {
            return Err(AppFault::CredentialExpired
                .error(format_args!("the certificate begins only at {}, now is {seconds}", subject.not_before)));
        }
        Ok(())
    }

    /// Sends this certificate whatever authorities the server hints at.
    pub(crate) fn resolver(&self) -> Arc<SingleCertAndKey> {
        Arc::clone(&self.resolver)
    }

    /// Trusts what the cluster's host authority signed; none when no authority came with the credential.
    pub(crate) fn host_verifier(&self) -> Option<Arc<dyn ServerCertVerifier>> {
        self.host_verifier.clone()
    }
}

fn private_key(bundle: &Bundle) -> PrivateKeyDer<'static> {
    let der = bundle.key().to_vec();
    match bundle.encoding() {
        KeyEncoding::Pkcs1 => PrivateKeyDer::Pkcs1(PrivatePkcs1KeyDer::from(der)),
        KeyEncoding::Pkcs8 => PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der)),
        KeyEncoding::Sec1 => PrivateKeyDer::Sec1(PrivateSec1KeyDer::from(der)),
    }
}

fn host_verifier(
    authorities: &[Vec<u8>],
    provider: Arc<crypto::CryptoProvider>,
) -> Result<Option<Arc<dyn ServerCertVerifier>>, Torn> {
    if authorities.is_empty() {
        return Ok(None);
    }
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(CertificateDer::from(authority.clone())).map_err(|_| Torn::BadCertificate)?;
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|_| Torn::BadCertificate)?;
    Ok(Some(verifier))
}
