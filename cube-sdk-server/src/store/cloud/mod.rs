//! cube-cloud's part of the database: users, their keys, and browser logins under way.

mod keys;
mod sessions;
#[cfg(feature = "oidc")]
mod sign_ins;
mod users;

pub(crate) use keys::{Holder, NewKey};
pub(crate) use sessions::{Redeemed, SessionRow, SessionState};
#[cfg(feature = "oidc")]
pub(crate) use sign_ins::NewSignIn;

/// The SHA-256 under which a key or a session id is kept.
pub(crate) type Hash = [u8; 32];
