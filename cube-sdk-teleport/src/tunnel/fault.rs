//! What went wrong with a tunnel, typed.

use std::fmt;

use cube_sdk_core::Error;

use crate::refusal::TunnelCode;

/// A refusal or an ending, as the relay said it or as this end found it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct TunnelFault {
    /// Why.
    pub code: TunnelCode,
    /// For people.
    pub message: String,
}

impl TunnelFault {
    /// A fault.
    pub fn new(code: TunnelCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The error that carries it.
    pub fn into_error(self) -> Error {
        let error =
            Error::new(self.code.kind(), self.message.clone()).with_code(self.code.name()).with_fault(self.clone());
        match self.code.next_step() {
            Some(step) => error.advice(step),
            None => error,
        }
    }
}

impl fmt::Display for TunnelFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

/// Reads the tunnel's fault out of an error.
///
/// ```
/// use cube_sdk_core::SecretString;
/// use cube_sdk_teleport::dial::DirectDialer;
/// use cube_sdk_teleport::tunnel::{Refusal, Relay, RelayServer, TunnelCode, authorizer_fn};
/// use cube_sdk_teleport::{TunnelErrorExt, Tunnels};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let nobody = authorizer_fn(
///     |_key, _peer| async { Err(Refusal::new(TunnelCode::BadKey, "the key is unknown")) },
///     |_caller, _app| async { Err(Refusal::new(TunnelCode::UnknownApp, "there is no such app")) },
/// );
/// let relay = RelayServer::bind(Relay::builder().build(nobody, DirectDialer::new()), "127.0.0.1:0", None).await?;
/// let url = format!("ws://{}/tunnel", relay.local_addr()?).parse()?;
/// tokio::spawn(relay.run(std::future::pending()));
///
/// let tunnels = Tunnels::builder().url(url).key(SecretString::from("cube_old")).build()?;
/// let refused = tunnels.open("db").await.unwrap_err();
/// match refused.tunnel().map(|fault| fault.code) {
///     Some(TunnelCode::BadKey) => println!("{}", refused.next_step().unwrap_or_default()),
///     _ => return Err(refused.into()),
/// }
/// # Ok(())
/// # }
/// ```
pub trait TunnelErrorExt {
    /// The fault, when a tunnel's relay or stream said why.
    fn tunnel(&self) -> Option<&TunnelFault>;
}

impl TunnelErrorExt for Error {
    fn tunnel(&self) -> Option<&TunnelFault> {
        self.fault()
    }
}

impl TunnelCode {
    /// What to do about it, where there is something to do.
    pub const fn next_step(self) -> Option<&'static str> {
        match self {
            Self::BadKey | Self::Expired => Some("log in again, or give a valid key"),
            Self::UnknownApp => Some("check the app's name in the list of apps"),
            Self::Forbidden => Some("ask for the permission to reach it"),
            Self::Busy => Some("close connections that are no longer used, or try again later"),
            Self::Draining => Some("try again in a few seconds"),
            Self::Unreachable | Self::RefusedUpstream => Some("check that the app runs on the Cube"),
            _ => None,
        }
    }
}

impl TunnelErrorExt for std::io::Error {
    fn tunnel(&self) -> Option<&TunnelFault> {
        self.get_ref()?.downcast_ref::<Error>()?.tunnel()
    }
}

#[cfg(test)]
mod tests {
    use cube_sdk_core::ErrorKind;

    use super::*;

    #[test]
    fn a_fault_rides_in_the_error() {
        let error = TunnelFault::new(TunnelCode::UnknownApp, "no app `x`").into_error();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(error.tunnel().map(|fault| fault.code), Some(TunnelCode::UnknownApp));
        assert_eq!(error.to_string(), "no app `x` (code unknown_app); next: check the app's name in the list of apps");
    }
}
