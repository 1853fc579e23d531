//! What keeps users, keys and logins: SQLite in one file, or DynamoDB for many machines.

use async_trait::async_trait;
use cube_sdk_core::{Result, SecretString};

use super::super::{Id, Store, Time};
#[cfg(feature = "oidc")]
use super::NewSignIn;
use super::{Hash, Holder, KeyRow, NewKey, Redeemed, SessionRow, UserRow};

/// Each change is one step: who is second finds it done. What was answered is kept, also by kill -9.
#[async_trait]
pub(crate) trait Keeping: Send + Sync {
    /// Does it answer?
    async fn ping(&self) -> Result<()>;
    async fn close(&self);

    /// Makes a user of our own or replaces the groups of one; a password that is not given stays as it is.
    async fn keep_cloud_user(
        &self,
        name: &str,
        groups: &[String],
        password: Option<&SecretString>,
        now: Time,
    ) -> Result<()>;
    /// Makes a user of a provider or replaces the groups of one; false when the name belongs to somebody else.
    #[cfg(feature = "oidc")]
    async fn keep_provider_user(&self, name: &str, groups: &[String], provider: &str, now: Time) -> Result<bool>;
    async fn cloud_user(&self, name: &str) -> Result<Option<UserRow>>;

    async fn keep_cloud_key(&self, key: &NewKey, now: Time) -> Result<()>;
    /// Whom a key belongs to; none when it is unknown, revoked or expired. Its use is noted to the minute.
    async fn cloud_holder(&self, hash: &Hash, now: Time) -> Result<Option<Holder>>;
    /// Every key, or those of one owner, newest first, ended ones too.
    async fn cloud_keys(&self, owner: Option<&str>) -> Result<Vec<KeyRow>>;
    /// Revokes one key for good; false when it is unknown or was revoked before.
    async fn revoke_cloud_key(&self, key: Id, now: Time) -> Result<bool>;
    /// Revokes every key of an owner; how many were still good.
    async fn revoke_cloud_keys_of(&self, owner: &str, now: Time) -> Result<u64>;

    /// Notes that a browser opened the page of a login; one that is known stays as it is.
    async fn open_cloud_session(&self, id: &Hash, now: Time, expires_at: Time) -> Result<()>;
    async fn cloud_session(&self, id: &Hash) -> Result<Option<SessionRow>>;
    /// Notes who waits for a login that is under way.
    async fn note_cloud_poll(&self, id: &Hash, address: &str, program: &str, now: Time) -> Result<()>;
    /// Binds a login to whom signed in and to their browser; false when another was faster, or it has ended.
    async fn sign_in_cloud_session(
        &self,
        id: &Hash,
        user: &str,
        profile: &str,
        browser: &Hash,
        now: Time,
    ) -> Result<bool>;
    /// Allows or denies a login, in the browser that signed in; false when it is another's, decided already, or ended.
    async fn decide_cloud_session(&self, id: &Hash, browser: &Hash, allow: bool, now: Time) -> Result<bool>;
    /// Ends a login that nobody may have.
    async fn deny_cloud_session(&self, id: &Hash) -> Result<()>;
    /// Hands a key out for a login that was allowed: stores it and marks the login used, both or neither.
    async fn redeem_cloud_session(
        &self,
        id: &Hash,
        key: &NewKey,
        sealed: &[u8],
        sealed_until: Time,
        now: Time,
    ) -> Result<Redeemed>;
    /// Forgets the sealed keys whose time is over.
    async fn forget_sealed_keys(&self, now: Time) -> Result<()>;

    /// Keeps a sign-in that was begun at a provider.
    #[cfg(feature = "oidc")]
    async fn begin_cloud_sign_in(&self, new: &NewSignIn, now: Time) -> Result<()>;
    /// Takes a sign-in out, for the browser that began it and once; what was sealed.
    #[cfg(feature = "oidc")]
    async fn end_cloud_sign_in(&self, state: &Hash, browser: &Hash, now: Time) -> Result<Option<Vec<u8>>>;
}

/// SQLite; what each does stands with its table.
#[async_trait]
impl Keeping for Store {
    async fn ping(&self) -> Result<()> {
        Self::ping(self).await
    }

    async fn close(&self) {
        Self::close(self).await;
    }

    async fn keep_cloud_user(
        &self,
        name: &str,
        groups: &[String],
        password: Option<&SecretString>,
        now: Time,
    ) -> Result<()> {
        Self::keep_cloud_user(self, name, groups, password, now).await
    }

    #[cfg(feature = "oidc")]
    async fn keep_provider_user(&self, name: &str, groups: &[String], provider: &str, now: Time) -> Result<bool> {
        Self::keep_provider_user(self, name, groups, provider, now).await
    }

    async fn cloud_user(&self, name: &str) -> Result<Option<UserRow>> {
        Self::cloud_user(self, name).await
    }

    async fn keep_cloud_key(&self, key: &NewKey, now: Time) -> Result<()> {
        Self::keep_cloud_key(self, key, now).await
    }

    async fn cloud_holder(&self, hash: &Hash, now: Time) -> Result<Option<Holder>> {
        Self::cloud_holder(self, hash, now).await
    }

    async fn cloud_keys(&self, owner: Option<&str>) -> Result<Vec<KeyRow>> {
        Self::cloud_keys(self, owner).await
    }

    async fn revoke_cloud_key(&self, key: Id, now: Time) -> Result<bool> {
        Self::revoke_cloud_key(self, key, now).await
    }

    async fn revoke_cloud_keys_of(&self, owner: &str, now: Time) -> Result<u64> {
        Self::revoke_cloud_keys_of(self, owner, now).await
    }

    async fn open_cloud_session(&self, id: &Hash, now: Time, expires_at: Time) -> Result<()> {
        Self::open_cloud_session(self, id, now, expires_at).await
    }

    async fn cloud_session(&self, id: &Hash) -> Result<Option<SessionRow>> {
        Self::cloud_session(self, id).await
    }

    async fn note_cloud_poll(&self, id: &Hash, address: &str, program: &str, now: Time) -> Result<()> {
        Self::note_cloud_poll(self, id, address, program, now).await
    }

    async fn sign_in_cloud_session(
        &self,
        id: &Hash,
        user: &str,
        profile: &str,
        browser: &Hash,
        now: Time,
    ) -> Result<bool> {
        Self::sign_in_cloud_session(self, id, user, profile, browser, now).await
    }

    async fn decide_cloud_session(&self, id: &Hash, browser: &Hash, allow: bool, now: Time) -> Result<bool> {
        Self::decide_cloud_session(self, id, browser, allow, now).await
    }

    async fn deny_cloud_session(&self, id: &Hash) -> Result<()> {
        Self::deny_cloud_session(self, id).await
    }

    async fn redeem_cloud_session(
        &self,
        id: &Hash,
        key: &NewKey,
        sealed: &[u8],
        sealed_until: Time,
        now: Time,
    ) -> Result<Redeemed> {
        Self::redeem_cloud_session(self, id, key, sealed, sealed_until, now).await
    }

    async fn forget_sealed_keys(&self, now: Time) -> Result<()> {
        Self::forget_sealed_keys(self, now).await
    }

    #[cfg(feature = "oidc")]
    async fn begin_cloud_sign_in(&self, new: &NewSignIn, now: Time) -> Result<()> {
        Self::begin_cloud_sign_in(self, new, now).await
    }

    #[cfg(feature = "oidc")]
    async fn end_cloud_sign_in(&self, state: &Hash, browser: &Hash, now: Time) -> Result<Option<Vec<u8>>> {
        Self::end_cloud_sign_in(self, state, browser, now).await
    }
}
