//! A call as data, before anything is sent.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use secrecy::SecretString;
use serde::Serialize;
use url::Url;

use super::Clocks;
use crate::config::parse_base_url;
use crate::credentials::Grant;
use crate::error::{Error, ErrorKind, Result};
use crate::operation::Operation;
use crate::redact::{Hidden, SafeUrl};
use crate::transport::Upload;

/// A call as data: what to send, as which operation, about what.
///
/// ```
/// use cube_sdk_core::engine::Call;
/// use cube_sdk_core::{Idempotency, Operation, SecretString};
/// use http::Method;
/// use serde_json::json;
///
/// const ADD: Operation = Operation::new("vault", "add", Idempotency::Once);
/// let call = Call::new(ADD, Method::POST, "https://vault.example/entries".parse()?)
///     .json(&json!({"name": "ci", "value": "t0psecret"}))?
///     .query("replace", true)
///     .about("entry ci")
///     .hides([SecretString::from("t0psecret")]);
/// assert_eq!(call.operation(), ADD);
/// assert!(!format!("{call:?}").contains("t0psecret"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "a call does nothing until it is given to an engine"]
pub struct Call {
    pub(super) operation: Operation,
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
    pub(super) upload: Option<Upload>,
    target: Option<String>,
    pub(super) clocks: Option<Clocks>,
    pub(super) anonymous: bool,
    pub(super) follows: bool,
    pub(super) hidden: Hidden,
}

/// Without header values, query and body, which may hold secrets.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("operation", &self.operation)
            .field("method", &self.method)
            .field("target", &self.target())
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Call {
    /// A call without body.
    pub fn new(operation: Operation, method: Method, url: Url) -> Self {
        Self {
            operation,
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            upload: None,
            target: None,
            clocks: None,
            anonymous: false,
            follows: false,
            hidden: Hidden::default(),
        }
    }

    /// Sends a JSON body.
    ///
    /// # Errors
    /// `InvalidInput` when the value has no JSON form.
    pub fn json(mut self, value: &impl Serialize) -> Result<Self> {
        let body = serde_json::to_vec(value).map_err(|cause| {
            Error::new(ErrorKind::InvalidInput, "the request has no JSON form")
                .with_operation(self.operation)
                .cause(cause)
        })?;
        self.body = Bytes::from(body);
        self.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(self)
    }

    /// Sends these bytes as they are.
    pub fn bytes(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends a body that is read while it goes out, from its start in each attempt. While it moves the first-byte clock
    /// stands still; the attempt clock does not: give the call [clocks](Self::clocks) that fit its length.
    pub fn upload(mut self, upload: Upload) -> Self {
        self.upload = Some(upload);
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Adds a query parameter.
    pub fn query(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.url.query_pairs_mut().append_pair(name, &value.to_string());
        self
    }

    /// What the call is about, in place of its URL, for errors.
    pub fn about(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// Other clocks than the engine's.
    pub fn clocks(mut self, clocks: Clocks) -> Self {
        self.clocks = Some(clocks);
        self
    }

    /// Secrets of the body. A server that repeats one in its refusal does not get it into an error or log line, in
    /// whatever form ([`Hidden`]). The credentials that the call goes out with are hidden too.
    pub fn hides(mut self, secrets: impl IntoIterator<Item = SecretString>) -> Self {
        self.hidden = Hidden::new(secrets);
        self
    }

    /// Sends no credentials.
    pub fn anonymous(mut self) -> Self {
        self.anonymous = true;
        self
    }

    /// Follows one redirect of a call that is [opened](super::Engine::open): without credentials and headers of its
    /// own, to http or https, never from https down to http. What it leads to carries its own proof.
    pub fn follow_redirect(mut self) -> Self {
        self.follows = true;
        self
    }

    /// The operation.
    pub const fn operation(&self) -> Operation {
        self.operation
    }

    pub(super) fn target(&self) -> String {
        self.target.clone().unwrap_or_else(|| SafeUrl(&self.url).to_string())
    }

    pub(super) fn request(&self, grant: Option<&Grant>) -> Result<http::Request<Bytes>> {
        let mut request = http::Request::builder()
            .method(self.method.clone())
            .uri(self.url.as_str())
            .body(self.body.clone())
            .map_err(|cause| Error::new(ErrorKind::InvalidInput, "the URL cannot be asked").cause(cause))?;
        request.headers_mut().extend(self.headers.clone());
        if !request.headers().contains_key(header::ACCEPT) {
            request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        }
        if let Some(upload) = &self.upload {
            request.extensions_mut().insert(upload.anew());
        }
        if let Some(grant) = grant {
            request.headers_mut().insert(header::AUTHORIZATION, grant.authorization.clone());
        }
        Ok(request)
    }

    /// The request that a redirect of this one leads to.
    pub(super) fn redirected(&self, location: Option<&str>) -> Option<http::Request<Bytes>> {
        let to = self.url.join(location?).ok()?;
        let mut bare = to.clone();
        bare.set_query(None);
        bare.set_fragment(None);
        let allowed =
            parse_base_url(bare.as_str()).is_ok() && (self.url.scheme() == to.scheme() || to.scheme() == "https");
        let request = http::Request::builder().method(Method::GET).uri(to.as_str()).body(Bytes::new());
        let mut request = request.ok().filter(|_| allowed)?;
        for name in [header::ACCEPT_ENCODING, header::USER_AGENT] {
            if let Some(value) = self.headers.get(&name) {
                request.headers_mut().insert(name, value.clone());
            }
        }
        Some(request)
    }
}
