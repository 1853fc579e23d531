//! The transport over reqwest: HTTP/1.1 and HTTP/2, rustls with aws-lc-rs, the trust store of the operating system.

use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt;
use http::{HeaderValue, StatusCode, Uri, header};

use super::failure::{never_connected, proxy_wants_credentials};
use super::{Answer, Body, Proxies, ProxySetting, RootCertificates, Transport, Upload, Via};
use crate::clock::NEVER;
use crate::config::Environment;
use crate::error::{Error, ErrorKind, Result, Sent, WhichClock};

/// How [`HttpClient`] connects.
///
/// ```
/// use std::time::Duration;
///
/// use bytes::Bytes;
/// use cube_sdk_core::transport::{HttpClient, Transport};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// # let server = wiremock::MockServer::start().await;
/// # let answer = wiremock::ResponseTemplate::new(200);
/// # let asked = wiremock::matchers::header("user-agent", "fleet-console/1.4");
/// # wiremock::Mock::given(asked).respond_with(answer).mount(&server).await;
/// # let url: url::Url = server.uri().parse().unwrap();
/// let client = HttpClient::builder()
///     .connect_timeout(Duration::from_secs(4))
///     .user_agent("fleet-console/1.4")
///     .no_proxy()
///     .build();
/// let request = http::Request::get(url.as_str()).body(Bytes::new()).unwrap();
/// assert_eq!(client.send(request).await?.status(), 200); // the server knows that user agent alone
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct HttpClientBuilder {
    connect: Duration,
    pool_idle: Duration,
    user_agent: String,
    roots: RootCertificates,
    proxies: Option<Proxies>,
}

impl HttpClientBuilder {
    /// How long DNS, TCP and TLS may take together. Default 10 s.
    #[must_use]
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect = limit.min(NEVER);
        self
    }

    /// How long an unused connection is kept. Default 30 s: shorter than what servers usually allow, so
    /// that a request rarely meets a connection that the server is closing.
    #[must_use]
    pub fn pool_idle_timeout(mut self, limit: Duration) -> Self {
        self.pool_idle = limit.min(NEVER);
        self
    }

    /// The `User-Agent` of requests that bring none.
    #[must_use]
    pub fn user_agent(mut self, text: impl Into<String>) -> Self {
        self.user_agent = text.into();
        self
    }

    /// Trusts a private authority beside the operating system's.
    #[must_use]
    pub fn add_roots(mut self, roots: RootCertificates) -> Self {
        self.roots = if self.roots.is_empty() { roots } else { self.roots.and(&roots) };
        self
    }

    /// Which proxies are used. Default: those of the process's environment.
    #[must_use]
    pub fn proxies(mut self, proxies: Proxies) -> Self {
        self.proxies = Some(proxies);
        self
    }

    /// No proxies.
    #[must_use]
    pub fn no_proxy(self) -> Self {
        self.proxies(Proxies::direct())
    }

    /// The client. Nothing is opened or read before the first request.
    pub fn build(self) -> HttpClient {
        HttpClient { settings: self, ready: OnceLock::new() }
    }

    fn ready(&self) -> Result<Ready> {
        let proxies = match &self.proxies {
            Some(proxies) => proxies.clone(),
            None => Proxies::resolve(&ProxySetting::Environment, &Environment::process())?,
        };
        let user_agent = HeaderValue::from_str(&self.user_agent).map_err(|_| {
            Error::new(ErrorKind::Config, "the user agent holds characters that an HTTP header cannot carry")
        })?;
        let mut tls = self.roots.client_config()?;
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let mut builder = reqwest::Client::builder()
            .connect_timeout(self.connect)
            .pool_idle_timeout(self.pool_idle)
            .user_agent(user_agent)
            .redirect(reqwest::redirect::Policy::none())
            // The engine is the one layer that repeats.
            .retry(reqwest::retry::never())
            .http2_keep_alive_interval(Duration::from_secs(20))
            .http2_keep_alive_while_idle(true)
            .tls_backend_preconfigured(tls)
            .no_proxy();
        for scheme in ["http", "https"] {
            if let Some(via) = proxies.of_scheme(scheme) {
                builder = builder.proxy(asking(&proxies, scheme, via.authorization.clone()));
            }
        }
        let client = builder.build().map_err(|cause| {
            Error::new(ErrorKind::Config, "the HTTP client cannot be set up with these settings").cause(cause)
        })?;
        Ok(Ready { client, proxies })
    }
}

/// A proxy of reqwest's that asks ours. There is one for each scheme, as each may have a user of its own.
fn asking(proxies: &Proxies, scheme: &'static str, authorization: Option<HeaderValue>) -> reqwest::Proxy {
    let proxies = proxies.clone();
    let proxy = reqwest::Proxy::custom(move |url| {
        let uri: Uri = url.as_str().parse().ok().filter(|_| url.scheme() == scheme)?;
        proxies.intercept(&uri).map(|via| via.to_string())
    });
    match authorization {
        Some(value) => proxy.custom_http_auth(value),
        None => proxy,
    }
}

/// A pooling HTTP client, built at its first request.
#[derive(Debug)]
pub struct HttpClient {
    settings: HttpClientBuilder,
    ready: OnceLock<Ready>,
}

#[derive(Debug)]
struct Ready {
    client: reqwest::Client,
    proxies: Proxies,
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
            proxies: None,
        }
    }

    fn ready(&self) -> Result<&Ready> {
        if let Some(ready) = self.ready.get() {
            return Ok(ready);
        }
        let ready = self.settings.ready()?;
        Ok(self.ready.get_or_init(|| ready))
    }
}

#[async_trait]
impl Transport for HttpClient {
    async fn send(&self, request: http::Request<Bytes>) -> Result<Answer> {
        let (mut parts, bytes) = request.into_parts();
        let upload = parts.extensions.remove::<Upload>();
        let ready = self.ready()?;
        let via = ready.proxies.intercept(&parts.uri);
        let forwarded = via.as_ref().filter(|_| parts.uri.scheme_str() == Some("http"));
        let mut outgoing = ready.client.request(parts.method, parts.uri.to_string()).headers(parts.headers);
        if let Some(upload) = upload {
            outgoing = outgoing.header(header::CONTENT_LENGTH, upload.length());
            outgoing = outgoing.body(reqwest::Body::wrap_stream(upload.chunks()));
        } else if !bytes.is_empty() {
            outgoing = outgoing.body(bytes);
        }
        let response =
            outgoing.send().await.map_err(|error| own(&error).unwrap_or_else(|| translate(error, via.as_ref())))?;
        if let (StatusCode::PROXY_AUTHENTICATION_REQUIRED, Some(via)) = (response.status(), forwarded) {
            return Err(proxy_wants_credentials(via));
        }
        let mut answer = http::Response::builder().status(response.status());
        if let Some(headers) = answer.headers_mut() {
            *headers = response.headers().clone();
        }
        answer
            .body(Body::from_stream(response.bytes_stream().map_err(|error| translate(error, None))))
            .map_err(|cause| Error::new(ErrorKind::Protocol, "an answer that cannot be represented").cause(cause))
    }
}

/// The SDK's own error within reqwest's: a chunk of an upload that could not be read.
fn own(error: &reqwest::Error) -> Option<Error> {
    let mut causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.find_map(|cause| cause.downcast_ref::<Error>().cloned())
}

/// reqwest's errors by what is known about sending. URLs are taken out: they may hold secrets.
fn translate(error: reqwest::Error, via: Option<&Via>) -> Error {
    let error = error.without_url();
    let (kind, words, sent) = if error.is_connect() && error.is_timeout() {
        let words = match via {
            Some(via) => format!("connect clock: no connection by the proxy {via} in time"),
            None => "connect clock: no connection in time".to_owned(),
        };
        (ErrorKind::Connect, words, Sent::No)
    } else if error.is_connect() {
        return never_connected(error, via);
    } else if error.is_builder() {
        (ErrorKind::InvalidInput, "the request cannot be built".to_owned(), Sent::No)
    } else if error.is_timeout() {
        (ErrorKind::Timeout, "the connection timed out".to_owned(), Sent::Unknown)
    } else if error.is_body() || error.is_decode() {
        // Bodies are not compressed here: what reqwest calls undecodable is a body that was cut off.
        (ErrorKind::Transport, "the connection broke within the body".to_owned(), Sent::Unknown)
    } else {
        (ErrorKind::Transport, "the connection broke".to_owned(), Sent::Unknown)
    };
    let translated = Error::new(kind, words).with_sent(sent);
    let translated =
        if sent == Sent::No && error.is_timeout() { translated.with_clock(WhichClock::Connect) } else { translated };
    translated.cause(error)
}
