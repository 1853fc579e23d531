//! TLS of both ends: rustls with aws-lc-rs, passed by value.

use std::sync::Arc;

use cube_sdk_core::{Error, ErrorKind, Result};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ServerConfig};

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn config(what: &str) -> impl Fn(rustls::Error) -> Error + '_ {
    move |cause| Error::new(ErrorKind::Config, format!("tls: {what}")).cause(cause)
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

/// A client that trusts the system's authorities and, beyond them, those of `extra` (PEM).
pub(crate) fn client(extra: Option<&[u8]>) -> Result<ClientConfig> {
    let extra = extra.map(|pem| certificates(pem, "the CA file")).transpose()?.unwrap_or_default();
    let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(extra, provider())
        .map_err(config("could not load the system's trusted authorities"))?;
    Ok(ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(config("no common protocol version"))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

/// A server with a certificate chain and its key (PEM).
pub(crate) fn server(chain: &[u8], key: &[u8]) -> Result<ServerConfig> {
    let chain = certificates(chain, "the certificate file")?;
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|cause| Error::new(ErrorKind::Config, "the key file holds no readable private key").cause(cause))?;
    ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(config("no common protocol version"))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(config("certificate and key do not belong together"))
}
