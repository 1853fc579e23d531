//! cube-cloud's part of the database: users, their keys, and browser logins under way.

#[cfg(feature = "dynamodb")]
mod dynamodb;
mod handle;
mod keeping;
mod keys;
mod sessions;
#[cfg(feature = "oidc")]
mod sign_ins;
#[cfg(test)]
mod tests;
mod users;

#[cfg(feature = "dynamodb")]
pub(crate) use dynamodb::DynamoStore;
pub use handle::CloudStore;
pub(crate) use keeping::Keeping;
pub(crate) use keys::{Holder, KeyRow, NewKey};
pub(crate) use sessions::{Redeemed, SessionRow, SessionState};
#[cfg(feature = "oidc")]
pub(crate) use sign_ins::NewSignIn;
pub(crate) use users::UserRow;

/// The SHA-256 under which a key or a session id is kept.
pub(crate) type Hash = [u8; 32];
