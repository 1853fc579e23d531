//! The transport over reqwest: rustls with aws-lc-rs, the trust store of the operating system, HTTP/1.1
//! and HTTP/2, the system's proxies.

use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt;

use super::{Answer, Body, RootCertificates, Transport};
use crate::error::{Error, ErrorKind, Result, Sent};

/// How [`HttpClient`] connects.
#[derive(Clone, Debug)]
pub struct HttpClientBuilder {
    connect: Duration,
    pool_idle: Duration,
    user_agent: String,
    roots: RootCertificates,
    proxy: bool,
}

impl HttpClientBuilder {
    /// How long DNS, TCP and TLS may take together. Default 10 s.
    #[must_use]
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect = limit;
        self
    }

    /// How long an unused connection is kept. Default 30 s: shorter than what servers usually allow, so
    /// that a request rarely meets a connection that the server is closing.
    #[must_use]
    pub fn pool_idle_timeout(mut self, limit: Duration) -> Self {
        self.pool_idle = limit;
        self
    }

    /// The `User-Agent` header.
    #[must_use]
    pub fn user_agent(mut self, text: impl Into<String>) -> Self {
        self.user_agent = text.into();
        self
    }

    /// Trusts a private authority beside the operating system's.
    #[must_use]
    pub fn add_roots(mut self, roots: RootCertificates) -> Self {
        self.roots.0.extend(roots.0);
        self
    }

    /// Ignores the system's proxies (`HTTPS_PROXY`, `NO_PROXY` …).
    #[must_use]
    pub fn no_proxy(mut self) -> Self {
        self.proxy = false;
        self
    }

    /// The client. Nothing is opened or read before the first request.
    pub fn build(self) -> HttpClient {
        HttpClient { settings: self, client: OnceLock::new() }
    }

    fn client(&self) -> Result<reqwest::Client> {
        let mut builder = reqwest::Client::builder()
            .connect_timeout(self.connect)
            .pool_idle_timeout(self.pool_idle)
            .user_agent(&self.user_agent)
            .redirect(reqwest::redirect::Policy::none())
            // The engine is the one layer that repeats.
            .retry(reqwest::retry::never())
            .http2_keep_alive_interval(Duration::from_secs(20))
            .http2_keep_alive_while_idle(true)
            .tls_certs_merge(self.roots.0.iter().cloned());
        if !self.proxy {
            builder = builder.no_proxy();
        }
        builder.build().map_err(|cause| {
            Error::new(ErrorKind::Config, "the HTTP client cannot be set up with these settings")
                .advice("check user agent, CA files and proxy variables")
                .cause(cause)
        })
    }
}

/// A pooling HTTP client, built at its first request.
#[derive(Debug)]
pub struct HttpClient {
    settings: HttpClientBuilder,
    client: OnceLock<reqwest::Client>,
}

impl Default for HttpClient {
    fn default() -> Self {
        Self::builder().build()
    }
}

impl HttpClient {
    /// Starts from the defaults.
    pub fn builder() -> HttpClientBuilder {
        HttpClientBuilder {
            connect: Duration::from_secs(10),
            pool_idle: Duration::from_secs(30),
            user_agent: concat!("cube-sdk/", env!("CARGO_PKG_VERSION")).to_owned(),
            roots: RootCertificates::default(),
            proxy: true,
        }
    }

    fn client(&self) -> Result<&reqwest::Client> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = self.settings.client()?;
        Ok(self.client.get_or_init(|| client))
    }
}

#[async_trait]
impl Transport for HttpClient {
    async fn send(&self, request: http::Request<Bytes>) -> Result<Answer> {
        let (parts, bytes) = request.into_parts();
        let mut outgoing = self.client()?.request(parts.method, parts.uri.to_string()).headers(parts.headers);
        if !bytes.is_empty() {
            outgoing = outgoing.body(bytes);
        }
        let response = outgoing.send().await.map_err(translate)?;
        let mut answer = http::Response::builder().status(response.status());
        if let Some(headers) = answer.headers_mut() {
            *headers = response.headers().clone();
        }
        answer
            .body(Body::from_stream(response.bytes_stream().map_err(translate)))
            .map_err(|cause| Error::new(ErrorKind::Protocol, "an answer that cannot be represented").cause(cause))
    }
}

/// reqwest's errors by what is known about sending. URLs are taken out: they may hold secrets.
fn translate(error: reqwest::Error) -> Error {
    let error = error.without_url();
    let (kind, words, sent) = if error.is_connect() && error.is_timeout() {
        (ErrorKind::Connect, "connect clock: no connection in time", Sent::No)
    } else if error.is_connect() {
        (ErrorKind::Connect, "could not connect", Sent::No)
    } else if error.is_builder() {
        (ErrorKind::InvalidInput, "the request cannot be built", Sent::No)
    } else if error.is_timeout() {
        (ErrorKind::Timeout, "the connection timed out", Sent::Unknown)
    } else if error.is_body() || error.is_decode() {
        // Bodies are not compressed here: what reqwest calls undecodable is a body that was cut off.
        (ErrorKind::Transport, "the connection broke within the body", Sent::Unknown)
    } else {
        (ErrorKind::Transport, "the connection broke", Sent::Unknown)
    };
    Error::new(kind, words).with_sent(sent).cause(error)
}
