//! Where the `Authorization` header comes from.

mod asked;
mod cache;
mod file;
mod fixed;
mod oauth;

use std::fmt;

use async_trait::async_trait;
use http::HeaderValue;

pub use asked::Asked;
pub use cache::CachedCredentials;
pub use file::FileKey;
pub use fixed::FixedKey;
pub use oauth::{ClientCredentials, ClientCredentialsBuilder, TOKEN, lifetime};

use crate::clock::Timestamp;
use crate::error::Result;

/// What is put on a request.
#[derive(Clone)]
pub struct Grant {
    /// The `Authorization` header, marked sensitive.
    pub authorization: HeaderValue,
    /// When it ends; none when unknown.
    pub expires_at: Option<Timestamp>,
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// A source of credentials, asked before each attempt.
#[async_trait]
pub trait Credentials: fmt::Debug + Send + Sync + 'static {
    /// The credentials for the next attempt.
    ///
    /// # Errors
    /// `Credentials` or `Config` when there are none. A `Credentials` error is tried again when it
    /// [says](crate::Error::with_transient) that its cause may pass.
    async fn grant(&self) -> Result<Grant>;

    /// The server refused this grant with 401. True when the next [`grant`](Self::grant) may differ, so
    /// that the call is worth one replay.
    async fn refused(&self, grant: &Grant) -> bool;
}
