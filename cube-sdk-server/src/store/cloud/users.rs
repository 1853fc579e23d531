//! Users: their groups in the provider's order, and a password where they sign in here.

use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Result, SecretString};

use super::super::{Json, Store, Time, failing};

/// Somebody who may sign in, or a service that only has keys.
#[derive(Clone, Debug)]
pub(crate) struct UserRow {
    pub(crate) groups: Vec<String>,
    /// An argon2id text.
    pub(crate) password: Option<SecretString>,
}

impl Store {
    /// Makes a user of our own or replaces the groups of one; a password that is not given stays as it is.
    pub(crate) async fn keep_cloud_user(
        &self,
        name: &str,
        groups: &[String],
        password: Option<&SecretString>,
        now: Time,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO cloud_users (name, groups, password, created_at) VALUES (?, ?, ?, ?)
             ON CONFLICT (name) DO UPDATE SET groups = excluded.groups,
                 password = coalesce(excluded.password, cloud_users.password), provider = NULL",
        )
        .bind(name)
        .bind(Json(groups.to_vec()))
        .bind(password.map(|text| text.expose_secret().to_owned()))
        .bind(now)
        .execute(&self.writer)
        .await
        .map_err(failing("storing a user"))?;
        Ok(())
    }

    /// Makes a user of a provider or replaces the groups of one; false when the name belongs to somebody else.
    #[cfg(feature = "oidc")]
    pub(crate) async fn keep_provider_user(
        &self,
        name: &str,
        groups: &[String],
        provider: &str,
        now: Time,
    ) -> Result<bool> {
        let done = sqlx::query(
            "INSERT INTO cloud_users (name, groups, provider, created_at) VALUES (?, ?, ?, ?)
             ON CONFLICT (name) DO UPDATE SET groups = excluded.groups
                 WHERE cloud_users.provider = excluded.provider",
        )
        .bind(name)
        .bind(Json(groups.to_vec()))
        .bind(provider)
        .bind(now)
        .execute(&self.writer)
        .await
        .map_err(failing("storing a user of a provider"))?;
        Ok(done.rows_affected() == 1)
    }

    /// A user; none when the name is unknown.
    pub(crate) async fn cloud_user(&self, name: &str) -> Result<Option<UserRow>> {
        let found: Option<(Json<Vec<String>>, Option<String>)> =
            sqlx::query_as("SELECT groups, password FROM cloud_users WHERE name = ?")
                .bind(name)
                .fetch_optional(&self.reader)
                .await
                .map_err(failing("reading a user"))?;
        Ok(found.map(|(Json(groups), password)| UserRow { groups, password: password.map(SecretString::from) }))
    }
}
