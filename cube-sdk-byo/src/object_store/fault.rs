//! The session's errors as the trait's, with the session's own inside.

use ::object_store::Error;
use ::object_store::path::Path;
use cube_sdk_core::ErrorKind;

const STORE: &str = "EdgeGate BYO storage";

/// The error of a call on a location.
pub(super) fn fault(location: &Path, error: cube_sdk_core::Error) -> Error {
    let (path, kind) = (location.to_string(), error.kind());
    let source = Box::new(error);
    match kind {
        ErrorKind::NotFound => Error::NotFound { path, source },
        ErrorKind::PermissionDenied => Error::PermissionDenied { path, source },
        ErrorKind::Unauthenticated => Error::Unauthenticated { path, source },
        ErrorKind::Integrity => Error::Precondition { path, source },
        ErrorKind::Unsupported => Error::NotSupported { source },
        _ => Error::Generic { store: STORE, source },
    }
}

/// An error of our own words.
pub(super) fn refused(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Generic { store: STORE, source: why.into() }
}

/// A write.
pub(super) fn unsupported() -> Error {
    Error::NotSupported { source: "a customer's bucket is read, never written".into() }
}
