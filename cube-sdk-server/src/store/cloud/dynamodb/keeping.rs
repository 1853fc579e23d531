//! The seam.

use async_trait::async_trait;
use cube_sdk_core::{Result, SecretString};

use super::DynamoStore;
use super::item::text;
#[cfg(feature = "oidc")]
use crate::store::cloud::NewSignIn;
use crate::store::cloud::{Hash, Holder, Keeping, KeyRow, NewKey, Redeemed, SessionRow, UserRow};
use crate::store::{Id, Time};

#[async_trait]
impl Keeping for DynamoStore {
    async fn ping(&self) -> Result<()> {
        for table in [&self.keys, &self.sessions] {
            self.get(table, text("ping"), "asking the database").await?;
        }
        Ok(())
    }

    async fn close(&self) {}

    async fn keep_cloud_user(
        &self,
        name: &str,
        groups: &[String],
        password: Option<&SecretString>,
        now: Time,
    ) -> Result<()> {
        self.keep_user(name, groups, password, now).await
    }

    #[cfg(feature = "oidc")]
    async fn keep_provider_user(&self, name: &str, groups: &[String], provider: &str, now: Time) -> Result<bool> {
        self.keep_user_of(name, groups, provider, now).await
    }

    async fn cloud_user(&self, name: &str) -> Result<Option<UserRow>> {
        self.user(name).await
    }

    async fn keep_cloud_key(&self, key: &NewKey, now: Time) -> Result<()> {
        self.keep_key(key, now).await
    }

    async fn cloud_holder(&self, hash: &Hash, now: Time) -> Result<Option<Holder>> {
        self.holder(hash, now).await
    }

    async fn cloud_keys(&self, owner: Option<&str>) -> Result<Vec<KeyRow>> {
        self.keys(owner).await
    }

    async fn revoke_cloud_key(&self, key: Id, now: Time) -> Result<bool> {
        self.revoke_key(key, now).await
    }

    async fn revoke_cloud_keys_of(&self, owner: &str, now: Time) -> Result<u64> {
        self.revoke_keys_of(owner, now).await
    }

    async fn open_cloud_session(&self, id: &Hash, now: Time, expires_at: Time) -> Result<()> {
        self.open(id, now, expires_at).await
    }

    async fn cloud_session(&self, id: &Hash) -> Result<Option<SessionRow>> {
        self.session(id).await
    }

    async fn note_cloud_poll(&self, id: &Hash, address: &str, program: &str, now: Time) -> Result<()> {
        self.note_poll(id, address, program, now).await
    }

    async fn sign_in_cloud_session(
        &self,
        id: &Hash,
        user: &str,
        profile: &str,
        browser: &Hash,
        now: Time,
    ) -> Result<bool> {
        self.sign_in(id, user, profile, browser, now).await
    }

    async fn decide_cloud_session(&self, id: &Hash, browser: &Hash, allow: bool, now: Time) -> Result<bool> {
        self.decide(id, browser, allow, now).await
    }

    async fn deny_cloud_session(&self, id: &Hash) -> Result<()> {
        self.deny(id).await
    }

    async fn redeem_cloud_session(
        &self,
        id: &Hash,
        key: &NewKey,
        sealed: &[u8],
        sealed_until: Time,
        now: Time,
    ) -> Result<Redeemed> {
        self.redeem(id, key, sealed, sealed_until, now).await
    }

    async fn forget_sealed_keys(&self, now: Time) -> Result<()> {
        self.forget_sealed(now).await
    }

    #[cfg(feature = "oidc")]
    async fn begin_cloud_sign_in(&self, new: &NewSignIn, _: Time) -> Result<()> {
        self.begin_sign_in(new).await
    }

    #[cfg(feature = "oidc")]
    async fn end_cloud_sign_in(&self, state: &Hash, browser: &Hash, now: Time) -> Result<Option<Vec<u8>>> {
        self.end_sign_in(state, browser, now).await
    }
}
