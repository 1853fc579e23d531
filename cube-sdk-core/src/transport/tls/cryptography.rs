//! The cryptography under every TLS client and server of the workspace.

use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;

/// The cryptography of TLS, made once: aws-lc-rs, with its own order of cipher suites.
///
/// ```
/// let offered = &cube_sdk_core::transport::cryptography().cipher_suites;
/// assert!(!offered.is_empty());
/// ```
pub fn cryptography() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider())))
}
