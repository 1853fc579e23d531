//! cube-cloud's part of the database: users, their keys, and browser logins under way.

mod keys;
mod sessions;
mod users;

pub(crate) use keys::{Holder, NewKey};
pub(crate) use sessions::{Redeemed, SessionRow, SessionState};

/// The SHA-256 under which a key or a session id is kept.
pub(crate) type Hash = [u8; 32];
