//! What a failure means: of TLS to a dial, of a dial to the relay that asked for it.

use std::io;

use cube_sdk_core::{Error, ErrorKind};
use rustls::{AlertDescription, PeerMisbehaved};

use crate::app_fault::{AppErrorExt, AppFault};
use crate::refusal::{Refusal, TunnelCode};

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

/// The refusal that an [`AppStream`](super::AppStream)'s read reported after the dial; none for an ordinary I/O error.
pub fn refusal_of(error: &io::Error) -> Option<Refusal> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    error.app_fault().map(|_| refusal(error))
}

/// A refusal names its fault first: its text may be cut.
pub(super) fn refusal(error: &Error) -> Refusal {
    let Some(fault) = error.app_fault() else {
        let late = error.kind() == ErrorKind::Timeout;
        let code = if late { TunnelCode::DialTimeout } else { TunnelCode::RefusedUpstream };
        return Refusal::new(code, format!("{}: {}", error.kind(), error.message()));
    };
    let code = if fault.is_credential() { TunnelCode::NoCredential } else { TunnelCode::RefusedUpstream };
    Refusal::new(code, error.message())
}
