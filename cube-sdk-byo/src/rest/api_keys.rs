//! API keys of a workspace. Owners only.

use std::fmt;

use cube_sdk_core::names::taken;
use cube_sdk_core::{Error, Result, SecretString, Timestamp, awaitable};
use http::Method;
use serde::{Deserialize, Serialize};

use super::api::InWorkspace;
use super::operations::{CREATE_API_KEY, LIST_API_KEYS, REVOKE_API_KEY};
use super::request::check_text;
use crate::ids::ApiKeyId;

/// A key as it is listed: never the key itself.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ApiKey {
    /// The row's id.
    pub id: ApiKeyId,
    /// The name given at creation.
    pub name: String,
    /// The family, such as `egk_live_`.
    pub prefix: String,
    /// The last four characters.
    pub suffix: String,
    /// When a call last used it.
    #[serde(default)]
    pub last_used_at: Option<Timestamp>,
    /// When it ends; none = never.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// When it was revoked. Revoked keys stay listed.
    #[serde(default)]
    pub revoked_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl ApiKey {
    /// Neither revoked nor expired at `now`.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// A key that was just made. The plaintext is shown this once.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct CreatedApiKey {
    /// The row's id.
    pub id: ApiKeyId,
    /// The key. Store it: it cannot be read again.
    pub plaintext: SecretString,
    /// The name.
    pub name: String,
    /// The family, such as `egk_live_`.
    pub prefix: String,
    /// The last four characters.
    pub suffix: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends; none = never.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

impl fmt::Debug for CreatedApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedApiKey").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

/// The API keys of one workspace.
#[derive(Clone, Debug)]
pub struct ApiKeys {
    workspace: InWorkspace,
}

impl ApiKeys {
    pub(crate) fn new(workspace: InWorkspace) -> Self {
        Self { workspace }
    }

    /// All keys, revoked ones included.
    ///
    /// `GET …/api-keys`, owner.
    ///
    /// # Errors
    /// Those of any read: see the [module](crate::rest).
    pub async fn list(&self) -> Result<Vec<ApiKey>> {
        let call = self.workspace.call(LIST_API_KEYS, Method::GET, &["api-keys"])?;
        self.workspace.json(&call).await
    }

    /// Makes a key. `name`: 1–255 characters.
    ///
    /// `POST …/api-keys`, owner. Sent at most once.
    ///
    /// # Errors
    /// `PlanRequired` below the Pro plan.
    pub fn create(&self, name: impl Into<String>) -> CreateApiKey {
        CreateApiKey { workspace: self.workspace.clone(), body: CreateBody { name: name.into(), expires_at: None } }
    }

    /// Revokes a key.
    ///
    /// `DELETE …/api-keys/{key}`, owner. Sent at most once.
    ///
    /// # Errors
    /// `NotFound` when the key is unknown or revoked already.
    pub async fn revoke(&self, id: impl TryInto<ApiKeyId, Error: Into<Error>>) -> Result<()> {
        let id = taken(id)?;
        let call = self.workspace.call(REVOKE_API_KEY, Method::DELETE, &["api-keys", &id.to_string()])?;
        self.workspace.send(&call).await
    }
}

#[derive(Clone, Debug, Serialize)]
struct CreateBody {
    name: String,
    // Sent as null when the key never ends: the published client does so.
    expires_at: Option<Timestamp>,
}

/// Makes a key: see [`ApiKeys::create`]. Await it to send.
#[derive(Clone, Debug)]
#[must_use = "a request is sent when it is awaited"]
pub struct CreateApiKey {
    workspace: InWorkspace,
    body: CreateBody,
}

impl CreateApiKey {
    /// When the key ends. Default: never.
    pub fn expires_at(mut self, end: Timestamp) -> Self {
        self.body.expires_at = Some(end);
        self
    }

    async fn send(self) -> Result<CreatedApiKey> {
        check_text("key name", &self.body.name, 255)?;
        let call = self.workspace.call(CREATE_API_KEY, Method::POST, &["api-keys"])?.json(&self.body)?;
        self.workspace.json(&call).await
    }
}

awaitable!(CreateApiKey => CreatedApiKey);
