//! Users and keys as they are administered: from the command line, beside the running service.

use std::time::Duration;

use cube_sdk_core::{Clock, Error, ErrorKind, Result, SecretString, Timestamp};

use super::mint;
use crate::cloud::passwords;
use crate::store::{CloudStore, Store, Time};

/// A key as it is listed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ListedKey {
    /// Its id, a UUID.
    pub id: String,
    /// Its first ten characters.
    pub prefix: String,
    /// Whom it belongs to.
    pub owner: String,
    /// Its owner's groups, which decide the profile.
    pub groups: Vec<String>,
    /// What it is for.
    pub label: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends; none when it does not.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// A key that was just made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CreatedKey {
    /// Its id, a UUID.
    pub id: String,
    /// The key, this once: only its hash is kept.
    pub api_key: SecretString,
}

/// A user's name as it is stored: without blanks around it, in lower case.
pub(crate) fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

pub(crate) fn checked(name: &str) -> Result<String> {
    let name = folded(name);
    let fits = (1..=254).contains(&name.len()) && !name.chars().any(|c| c.is_whitespace() || c.is_control());
    if fits {
        return Ok(name);
    }
    let message = format!("`{}` is no name of a user", name.escape_debug());
    Err(Error::new(ErrorKind::InvalidInput, message).advice("use 1 to 254 characters without blanks"))
}

fn groups_of(groups: &[String]) -> Result<()> {
    match groups.iter().find(|group| group.trim().is_empty() || group.trim() != group.as_str()) {
        Some(group) => {
            Err(Error::new(ErrorKind::InvalidInput, format!("`{}` is no name of a group", group.escape_debug())))
        }
        None => Ok(()),
    }
}

impl CloudStore {
    /// Makes a user of cube-cloud who signs in with a password, or gives one new groups and a new password. The groups'
    /// order decides which profile counts.
    ///
    /// # Errors
    /// `InvalidInput` for a name or group that is none, and for a password of fewer than 10 characters; `Io` when the
    /// database cannot be written.
    pub async fn add_user(&self, name: &str, groups: &[String], password: SecretString, clock: Clock) -> Result<()> {
        let name = checked(name)?;
        groups_of(groups)?;
        let hash = passwords::hashed(password).await?;
        self.keeping().keep_cloud_user(&name, groups, Some(&hash), Time::from(clock.now())).await
    }

    /// Makes a key. An owner who is not known yet is made with these groups and no password: a service. For one who is
    /// known, `groups` must be empty or the same.
    ///
    /// # Errors
    /// `InvalidInput` for a name or group that is none; `NotFound` for an unknown owner without groups; `Conflict` when
    /// the owner has other groups; `Io` when the database cannot be written.
    pub async fn create_key(
        &self,
        owner: &str,
        groups: &[String],
        label: &str,
        life: Option<Duration>,
        clock: Clock,
    ) -> Result<CreatedKey> {
        let owner = checked(owner)?;
        groups_of(groups)?;
        let now = clock.now();
        match self.keeping().cloud_user(&owner).await? {
            Some(user) if groups.is_empty() || user.groups == groups => {}
            Some(user) => {
                let message = format!("{owner} has other groups: {}", user.groups.join(", "));
                return Err(
                    Error::new(ErrorKind::Conflict, message).advice("leave the groups out, or take another owner")
                );
            }
            None if groups.is_empty() => {
                return Err(Error::new(ErrorKind::NotFound, format!("no user `{owner}`"))
                    .advice("name the groups of a new owner, in their order"));
            }
            None => self.keeping().keep_cloud_user(&owner, groups, None, Time::from(now)).await?,
        }
        let end = life.map(|life| Time::from(now.saturating_add(life)));
        let minted = mint(&owner, label, end)?;
        self.keeping().keep_cloud_key(&minted.row, Time::from(now)).await?;
        Ok(CreatedKey { id: minted.row.id.to_string(), api_key: minted.plaintext })
    }

    /// Every key, or those of one owner, newest first, ended ones too.
    ///
    /// # Errors
    /// `Io` when the database cannot be read.
    pub async fn list_keys(&self, owner: Option<&str>) -> Result<Vec<ListedKey>> {
        let owner = owner.map(folded);
        let rows = self.keeping().cloud_keys(owner.as_deref()).await?;
        let listed = rows.into_iter().map(|row| ListedKey {
            id: row.id.to_string(),
            prefix: row.prefix,
            owner: row.owner,
            groups: row.groups.0,
            label: row.label,
            created_at: row.created_at.0,
            expires_at: row.expires_at.map(|time| time.0),
            revoked_at: row.revoked_at.map(|time| time.0),
            last_used_at: row.last_used_at.map(|time| time.0),
        });
        Ok(listed.collect())
    }

    /// Revokes a key for good; running services notice within 3 s.
    ///
    /// # Errors
    /// `NotFound` when there is no such key or it was revoked before; `Io` when the database cannot be written.
    pub async fn revoke_key_by_id(&self, id: &str, clock: Clock) -> Result<()> {
        let unknown = || Error::new(ErrorKind::NotFound, format!("no key `{}` that is not revoked", id.escape_debug()));
        let key = id.parse().map_err(|_| unknown())?;
        if self.keeping().revoke_cloud_key(key, Time::from(clock.now())).await? { Ok(()) } else { Err(unknown()) }
    }

    /// Revokes every key of an owner; how many were still good.
    ///
    /// # Errors
    /// `Io` when the database cannot be written.
    pub async fn revoke_keys_of(&self, owner: &str, clock: Clock) -> Result<u64> {
        self.keeping().revoke_cloud_keys_of(&folded(owner), Time::from(clock.now())).await
    }
}

/// The same on the embedded store itself.
impl Store {
    /// As [`CloudStore::add_user`].
    ///
    /// # Errors
    /// As there.
    pub async fn add_user(&self, name: &str, groups: &[String], password: SecretString, clock: Clock) -> Result<()> {
        CloudStore::from(self.clone()).add_user(name, groups, password, clock).await
    }

    /// As [`CloudStore::create_key`].
    ///
    /// # Errors
    /// As there.
    pub async fn create_key(
        &self,
        owner: &str,
        groups: &[String],
        label: &str,
        life: Option<Duration>,
        clock: Clock,
    ) -> Result<CreatedKey> {
        CloudStore::from(self.clone()).create_key(owner, groups, label, life, clock).await
    }

    /// As [`CloudStore::list_keys`].
    ///
    /// # Errors
    /// As there.
    pub async fn list_keys(&self, owner: Option<&str>) -> Result<Vec<ListedKey>> {
        CloudStore::from(self.clone()).list_keys(owner).await
    }

    /// As [`CloudStore::revoke_key_by_id`].
    ///
    /// # Errors
    /// As there.
    pub async fn revoke_key_by_id(&self, id: &str, clock: Clock) -> Result<()> {
        CloudStore::from(self.clone()).revoke_key_by_id(id, clock).await
    }

    /// As [`CloudStore::revoke_keys_of`].
    ///
    /// # Errors
    /// As there.
    pub async fn revoke_keys_of(&self, owner: &str, clock: Clock) -> Result<u64> {
        CloudStore::from(self.clone()).revoke_keys_of(owner, clock).await
    }
}
