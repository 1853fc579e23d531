//! cube-cloud's API keys: kept as their SHA-256, found by it, ended by expiry or revocation.

use cube_sdk_core::Result;
use sqlx::SqliteConnection;

use super::super::keys::USED_GRANULARITY;
use super::super::{Id, Json, Store, Time, failing};
use super::Hash;

/// A key that is about to be stored.
#[derive(Clone, Debug)]
pub(crate) struct NewKey {
    pub(crate) id: Id,
    pub(crate) hash: Hash,
    /// The first characters of the key.
    pub(crate) prefix: String,
    pub(crate) owner: String,
    /// What it is for.
    pub(crate) label: String,
    pub(crate) expires_at: Option<Time>,
}

#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct KeyRow {
    pub(crate) id: Id,
    pub(crate) prefix: String,
    pub(crate) owner: String,
    pub(crate) groups: Json<Vec<String>>,
    pub(crate) label: String,
    pub(crate) created_at: Time,
    pub(crate) expires_at: Option<Time>,
    pub(crate) revoked_at: Option<Time>,
    pub(crate) last_used_at: Option<Time>,
}

/// Whom a good key belongs to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Holder {
    pub(crate) key: Id,
    pub(crate) prefix: String,
    pub(crate) owner: String,
    pub(crate) groups: Vec<String>,
    pub(crate) expires_at: Option<Time>,
}

impl NewKey {
    pub(super) async fn insert(&self, connection: &mut SqliteConnection, now: Time) -> sqlx::Result<()> {
        sqlx::query(
            "INSERT INTO cloud_keys (id, hash, prefix, owner, label, created_at, expires_at)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(self.id)
        .bind(self.hash.as_slice())
        .bind(&self.prefix)
        .bind(&self.owner)
        .bind(&self.label)
        .bind(now)
        .bind(self.expires_at)
        .execute(connection)
        .await
        .map(drop)
    }
}

impl Store {
    /// Stores a key.
    pub(crate) async fn keep_cloud_key(&self, key: &NewKey, now: Time) -> Result<()> {
        let doing = failing("storing an API key");
        let mut connection = self.writer.acquire().await.map_err(&doing)?;
        key.insert(&mut connection, now).await.map_err(&doing)
    }

    /// Whom a key belongs to; none when it is unknown, revoked or expired. Its use is noted to the minute.
    pub(crate) async fn cloud_holder(&self, hash: &Hash, now: Time) -> Result<Option<Holder>> {
        type Found = (Id, String, String, Json<Vec<String>>, Option<Time>, Option<Time>);
        let found: Option<Found> = sqlx::query_as(
            "SELECT k.id, k.prefix, k.owner, u.groups, k.expires_at, k.last_used_at
             FROM cloud_keys k JOIN cloud_users u ON u.name = k.owner
             WHERE k.hash = ?1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > ?2)",
        )
        .bind(hash.as_slice())
        .bind(now)
        .fetch_optional(&self.reader)
        .await
        .map_err(failing("looking up an API key"))?;
        let Some((key, prefix, owner, Json(groups), expires_at, used)) = found else { return Ok(None) };
        if used.is_none_or(|used| now.0.since(used.0) >= USED_GRANULARITY) {
            sqlx::query("UPDATE cloud_keys SET last_used_at = ? WHERE id = ?")
                .bind(now)
                .bind(key)
                .execute(&self.writer)
                .await
                .map_err(failing("noting the use of an API key"))?;
        }
        Ok(Some(Holder { key, prefix, owner, groups, expires_at }))
    }

    /// Every key, or those of one owner, newest first, ended ones too.
    pub(crate) async fn cloud_keys(&self, owner: Option<&str>) -> Result<Vec<KeyRow>> {
        sqlx::query_as(
            "SELECT k.id, k.prefix, k.owner, u.groups, k.label, k.created_at, k.expires_at, k.revoked_at, k.last_used_at
             FROM cloud_keys k JOIN cloud_users u ON u.name = k.owner
             WHERE ?1 IS NULL OR k.owner = ?1 ORDER BY k.rowid DESC",
        )
        .bind(owner)
        .fetch_all(&self.reader)
        .await
        .map_err(failing("listing API keys"))
    }

    /// Revokes one key for good; false when it is unknown or was revoked before.
    pub(crate) async fn revoke_cloud_key(&self, key: Id, now: Time) -> Result<bool> {
        let done = sqlx::query("UPDATE cloud_keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL")
            .bind(now)
            .bind(key)
            .execute(&self.writer)
            .await
            .map_err(failing("revoking an API key"))?;
        Ok(done.rows_affected() == 1)
    }

    /// Revokes every key of an owner; how many were still good.
    pub(crate) async fn revoke_cloud_keys_of(&self, owner: &str, now: Time) -> Result<u64> {
        let done = sqlx::query("UPDATE cloud_keys SET revoked_at = ? WHERE owner = ? AND revoked_at IS NULL")
            .bind(now)
            .bind(owner)
            .execute(&self.writer)
            .await
            .map_err(failing("revoking the API keys of an owner"))?;
        Ok(done.rows_affected())
    }
}
