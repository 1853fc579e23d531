//! Why an app could not be reached through Teleport: one name per thing that a person would do next.

use std::fmt;

use cube_sdk_core::error::{Sent, WhichClock};
use cube_sdk_core::{Error, ErrorKind};

/// A step of a dial that has a clock of its own.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// Asking the proxy for its public address.
    Find,
    /// Finding out whether a balancer ends TLS before the proxy.
    Detect,
    /// Address look-up and TCP connection.
    Connect,
    /// TLS to the balancer in front of the proxy.
    OuterTls,
    /// The connection upgrade through the balancer.
    Upgrade,
    /// TLS with the client certificate, to the proxy itself.
    Tls,
}

impl Step {
    /// The step in words, as the object of "time ran out during".
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Find => "asking the proxy for its address",
            Self::Detect => "looking for a balancer that ends TLS",
            Self::Connect => "connecting to the proxy",
            Self::OuterTls => "the TLS handshake with the balancer",
            Self::Upgrade => "the connection upgrade",
            Self::Tls => "the TLS handshake with the proxy",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The typed fault of a dial; reached by [`AppErrorExt::app_fault`].
///
/// [`Self::name`] stands in every error line and in every refusal that a tunnel passes on.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum AppFault {
    /// The app has no tbot output directory, or its name is none that Teleport accepts.
    AppNotProvisioned,
    /// The directory holds no credential yet.
    CredentialMissing,
    /// The credential's files exist and this process may not read them.
    CredentialUnreadable,
    /// The files are incomplete or do not match, and stayed so.
    CredentialTorn,
    /// The certificate is expired, about to, or not yet valid.
    CredentialExpired,
    /// The certificate routes to another app, or to none.
    CredentialForOtherApp,
    /// The proxy refused the client certificate with a TLS alert.
    CredentialRefused,
    /// No TCP connection to the proxy, or it broke before TLS stood.
    ProxyUnreachable,
    /// The server certificate of the proxy or balancer is not trusted.
    ProxyUntrusted,
    /// The far end does not speak the protocol that the app needs: usually a balancer ends TLS.
    AlpnRefused,
    /// What stands in front of the proxy did not pass the connection upgrade on.
    UpgradeStripped,
    /// Teleport closed a good connection before the first byte: it gives no reason.
    RefusedByTeleport,
    /// A step took longer than it may.
    StepTimedOut(Step),
    /// A listener of `tbot`'s own, or another local socket, cannot be reached.
    SocketUnreachable,
}

impl AppFault {
    /// Every fault, of the steps one.
    pub const KNOWN: [Self; 14] = [
        Self::AppNotProvisioned,
        Self::CredentialMissing,
        Self::CredentialUnreadable,
        Self::CredentialTorn,
        Self::CredentialExpired,
        Self::CredentialForOtherApp,
        Self::CredentialRefused,
        Self::ProxyUnreachable,
        Self::ProxyUntrusted,
        Self::AlpnRefused,
        Self::UpgradeStripped,
        Self::RefusedByTeleport,
        Self::StepTimedOut(Step::Connect),
        Self::SocketUnreachable,
    ];

    /// The fault's name, for logs and refusals.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AppNotProvisioned => "AppNotProvisioned",
            Self::CredentialMissing => "CredentialMissing",
            Self::CredentialUnreadable => "CredentialUnreadable",
            Self::CredentialTorn => "CredentialTorn",
            Self::CredentialExpired => "CredentialExpired",
            Self::CredentialForOtherApp => "CredentialForOtherApp",
            Self::CredentialRefused => "CredentialRefused",
            Self::ProxyUnreachable => "ProxyUnreachable",
            Self::ProxyUntrusted => "ProxyUntrusted",
            Self::AlpnRefused => "AlpnRefused",
            Self::UpgradeStripped => "UpgradeStripped",
            Self::RefusedByTeleport => "RefusedByTeleport",
            Self::StepTimedOut(_) => "StepTimedOut",
            Self::SocketUnreachable => "SocketUnreachable",
        }
    }

    /// The kind of error that carries it.
    pub const fn kind(self) -> ErrorKind {
        match self {
            Self::AppNotProvisioned => ErrorKind::NotFound,
            Self::CredentialMissing | Self::CredentialUnreadable | Self::CredentialTorn => ErrorKind::Credentials,
            Self::CredentialExpired | Self::CredentialRefused => ErrorKind::Unauthenticated,
            Self::CredentialForOtherApp => ErrorKind::Config,
            Self::ProxyUnreachable | Self::ProxyUntrusted | Self::SocketUnreachable => ErrorKind::Connect,
            Self::AlpnRefused | Self::UpgradeStripped => ErrorKind::Protocol,
            Self::RefusedByTeleport => ErrorKind::Unavailable,
            Self::StepTimedOut(_) => ErrorKind::Timeout,
        }
    }

    /// True when the credential on this side is at fault, false when the far side or the way to it is.
    pub const fn is_credential(self) -> bool {
        matches!(
            self,
            Self::AppNotProvisioned
                | Self::CredentialMissing
                | Self::CredentialUnreadable
                | Self::CredentialTorn
                | Self::CredentialExpired
                | Self::CredentialForOtherApp
        )
    }

    /// What to do about it.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::AppNotProvisioned => "add an `application` output with this app_name to tbot's configuration",
            Self::CredentialMissing => {
                "see tbot's log: the app may not be registered yet, or the bot's roles do not show it"
            }
            Self::CredentialUnreadable => "name this process's user in the output's `destination.readers`",
            Self::CredentialTorn => "check that tbot is running and that its disk is not full",
            Self::CredentialExpired => "check that tbot is running and can renew, and that the clocks agree",
            Self::CredentialForOtherApp => "give each app an output directory of its own, with its own app_name",
            Self::CredentialRefused => "check that the proxy belongs to the cluster that issued the certificate",
            Self::ProxyUnreachable => "check the proxy's address, DNS and the firewall",
            Self::ProxyUntrusted => "name the CA that signed the certificate, or check for interception",
            Self::AlpnRefused => {
                "a balancer that ends TLS is the likely cause: set the connection upgrade to auto or always"
            }
            Self::UpgradeStripped => "let the balancer pass WebSocket upgrades to /webapi/connectionupgrade",
            Self::RefusedByTeleport => {
                "check that the bot's roles allow the app, that the app exists, and that its agent and upstream run"
            }
            Self::StepTimedOut(_) => "check the network to the proxy and the balancers on the way",
            Self::SocketUnreachable => "check that the local listener runs and that this user may connect to it",
        }
    }

    /// An error that carries this fault; `detail` says what came back.
    pub(crate) fn error(self, detail: impl fmt::Display) -> Error {
        let error = Error::new(self.kind(), format!("{}: {detail}", self.name()))
            .with_sent(Sent::No)
            .advice(self.advice())
            .with_fault(self);
        match self {
            Self::StepTimedOut(_) => error.with_clock(WhichClock::Connect),
            Self::ProxyUntrusted => error.with_transient(false),
            _ => error,
        }
    }
}

impl fmt::Display for AppFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StepTimedOut(step) => write!(f, "StepTimedOut({step})"),
            other => f.write_str(other.name()),
        }
    }
}

/// Reads the fault of an error.
///
/// ```
/// use cube_sdk_teleport::tbot::{Identities, OutputRoot, ReadPolicy};
/// use cube_sdk_teleport::{AppErrorExt, AppFault};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let outputs = tempfile::tempdir()?;
/// let identities = Identities::new(OutputRoot::new(outputs.path()), ReadPolicy::default());
/// let error = identities.current("db").await.unwrap_err(); // dialling ends with the same errors
/// match error.app_fault() {
///     Some(AppFault::AppNotProvisioned) => println!("{}", AppFault::AppNotProvisioned.advice()),
///     Some(fault) => println!("{}: {}", fault.name(), fault.advice()),
///     None => return Err(error.into()),
/// }
/// # assert_eq!(error.app_fault(), Some(&AppFault::AppNotProvisioned));
/// # Ok(())
/// # }
/// ```
pub trait AppErrorExt {
    /// The fault of a failed dial; none when the error is about something else.
    fn app_fault(&self) -> Option<&AppFault>;
}

impl AppErrorExt for Error {
    fn app_fault(&self) -> Option<&AppFault> {
        self.fault()
    }
}

impl AppErrorExt for std::io::Error {
    fn app_fault(&self) -> Option<&AppFault> {
        self.get_ref()?.downcast_ref::<Error>()?.app_fault()
    }
}
