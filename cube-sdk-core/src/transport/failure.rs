//! A connection that was never made: the reason in the error's own line, and whether another try may help.

use std::error::Error as StdError;
use std::io;

use rustls::{CertificateError, Error as TlsError};

use super::Via;
use super::tls::{Refused, shown};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};

type Cause = Box<dyn StdError + Send + Sync>;

/// The error of a connection that was never made, whatever it was for.
///
/// The reason stands in the line. A certificate that is refused, a peer that speaks no TLS and a proxy that wants other
/// credentials are not [transient](Error::is_transient): another try would end alike. `via` is the proxy that was to be gone
/// through.
pub fn never_connected(cause: impl Into<Cause>, via: Option<&Via>) -> Error {
    let cause = cause.into();
    let reason = Reason::of(cause.as_ref());
    let error = Error::new(ErrorKind::Connect, words(&reason, via));
    let error = match (&reason.next, via) {
        (Some(next), _) => error.advice(next.clone()),
        (None, Some(via)) => error.advice(format!("check the proxy ({}), or name the host in NO_PROXY", via.origin)),
        (None, None) => error,
    };
    let error = error.with_transient(!reason.permanent);
    error.cause(cause)
}

/// The error of a proxy that answered with 407 in place of the server.
pub(super) fn proxy_wants_credentials(via: &Via) -> Error {
    let reason = Reason::proxy_credentials();
    let error = Error::new(ErrorKind::Connect, words(&reason, Some(via))).with_transient(false);
    error.advice(reason.next.unwrap_or_default())
}

fn words(reason: &Reason, via: Option<&Via>) -> String {
    let text = &reason.text;
    match (via, reason.by) {
        (None, _) => format!("could not connect: {text}"),
        (Some(via), By::Proxy) => format!("could not connect by the proxy {via}: {text}"),
        // TLS to the server runs within the proxy's tunnel; a TLS proxy has a certificate of its own.
        (Some(via), By::Tls) if via.is_tls() => format!("could not connect to or through the proxy {via}: {text}"),
        (Some(via), By::Tls) => format!("could not connect through the proxy {via}: {text}"),
    }
}

/// Whose failure it is where a proxy is in the way.
#[derive(Clone, Copy)]
enum By {
    Proxy,
    Tls,
}

struct Reason {
    text: String,
    next: Option<String>,
    permanent: bool,
    by: By,
}

impl Reason {
    fn new(text: impl Into<String>, by: By) -> Self {
        Self { text: text.into(), next: None, permanent: false, by }
    }

    fn permanent(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self.permanent = true;
        self
    }

    fn proxy_credentials() -> Self {
        Self::new("it wants a user and password (407)", By::Proxy)
            .permanent("give the proxy's user and password in its URL")
    }

    fn of(cause: &(dyn StdError + 'static)) -> Self {
        let mut last = cause;
        let mut next = Some(cause);
        while let Some(error) = next {
            // An I/O error hides what it wraps from `source`, which begins below it.
            let within = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            let within = within.map(|inner| inner as &(dyn StdError + 'static));
            for error in [Some(error), within].into_iter().flatten() {
                if let Some(tls) = error.downcast_ref::<TlsError>() {
                    return of_tls(tls);
                }
            }
            // The tunnel's own error has no public type.
            let text = error.to_string();
            if let Some(reason) = text.strip_prefix("tunnel error: ").and_then(of_tunnel) {
                return reason;
            }
            last = error;
            next = within.or_else(|| error.source());
        }
        Self::new(last_words(last), By::Proxy)
    }
}

fn of_tunnel(words: &str) -> Option<Reason> {
    match words {
        "proxy authorization required" => Some(Reason::proxy_credentials()),
        "unsuccessful" => Some(Reason::new("it refused to connect to the server", By::Proxy)),
        "unexpected end of file" => Some(Reason::new("it broke off", By::Proxy)),
        "proxy response headers too long" => Some(Reason::new("its answer cannot be read", By::Proxy)),
        // Below it stands why.
        _ => None,
    }
}

fn last_words(error: &(dyn StdError + 'static)) -> String {
    let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
    match kind {
        Some(io::ErrorKind::ConnectionRefused) => "connection refused".to_owned(),
        Some(io::ErrorKind::ConnectionReset) => "the peer reset the connection".to_owned(),
        Some(io::ErrorKind::UnexpectedEof) => "the peer closed the connection within the handshake".to_owned(),
        Some(io::ErrorKind::NetworkUnreachable) => "the network is unreachable".to_owned(),
        Some(io::ErrorKind::HostUnreachable) => "the host is unreachable".to_owned(),
        Some(io::ErrorKind::TimedOut) => "no answer in time".to_owned(),
        _ => shown(&error.to_string()),
    }
}

const OTHER_AUTHORITY: &str =
    "if the server is under a private authority, name its CA certificate with CUBE_CA_FILE or extra_ca";

fn of_tls(error: &TlsError) -> Reason {
    let tls = |text: &str| Reason::new(text, By::Tls);
    let date = |time: &rustls::pki_types::UnixTime| {
        let millis = i64::try_from(time.as_secs()).unwrap_or(i64::MAX).saturating_mul(1000);
        Timestamp::from_millisecond(millis).to_string()
    };
    match error {
        TlsError::InvalidCertificate(CertificateError::Other(other)) => match other.0.downcast_ref::<Refused>() {
            Some(refused @ Refused::NoTrustStore(_)) => tls(&refused.to_string())
                .permanent("install the system's CA certificates, or name some with CUBE_CA_FILE or extra_ca"),
            Some(refused @ Refused::UnknownAuthority(_)) => tls(&refused.to_string()).permanent(OTHER_AUTHORITY),
            None => {
                tls(&format!("its certificate was refused: {}", shown(&other.to_string()))).permanent(OTHER_AUTHORITY)
            }
        },
        TlsError::InvalidCertificate(reason) => match reason {
            CertificateError::UnknownIssuer => {
                tls("its certificate is not trusted: its authority is unknown").permanent(OTHER_AUTHORITY)
            }
            CertificateError::ExpiredContext { not_after, .. } => {
                tls(&format!("its certificate expired at {}", date(not_after)))
                    .permanent("renew the server's certificate; check this machine's clock")
            }
            CertificateError::Expired => {
                tls("its certificate expired").permanent("renew the server's certificate; check this machine's clock")
            }
            CertificateError::NotValidYetContext { not_before, .. } => {
                tls(&format!("its certificate is valid from {} only", date(not_before)))
                    .permanent("check this machine's clock and the server's certificate")
            }
            CertificateError::NotValidYet => tls("its certificate is not valid yet")
                .permanent("check this machine's clock and the server's certificate"),
            CertificateError::NotValidForNameContext { expected, presented } => {
                let names: Vec<_> = presented.iter().take(3).map(|name| shown(name)).collect();
                let more = if presented.len() > 3 { ", …" } else { "" };
                let whose =
                    if names.is_empty() { "for no host".to_owned() } else { format!("for {}{more}", names.join(", ")) };
                let wanted = shown(&expected.to_str());
                tls(&format!("its certificate is {whose}, not for {wanted}"))
                    .permanent("use the host name that the certificate is for")
            }
            CertificateError::NotValidForName => {
                tls("its certificate is for another host").permanent("use the host name that the certificate is for")
            }
            other => {
                tls(&format!("its certificate was refused: {}", shown(&other.to_string()))).permanent(OTHER_AUTHORITY)
            }
        },
        TlsError::InvalidMessage(_) => tls("the peer speaks no TLS at this port")
            .permanent("check host and port, or whether the server is reached by http://"),
        TlsError::PeerIncompatible(_) => {
            tls(&format!("no common TLS version or cipher: {}", shown(&error.to_string())))
                .permanent("the server must offer TLS 1.2 or 1.3")
        }
        // An alert may be a server that restarts.
        other => tls(&shown(&other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// A cause that stands under others, as clients wrap them.
    #[derive(Debug)]
    struct Wrapped(Cause);

    impl std::fmt::Display for Wrapped {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("client error (Connect)")
        }
    }

    impl StdError for Wrapped {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(self.0.as_ref())
        }
    }

    fn line(cause: impl Into<Cause>) -> (String, bool) {
        let error = never_connected(Wrapped(Box::new(Wrapped(cause.into()))), None);
        assert_eq!(error.kind(), ErrorKind::Connect);
        (error.to_string(), !error.is_transient())
    }

    #[test]
    fn what_another_try_may_mend_is_told_from_what_it_cannot() {
        let io = |kind: io::ErrorKind| io::Error::from(kind);
        let tls = |error: TlsError| io::Error::new(io::ErrorKind::InvalidData, error);
        let certificate = |reason: CertificateError| tls(TlsError::InvalidCertificate(reason));
        for (cause, words, permanent) in [
            (io(io::ErrorKind::ConnectionRefused), "could not connect: connection refused", false),
            (io(io::ErrorKind::UnexpectedEof), "the peer closed the connection within the handshake", false),
            (io(io::ErrorKind::HostUnreachable), "the host is unreachable", false),
            (io::Error::other("failed to lookup address information: x"), "failed to lookup address", false),
            (tls(TlsError::AlertReceived(rustls::AlertDescription::InternalError)), "InternalError", false),
            (certificate(CertificateError::UnknownIssuer), "CUBE_CA_FILE", true),
            (certificate(CertificateError::Expired), "expired", true),
            (certificate(CertificateError::NotValidYet), "not valid yet", true),
            (certificate(CertificateError::NotValidForName), "another host", true),
            (certificate(CertificateError::BadEncoding), "refused", true),
            (certificate(CertificateError::Revoked), "refused", true),
            (tls(TlsError::InvalidMessage(rustls::InvalidMessage::InvalidContentType)), "speaks no TLS", true),
            (
                certificate(CertificateError::Other(rustls::OtherError(std::sync::Arc::new(Refused::NoTrustStore(
                    "none".to_owned(),
                ))))),
                "no trust store (none)",
                true,
            ),
        ] {
            let (line, is_permanent) = line(cause);
            assert!(line.contains(words), "{words}: {line}");
            assert_eq!(is_permanent, permanent, "{line}");
        }
    }

    #[test]
    fn a_name_that_the_server_chose_stays_short_and_on_one_line() {
        let presented = vec![format!("a\nb{}", "x".repeat(4000)); 500];
        let expected = rustls::pki_types::ServerName::try_from("host.example").unwrap();
        let reason = CertificateError::NotValidForNameContext { expected, presented };
        let (line, _) = line(io::Error::new(io::ErrorKind::InvalidData, TlsError::InvalidCertificate(reason)));
        assert!(line.len() < 800 && !line.contains('\n') && line.contains("not for host.example"), "{line}");
    }
}
