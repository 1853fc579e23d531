//! API keys: 256 random bits, kept as their SHA-256, found by it.

use std::time::Duration;

use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Result, SecretString};
use sha2::{Digest, Sha256};

use super::engine::{reading, writing};
use super::{EdgeGateStore, Id, Time, User, failing};
use crate::random;

/// The family prefix of the keys that this server mints.
pub(crate) const PREFIX: &str = "egk_live_";
/// `last_used_at` is exact to this, so that reads do not turn into writes.
pub(crate) const USED_GRANULARITY: Duration = Duration::from_secs(60);

/// A key that was just made; the plaintext is shown this once.
pub(crate) struct MintedKey {
    pub(crate) row: KeyRow,
    pub(crate) plaintext: SecretString,
}

#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct KeyRow {
    pub(crate) id: Id,
    pub(crate) name: String,
    pub(crate) prefix: String,
    pub(crate) suffix: String,
    pub(crate) last_used_at: Option<Time>,
    pub(crate) expires_at: Option<Time>,
    pub(crate) revoked_at: Option<Time>,
    pub(crate) created_at: Time,
}

fn hash(key: &str) -> Vec<u8> {
    Sha256::digest(key.as_bytes()).to_vec()
}

/// 256 bits of the system's generator, as 64 hex digits.
fn random_digits() -> Result<SecretString> {
    let bits = random::bytes::<32>()?;
    Ok(bits.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into())
}

impl EdgeGateStore {
    /// Makes a key for a user, listed under a workspace.
    pub(crate) async fn mint_key(
        &self,
        workspace: Id,
        user: Id,
        name: &str,
        expires_at: Option<Time>,
        now: Time,
    ) -> Result<MintedKey> {
        let plaintext = SecretString::from(format!("{PREFIX}{}", random_digits()?.expose_secret()));
        self.keep_key(workspace, user, name, plaintext, expires_at, now).await
    }

    /// Stores a key whose plaintext is given; a key that is known already stays as it is.
    pub(crate) async fn keep_key(
        &self,
        workspace: Id,
        user: Id,
        name: &str,
        plaintext: SecretString,
        expires_at: Option<Time>,
        now: Time,
    ) -> Result<MintedKey> {
        let text = plaintext.expose_secret();
        let row = KeyRow {
            id: Id::random(),
            name: name.to_owned(),
            prefix: PREFIX.to_owned(),
            suffix: text.get(text.len().saturating_sub(4)..).unwrap_or_default().to_owned(),
            last_used_at: None,
            expires_at,
            revoked_at: None,
            created_at: now,
        };
        writing!(self, pool => sqlx::query(
            "INSERT INTO api_keys (id, workspace_id, user_id, name, hash, prefix, suffix, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (hash) DO NOTHING",
        )
        .bind(row.id)
        .bind(workspace)
        .bind(user)
        .bind(&row.name)
        .bind(hash(text))
        .bind(&row.prefix)
        .bind(&row.suffix)
        .bind(row.created_at)
        .bind(row.expires_at)
        .execute(pool)
        .await
        .map(|done| done.rows_affected()))
        .map_err(failing("storing an API key"))?;
        Ok(MintedKey { row, plaintext })
    }

    /// Who a key acts as; none when it is unknown, revoked or expired. The look-up goes by hash, so its time
    /// says nothing about keys that exist.
    pub(crate) async fn user_of_key(&self, key: &SecretString, now: Time) -> Result<Option<User>> {
        let found: Option<(Id, Id, Option<Time>)> = reading!(self, pool => sqlx::query_as(
            "SELECT id, user_id, last_used_at FROM api_keys
             WHERE hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)",
        )
        .bind(hash(key.expose_secret()))
        .bind(now)
        .fetch_optional(pool)
        .await)
        .map_err(failing("looking up an API key"))?;
        let Some((id, user, used)) = found else { return Ok(None) };
        if used.is_none_or(|used| now.0.since(used.0) >= USED_GRANULARITY) {
            writing!(self, pool => sqlx::query("UPDATE api_keys SET last_used_at = $1 WHERE id = $2")
                .bind(now)
                .bind(id)
                .execute(pool)
                .await
                .map(|done| done.rows_affected()))
            .map_err(failing("noting the use of an API key"))?;
        }
        Ok(Some(User { id: user }))
    }

    /// The keys listed under a workspace, newest first, revoked ones too.
    pub(crate) async fn keys_of(&self, workspace: Id) -> Result<Vec<KeyRow>> {
        reading!(self, pool => sqlx::query_as(
            "SELECT id, name, prefix, suffix, last_used_at, expires_at, revoked_at, created_at FROM api_keys
             WHERE workspace_id = $1 ORDER BY rowid DESC",
        )
        .bind(workspace)
        .fetch_all(pool)
        .await)
        .map_err(failing("listing API keys"))
    }

    /// Revokes a key for good; false when it is unknown or was revoked before.
    pub(crate) async fn revoke_key(&self, workspace: Id, key: Id, now: Time) -> Result<bool> {
        let done =
            writing!(self, pool => sqlx::query("UPDATE api_keys SET revoked_at = $1 WHERE id = $2 AND workspace_id = $3 AND revoked_at IS NULL")
                .bind(now)
                .bind(key)
                .bind(workspace)
                .execute(pool)
                .await
                .map(|done| done.rows_affected()))
                .map_err(failing("revoking an API key"))?;
        Ok(done == 1)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use cube_sdk_core::{Clock, Timestamp};

    use super::super::{Plan, Store};
    use super::*;

    fn at(second: i64) -> Time {
        Time::from(Timestamp::from_millisecond(second * 1000))
    }

    #[tokio::test]
    async fn only_the_hash_is_kept_and_expiry_ends_a_key() {
        let dir = tempfile::tempdir().unwrap();
        let store = EdgeGateStore::from(Store::open(&dir.path().join("db")).await.unwrap());
        let made = store.create_workspace("Acme", Plan::Pro, "a@b", Clock::system()).await.unwrap();
        let (workspace, user): (Id, Id) = (made.id.parse().unwrap(), made.owner_id.parse().unwrap());
        let key = store.mint_key(workspace, user, "x", Some(at(1000)), at(0)).await.unwrap();
        assert_eq!(store.user_of_key(&key.plaintext, at(999)).await.unwrap().unwrap().id, user);
        assert!(store.user_of_key(&key.plaintext, at(1000)).await.unwrap().is_none());
        store.close().await;
        let needle = key.plaintext.expose_secret().as_bytes();
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            assert!(!bytes.windows(needle.len()).any(|window| window == needle));
        }
    }

    #[tokio::test]
    async fn the_last_use_is_noted_to_the_minute() {
        let dir = tempfile::tempdir().unwrap();
        let store = EdgeGateStore::from(Store::open(&dir.path().join("db")).await.unwrap());
        let made = store.create_workspace("Acme", Plan::Pro, "a@b", Clock::system()).await.unwrap();
        let workspace: Id = made.id.parse().unwrap();
        for (second, noted) in [(100, 100), (130, 100), (160, 160)] {
            store.user_of_key(&made.api_key, at(second)).await.unwrap().unwrap();
            let row = store.keys_of(workspace).await.unwrap().remove(0);
            assert_eq!(row.last_used_at, Some(at(noted)), "at {second}");
        }
    }
}
