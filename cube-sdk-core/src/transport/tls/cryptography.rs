//! The cryptography under every TLS client and server of the workspace.

use std::sync::{Arc, OnceLock};

use rustls::CipherSuite;
use rustls::crypto::CryptoProvider;

/// The cryptography of TLS, made once: aws-lc-rs, whose AES-128 is offered before AES-256, as browsers, Go and S3 itself
/// have it: it takes four of fourteen rounds less, at both ends, and is not known to be weaker in use.
///
/// ```
/// use rustls::CipherSuite;
///
/// let offered: Vec<_> = cube_sdk_core::transport::cryptography().cipher_suites.iter().map(|it| it.suite()).collect();
/// assert_eq!(offered[0], CipherSuite::TLS13_AES_128_GCM_SHA256);
/// ```
pub fn cryptography() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    let made = PROVIDER.get_or_init(|| {
        let mut provider = rustls::crypto::aws_lc_rs::default_provider();
        // Stable: each version's others stay in their order.
        provider.cipher_suites.sort_by_key(|suite| !is_aes_128(suite.suite()));
        Arc::new(provider)
    });
    Arc::clone(made)
}

const fn is_aes_128(suite: CipherSuite) -> bool {
    matches!(
        suite,
        CipherSuite::TLS13_AES_128_GCM_SHA256
            | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
            | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_suites_are_offered_and_aes_128_is_first() {
        let usual = rustls::crypto::aws_lc_rs::default_provider().cipher_suites;
        let ours = &cryptography().cipher_suites;
        assert_eq!(ours.len(), usual.len());
        assert!(usual.iter().all(|suite| ours.contains(suite)));
        let first = ours.iter().position(|suite| !is_aes_128(suite.suite()));
        assert_eq!(first, Some(3), "{ours:?}");
    }
}
