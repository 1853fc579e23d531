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
///
/// ```
/// use cube_sdk_byo::EdgeGate;
/// use cube_sdk_core::Timestamp;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// # let server = wiremock::MockServer::start().await;
/// # let answer = wiremock::ResponseTemplate::new(200);
/// # let reply = serde_json::json!([{"id": "f0a1b2c3-0000-4000-8000-000000000001", "name": "ci", "prefix": "egk_live_",
/// #     "suffix": "9f3a", "created_at": "2026-07-01T08:00:00Z"}]);
/// # let answer = answer.set_body_json(reply);
/// # let asked = wiremock::matchers::path_regex("/api-keys$");
/// # wiremock::Mock::given(wiremock::matchers::method("GET")).and(asked).respond_with(answer).mount(&server).await;
/// # let answer = wiremock::ResponseTemplate::new(204);
/// # let asked = wiremock::matchers::path_regex("/api-keys/f0a1");
/// # wiremock::Mock::given(wiremock::matchers::method("DELETE")).and(asked).respond_with(answer).mount(&server).await;
/// # let url = server.uri();
/// let edgegate = EdgeGate::builder().base_url(url).api_key("egk_live_example".into()).build()?;
/// let keys = edgegate.workspace("0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11").api_keys();
/// for key in keys.list().await? {
///     if key.name == "ci" && key.is_active(Timestamp::now()) {
///         keys.revoke(key.id).await?;
///     }
/// }
/// # Ok(())
/// # }
/// ```
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
///
/// ```
/// use std::time::Duration;
///
/// use cube_sdk_byo::EdgeGate;
/// use cube_sdk_core::Timestamp;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// # let server = wiremock::MockServer::start().await;
/// # let answer = wiremock::ResponseTemplate::new(200);
/// # let reply = serde_json::json!({"id": "f0a1b2c3-0000-4000-8000-000000000001", "name": "ci", "prefix": "egk_live_",
/// #     "suffix": "9f3a", "created_at": "2026-07-01T08:00:00Z", "plaintext": "egk_live_0a1b9f3a"});
/// # let answer = answer.set_body_json(reply);
/// # let asked = wiremock::matchers::path_regex("/api-keys$");
/// # wiremock::Mock::given(wiremock::matchers::method("POST")).and(asked).respond_with(answer).mount(&server).await;
/// # let url = server.uri();
/// let edgegate = EdgeGate::builder().base_url(url).api_key("egk_live_example".into()).build()?;
/// let keys = edgegate.workspace("0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11").api_keys();
/// let end = Timestamp::now().saturating_add(Duration::from_secs(30 * 86_400));
/// let made = keys.create("ci").expires_at(end).await?;
/// println!("{}…{}; keep made.plaintext, it is shown this once", made.prefix, made.suffix);
/// # Ok(())
/// # }
/// ```
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
