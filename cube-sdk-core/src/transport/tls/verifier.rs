//! Checks servers' certificates, and says what is wrong with those that it refuses.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error as TlsError, OtherError, SignatureScheme};
use rustls_platform_verifier::Verifier;

/// The operating system's verifier; or, on a machine whose trust store cannot be read, one that refuses every server.
#[derive(Debug)]
pub(super) struct Explaining {
    inner: Result<Verifier, String>,
    provider: Arc<CryptoProvider>,
}

/// Why a certificate was refused, with what rustls does not tell.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Nobody is trusted here.
    NoTrustStore(String),
    /// The chain ends at an authority that is not trusted.
    UnknownAuthority(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTrustStore(why) => write!(f, "no server can be trusted, this machine has no trust store ({why})"),
            Self::UnknownAuthority(issuer) => write!(f, "its certificate is not trusted: {issuer}"),
        }
    }
}

impl std::error::Error for Refused {}

impl Explaining {
    pub(super) fn new(inner: Result<Verifier, TlsError>, provider: Arc<CryptoProvider>) -> Self {
        if let Err(error) = &inner {
            tracing::warn!(%error, "the system's trust store cannot be read: no TLS server will be trusted");
        }
        Self { inner: inner.map_err(|error| error.to_string()), provider }
    }
}

fn refused(why: Refused) -> TlsError {
    TlsError::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(why))))
}

impl ServerCertVerifier for Explaining {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let verifier = self.inner.as_ref().map_err(|why| refused(Refused::NoTrustStore(why.clone())))?;
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now).map_err(|error| {
            match error {
                TlsError::InvalidCertificate(CertificateError::UnknownIssuer) => {
                    refused(Refused::UnknownAuthority(authority(intermediates.last().unwrap_or(end_entity))))
                }
                other => other,
            }
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Who signed the last certificate of a chain: the authority that would have to be trusted. The server chose the name.
fn authority(last: &CertificateDer<'_>) -> String {
    let Ok((_, certificate)) = x509_parser::parse_x509_certificate(last) else {
        return "its authority cannot be read".to_owned();
    };
    let shown = shown(&certificate.issuer().to_string());
    if certificate.issuer() == certificate.subject() {
        format!("it is signed by itself, `{shown}`")
    } else {
        format!("its authority `{shown}` is unknown")
    }
}

/// A name that a server chose: short, on one line.
pub(crate) fn shown(name: &str) -> String {
    crate::redact::one_line(name, 120).into_owned()
}
