//! How a login can end without a key.

use std::fmt;

use cube_sdk_core::{Error, ErrorKind};

/// How a login ended without a key: the fault inside the error of [`Auth::login`](super::Auth::login).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum LoginFault {
    /// Nobody signed in within the two minutes of the wait. Log in again.
    TimedOut,
    /// The page was opened, and its ten minutes are over. Log in again.
    Expired,
    /// Somebody said no on the page, or has no profile.
    Denied,
    /// The key was handed out already, to somebody who had the id. If that was not this program, revoke it.
    Used,
    /// The service asks for more patience than a login has.
    Throttled,
    /// Connecting would end alike each time: a certificate that is not trusted, above all.
    Unreachable,
}

impl LoginFault {
    pub(super) fn into_error(self) -> Error {
        let (kind, words, next) = match self {
            Self::TimedOut => (
                ErrorKind::Timeout,
                "nobody signed in within two minutes",
                "log in again and open the page that is shown, or set CUBE_API_KEY to a key that you were given",
            ),
            Self::Expired => (ErrorKind::NotFound, "the login has expired", "log in again"),
            Self::Denied => (
                ErrorKind::PermissionDenied,
                "the login was denied on its page",
                "log in again and allow it, or ask the one who runs the service for a profile",
            ),
            Self::Used => (
                ErrorKind::Conflict,
                "the key of this login was handed out already, and not to this program",
                "log in again; if you cannot say who has that key, have it revoked",
            ),
            Self::Throttled => (ErrorKind::Throttled, "the service has no time for this login", "log in again later"),
            Self::Unreachable => (ErrorKind::Connect, "", ""),
        };
        Error::new(kind, words).advice(next).with_fault(self)
    }
}

impl fmt::Display for LoginFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "timed out",
            Self::Expired => "expired",
            Self::Denied => "denied",
            Self::Used => "used",
            Self::Throttled => "throttled",
            Self::Unreachable => "unreachable",
        })
    }
}

/// Reads the fault of a login.
///
/// ```
/// use cube_sdk::auth::{LoginErrorExt, LoginFault};
/// use cube_sdk::prelude::*;
///
/// /// What to do after a login that failed.
/// fn next(error: &Error) -> &str {
///     match error.login_fault() {
///         Some(LoginFault::TimedOut | LoginFault::Expired) => "log in again",
///         Some(LoginFault::Denied) => "ask for a profile",
///         _ => error.next_step().unwrap_or("report it"),
///     }
/// }
///
/// assert_eq!(next(&Error::new(ErrorKind::Connect, "").advice("check the address")), "check the address");
/// ```
pub trait LoginErrorExt {
    /// How the login ended; none for errors of anything else.
    fn login_fault(&self) -> Option<LoginFault>;
}

impl LoginErrorExt for Error {
    fn login_fault(&self) -> Option<LoginFault> {
        self.fault::<LoginFault>().copied()
    }
}
