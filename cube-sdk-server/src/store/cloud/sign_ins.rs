//! Sign-ins that are under way at a provider: begun by one browser, ended there once.

use cube_sdk_core::Result;

use super::super::{Store, Time, failing};
use super::Hash;

/// A sign-in that was begun.
#[derive(Clone, Debug)]
pub(crate) struct NewSignIn {
    /// The SHA-256 of its state.
    pub(crate) state: Hash,
    /// The SHA-256 of the cookie of the browser that began it.
    pub(crate) browser: Hash,
    /// What only the state opens.
    pub(crate) sealed: Vec<u8>,
    pub(crate) expires_at: Time,
}

impl Store {
    /// Keeps a sign-in, and forgets those whose time is over.
    pub(crate) async fn begin_cloud_sign_in(&self, new: &NewSignIn, now: Time) -> Result<()> {
        let doing = failing("beginning a sign-in");
        sqlx::query("DELETE FROM cloud_sign_ins WHERE expires_at <= ?")
            .bind(now)
            .execute(&self.writer)
            .await
            .map_err(&doing)?;
        sqlx::query("INSERT INTO cloud_sign_ins (state_hash, browser, sealed, expires_at) VALUES (?, ?, ?, ?)")
            .bind(new.state.as_slice())
            .bind(new.browser.as_slice())
            .bind(&new.sealed)
            .bind(new.expires_at)
            .execute(&self.writer)
            .await
            .map_err(&doing)?;
        Ok(())
    }

    /// Takes a sign-in out, for the browser that began it and once; what was sealed.
    pub(crate) async fn end_cloud_sign_in(&self, state: &Hash, browser: &Hash, now: Time) -> Result<Option<Vec<u8>>> {
        sqlx::query_scalar(
            "DELETE FROM cloud_sign_ins WHERE state_hash = ? AND browser = ? AND expires_at > ? RETURNING sealed",
        )
        .bind(state.as_slice())
        .bind(browser.as_slice())
        .bind(now)
        .fetch_optional(&self.writer)
        .await
        .map_err(failing("ending a sign-in"))
    }
}
