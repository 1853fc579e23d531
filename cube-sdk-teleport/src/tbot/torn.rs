//! Why the bytes of a credential are not a whole one.

use std::fmt;

/// Why bytes are not a whole credential. While `tbot` rewrites files in place each of these can be a
/// matter of milliseconds; read again before giving up.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Torn {
    /// No bytes: truncated and not yet written.
    Empty,
    /// A PEM block begins and does not end, or cannot be decoded.
    BadPem,
    /// No private key where one must stand.
    NoKey,
    /// No certificate where one must stand.
    NoCertificate,
    /// A block of another kind stands where this one must.
    Misplaced(&'static str),
    /// The certificate's bytes are no X.509 certificate.
    BadCertificate,
    /// The private key's bytes are no key that can sign.
    BadKey,
    /// Key and certificate are whole, but of different generations.
    Mismatch,
    /// A file changed while it was read.
    Moving,
}

impl fmt::Display for Torn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::BadPem => f.write_str("a PEM block is cut or garbled"),
            Self::NoKey => f.write_str("it holds no private key"),
            Self::NoCertificate => f.write_str("it holds no certificate"),
            Self::Misplaced(what) => write!(f, "{what} stands in the wrong place"),
            Self::BadCertificate => f.write_str("the certificate is not readable X.509"),
            Self::BadKey => f.write_str("the private key cannot be used"),
            Self::Mismatch => f.write_str("key and certificate do not belong together"),
            Self::Moving => f.write_str("it changed while it was read"),
        }
    }
}

impl std::error::Error for Torn {}
