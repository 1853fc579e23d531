//! The client: one engine for every tool.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use cube_sdk_core::config::join;
use cube_sdk_core::engine::{Call, Clocks};
use cube_sdk_core::listing::{Listing, Page};
use cube_sdk_core::settings::Settings;
use cube_sdk_core::{Engine, Idempotency, Operation, Result, SecretString};
use http::{HeaderName, HeaderValue, Method, header};
use serde_json::{Value, json};
use url::Url;

use super::classify::ByAnswer;
use super::described::ToolInfo;
use super::messages;
use super::published::known;
use super::service::Service;
use crate::keys::KeyStore;

/// Names the version of the protocol, so that a tool's own failure comes as a result that says so.
const VERSION: (&str, &str) = ("mcp-protocol-version", "2025-06-18");
const LIST: Operation = Operation::new("cube-cloud", "tools_list", Idempotency::Read);

/// cube-cloud's tools, typed and by name. Cheap to clone; clones share connections, key and retry budget.
///
#[doc = include_str!("../../docs/cloud.md")]
#[derive(Clone)]
pub struct Cloud(Arc<Parts>);

struct Parts {
    service: Arc<Service>,
    engine: Engine,
    endpoint: Url,
    next: AtomicU64,
    /// What the service said of its tools when it was last asked: does a call change nothing?
    reads: RwLock<HashMap<String, bool>>,
}

impl fmt::Debug for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cloud").field("base_url", &self.base_url().as_str()).finish_non_exhaustive()
    }
}

/// The settings of a [`Cloud`].
///
/// ```
/// use cube_sdk::auth::KeyFile;
/// use cube_sdk::cloud::Cloud;
/// use cube_sdk::prelude::*;
///
/// # let folder = tempfile::tempdir().unwrap();
/// let cloud = Cloud::builder()
///     .base_url("https://cube.example.com") // else CUBE_CLOUD_URL
///     .key_store(KeyFile::new(folder.path().join("api_key"))) // where a login keeps the key
///     .build()?;
/// assert_eq!(cloud.base_url().as_str(), "https://cube.example.com/");
/// # Ok::<(), Error>(())
/// ```
#[must_use = "call build"]
#[derive(Default)]
pub struct CloudBuilder {
    settings: Settings,
    base: Option<String>,
    key: Option<SecretString>,
    store: Option<Arc<dyn KeyStore>>,
}

impl fmt::Debug for CloudBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudBuilder")
            .field("settings", &self.settings)
            .field("has_key", &self.key.is_some())
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

impl CloudBuilder {
    cube_sdk_core::settings_methods!();

    /// Where cube-cloud is: an absolute `http` or `https` URL, with or without path and trailing slash. Default:
    /// `CUBE_CLOUD_URL`, or the public one.
    pub fn base_url(mut self, url: impl AsRef<str>) -> Self {
        self.base = Some(url.as_ref().to_owned());
        self
    }

    /// The API key, in place of `CUBE_API_KEY` and of the one that is kept.
    pub fn api_key(mut self, key: SecretString) -> Self {
        self.key = Some(key);
        self
    }

    /// Where a key is kept between runs. Default: the file `api_key` of `CUBE_AGENT_CONFIG_DIR`.
    pub fn key_store(mut self, store: impl KeyStore) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// The client. Opens nothing; reads the environment. A missing key is told at the first call.
    ///
    /// # Errors
    /// `Config`, naming the setting, when one cannot be used: the URL is none or would carry the key in clear text to
    /// another machine, the key holds what no header can carry, or one that every domain shares.
    pub fn build(self) -> Result<Cloud> {
        let service = Arc::new(Service::new(&self.settings, self.base, self.key, self.store)?);
        let ground = service.ground();
        let engine = ground
            .engine()
            .credentials(Arc::new(service.keys().clone()))
            .classify(ByAnswer)
            .clocks(ground.clocks(default_clocks()))
            .build();
        let endpoint = join(service.base(), &["mcp", ""]);
        let parts = Parts { service, engine, endpoint, next: AtomicU64::new(1), reads: RwLock::default() };
        Ok(Cloud(Arc::new(parts)))
    }
}

/// A tool may take 110 s at the service.
fn default_clocks() -> Clocks {
    let mut clocks = Clocks::default();
    clocks.first_byte = Duration::from_secs(120);
    clocks.idle = Duration::from_secs(120);
    clocks.attempt = Duration::from_secs(150);
    clocks.deadline = Duration::from_secs(300);
    clocks
}

impl Cloud {
    /// Starts from the process's environment and the defaults.
    pub fn builder() -> CloudBuilder {
        CloudBuilder::default()
    }

    /// Where calls go.
    pub fn base_url(&self) -> &Url {
        self.0.service.base()
    }

    /// The tools that the key's profile may call, page by page as they are read.
    ///
    /// # Errors
    /// As a call of a tool.
    pub fn list_tools(&self) -> Listing<ToolInfo> {
        let cloud = self.clone();
        Listing::new(None, move |cursor: Option<String>| {
            let cloud = cloud.clone();
            async move { cloud.page_of_tools(cursor).await }
        })
    }

    async fn page_of_tools(&self, cursor: Option<String>) -> Result<Page<ToolInfo>> {
        let params = cursor.map_or_else(|| json!({}), |cursor| json!({ "cursor": cursor }));
        let id = self.next_id();
        let call = self.post(LIST, &json!({ "jsonrpc": "2.0", "id": id, "method": "tools/list", "params": params }))?;
        let reply = self.0.engine.run(&call.about("tools/list")).await?;
        let found = messages::answer_of(&reply, id, None).await;
        let (tools, next) = found
            .and_then(|found| ToolInfo::page(&found))
            .map_err(|error| error.with_operation(LIST).with_target("tools/list"))?;
        let mut reads = self.0.reads.write().unwrap_or_else(PoisonError::into_inner);
        reads.extend(tools.iter().map(|tool| (tool.name.clone(), tool.is_read_only())));
        Ok(Page::new(tools, next))
    }

    pub(crate) fn service(&self) -> &Arc<Service> {
        &self.0.service
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub(super) fn next_id(&self) -> u64 {
        self.0.next.fetch_add(1, Ordering::Relaxed)
    }

    /// How a call of a tool is sent: again after a failure only where the service, or else the published list, says that it
    /// changes nothing.
    pub(super) fn operation(&self, name: &str) -> Operation {
        let said = self.0.reads.read().unwrap_or_else(PoisonError::into_inner).get(name).copied();
        let known = known(name);
        let reads = said.unwrap_or_else(|| known.is_some_and(|(_, reads)| reads));
        let idempotency = if reads { Idempotency::Read } else { Idempotency::Once };
        Operation::new("cube-cloud", known.map_or("call_tool", |(name, _)| name), idempotency)
    }

    pub(super) fn post(&self, operation: Operation, body: &Value) -> Result<Call> {
        let both = HeaderValue::from_static("application/json, text/event-stream");
        Ok(Call::new(operation, Method::POST, self.0.endpoint.clone())
            .json(body)?
            .header(header::ACCEPT, both)
            .header(HeaderName::from_static(VERSION.0), HeaderValue::from_static(VERSION.1)))
    }
}
