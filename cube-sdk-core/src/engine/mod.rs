//! The one way of a call: deadline → retry loop → credentials → transport → classify.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::Instrument;
use url::Url;

use crate::credentials::{Credentials, Grant};
use crate::error::{Error, ErrorKind, Result, Sent, kind_of_status, request_id_of, retry_after_of};
use crate::operation::Operation;
use crate::redact::{SafeUrl, excerpt};
use crate::retry::{Deadline, Retrier};
use crate::transport::{Answer, Attempt, Middleware, Next, SharedTransport};

/// The clocks of one call. Each ends only what it names.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Clocks {
    /// From sending to the head of the answer.
    pub first_byte: Duration,
    /// Between two chunks of the body.
    pub idle: Duration,
    /// One attempt, head and body.
    pub attempt: Duration,
    /// The whole call, credentials, retries and waits included.
    pub deadline: Duration,
}

impl Default for Clocks {
    /// First byte 30 s, idle 20 s, attempt 60 s, deadline 120 s.
    fn default() -> Self {
        Self {
            first_byte: Duration::from_secs(30),
            idle: Duration::from_secs(20),
            attempt: Duration::from_secs(60),
            deadline: Duration::from_secs(120),
        }
    }
}

/// A call as data: what to send, as which operation, about what.
#[derive(Clone, Debug)]
#[must_use = "a call does nothing until it is given to an engine"]
pub struct Call {
    operation: Operation,
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
    target: Option<String>,
    clocks: Option<Clocks>,
    anonymous: bool,
    hidden: Arc<[SecretString]>,
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
            target: None,
            clocks: None,
            anonymous: false,
            hidden: Arc::new([]),
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

    /// Secrets of the body. A server that repeats one in its refusal does not get it into an error or log line.
    /// Those shorter than four bytes are not looked for: replacing them would garble every text.
    pub fn hides(mut self, secrets: impl IntoIterator<Item = SecretString>) -> Self {
        self.hidden = secrets.into_iter().filter(|secret| secret.expose_secret().len() >= 4).collect();
        self
    }

    /// Sends no credentials.
    pub fn anonymous(mut self) -> Self {
        self.anonymous = true;
        self
    }

    /// The operation.
    pub const fn operation(&self) -> Operation {
        self.operation
    }

    fn target(&self) -> String {
        self.target.clone().unwrap_or_else(|| SafeUrl(&self.url).to_string())
    }

    fn request(&self, grant: Option<&Grant>) -> Result<http::Request<Bytes>> {
        let mut request = http::Request::builder()
            .method(self.method.clone())
            .uri(self.url.as_str())
            .body(self.body.clone())
            .map_err(|cause| Error::new(ErrorKind::InvalidInput, "the URL cannot be asked").cause(cause))?;
        request.headers_mut().extend(self.headers.clone());
        if !request.headers().contains_key(header::ACCEPT) {
            request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        }
        if let Some(grant) = grant {
            request.headers_mut().insert(header::AUTHORIZATION, grant.authorization.clone());
        }
        Ok(request)
    }
}

/// An answer, read whole.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, within the engine's cap.
    pub body: Bytes,
    hidden: Arc<[SecretString]>,
}

impl Reply {
    /// The server's request id.
    pub fn request_id(&self) -> Option<String> {
        request_id_of(&self.headers)
    }

    /// A text of the server without the secrets that the call [hides](Call::hides), plain or JSON-escaped.
    pub fn scrub(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in self.hidden.iter() {
            let plain = secret.expose_secret();
            let escaped = serde_json::Value::from(plain).to_string();
            for form in [plain, escaped.trim_matches('"')] {
                if text.contains(form) {
                    text = text.replace(form, "<hidden>");
                }
            }
        }
        text
    }

    /// A masked excerpt of the body, fit for an error line.
    pub fn excerpt(&self) -> String {
        if self.hidden.is_empty() {
            return excerpt(&self.body);
        }
        excerpt(self.scrub(&String::from_utf8_lossy(&self.body)).as_bytes())
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// `Decode`, naming the place; the body is shown as a masked excerpt.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|cause| {
            let words = format!(
                "the reply cannot be read at line {} column {}: {}; it begins {}",
                cause.line(),
                cause.column(),
                reason(&cause),
                self.excerpt()
            );
            Error::new(ErrorKind::Decode, words)
                .with_status(self.status)
                .with_request_id(self.request_id())
                .advice("update the SDK, or report this with the request id")
        })
    }

    /// The plain error of a refusal: kind by status, excerpt of the body, request id, Retry-After.
    pub fn refusal(&self) -> Error {
        let shown = self.excerpt();
        let words = if shown.is_empty() { kind_of_status(self.status).phrase().to_owned() } else { shown };
        Error::new(kind_of_status(self.status), words)
            .with_status(self.status)
            .with_request_id(self.request_id())
            .with_retry_after(retry_after_of(&self.headers, SystemTime::now()))
    }
}

/// serde's words without the values that they quote: a reply may hold secrets.
fn reason(cause: &serde_json::Error) -> String {
    let words = cause.to_string();
    let words = words.split(" at line ").next().unwrap_or_default();
    match words.split_once("string \"") {
        Some((before, after)) => match after.rsplit_once('"') {
            Some((_, rest)) => format!("{before}string{rest}"),
            None => format!("{before}string"),
        },
        None => words.to_owned(),
    }
}

/// Turns an answer into success or a typed error. HTTP 200 is not success by itself.
pub trait Classify: fmt::Debug + Send + Sync + 'static {
    /// Accepts the answer or says what is wrong with it.
    ///
    /// # Errors
    /// The domain's error for this answer, without operation and target: the engine adds them.
    fn classify(&self, operation: Operation, reply: &Reply) -> Result<()>;
}

/// Success is 2xx, all else is told by its status.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByStatus;

impl Classify for ByStatus {
    fn classify(&self, _: Operation, reply: &Reply) -> Result<()> {
        if reply.status.is_success() { Ok(()) } else { Err(reply.refusal()) }
    }
}

/// Carries out calls. Cheap to clone; clones share connections, credentials and retry budget.
#[derive(Clone, Debug)]
pub struct Engine(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    transport: SharedTransport,
    credentials: Option<Arc<dyn Credentials>>,
    middleware: Vec<Arc<dyn Middleware>>,
    classify: Arc<dyn Classify>,
    retrier: Retrier,
    clocks: Clocks,
    cap: usize,
}

/// The parts of an [`Engine`].
#[derive(Debug)]
#[must_use = "call build"]
pub struct EngineBuilder(Parts);

impl EngineBuilder {
    /// Where credentials come from. Without them calls go out without `Authorization`.
    pub fn credentials(mut self, credentials: Arc<dyn Credentials>) -> Self {
        self.0.credentials = Some(credentials);
        self
    }

    /// Adds a middleware inside those added before.
    pub fn middleware(mut self, middleware: Arc<dyn Middleware>) -> Self {
        self.0.middleware.push(middleware);
        self
    }

    /// How answers are told apart. Default: by status.
    pub fn classify(mut self, classify: impl Classify) -> Self {
        self.0.classify = Arc::new(classify);
        self
    }

    /// Retry policy and budget.
    pub fn retrier(mut self, retrier: Retrier) -> Self {
        self.0.retrier = retrier;
        self
    }

    /// The clocks of calls that bring none of their own.
    pub fn clocks(mut self, clocks: Clocks) -> Self {
        self.0.clocks = clocks;
        self
    }

    /// The longest reply that is read, in bytes. Default 16 MiB.
    pub fn response_cap(mut self, bytes: usize) -> Self {
        self.0.cap = bytes;
        self
    }

    /// The engine.
    pub fn build(self) -> Engine {
        Engine(Arc::new(self.0))
    }
}

impl Engine {
    /// Starts from a transport and defaults.
    pub fn builder(transport: SharedTransport) -> EngineBuilder {
        EngineBuilder(Parts {
            transport,
            credentials: None,
            middleware: Vec::new(),
            classify: Arc::new(ByStatus),
            retrier: Retrier::default(),
            clocks: Clocks::default(),
            cap: 16 * 1024 * 1024,
        })
    }

    /// Carries out a call.
    ///
    /// # Errors
    /// As [`Classify`] says for answers; `Connect`, `Transport` and `Timeout` where none came;
    /// `Credentials` where none could be had.
    ///
    /// # Cancel safety
    /// Dropping the future ends the call; what it sent may have arrived.
    pub async fn run(&self, call: &Call) -> Result<Reply> {
        let operation = call.operation;
        let clocks = call.clocks.unwrap_or(self.0.clocks);
        let deadline = Deadline::after(clocks.deadline);
        let span = tracing::info_span!(
            "cube.call",
            service = operation.service(),
            operation = operation.name(),
            outcome = tracing::field::Empty,
        );
        let run = async {
            let outcome = self
                .0
                .retrier
                .run(operation, deadline, |number| self.authenticated(call, clocks, Attempt::new(operation, number)))
                .await;
            let current = tracing::Span::current();
            match &outcome {
                Ok(_) => current.record("outcome", "ok"),
                Err(error) => current.record("outcome", error.kind().name()),
            };
            outcome.map_err(|error| {
                let error = if error.target().is_none() { error.with_target(call.target()) } else { error };
                tracing::warn!(error = %error, "call failed");
                error
            })
        };
        // Boxed: a call's state is several kilobytes, which every caller's future would otherwise hold.
        Box::pin(run.instrument(span)).await
    }

    /// Carries out a call and reads its JSON reply.
    ///
    /// # Errors
    /// As [`Self::run`]; `Decode` when the reply is not as expected.
    pub async fn json<T: DeserializeOwned>(&self, call: &Call) -> Result<T> {
        let reply = self.run(call).await?;
        reply.json().map_err(|error| error.with_operation(call.operation).with_target(call.target()))
    }

    /// One attempt, with one replay after a 401 that fresh credentials may cure.
    async fn authenticated(&self, call: &Call, clocks: Clocks, attempt: Attempt) -> Result<Reply> {
        let Some(credentials) = self.0.credentials.as_ref().filter(|_| !call.anonymous) else {
            return self.attempt(call, clocks, attempt, None).await;
        };
        let grant = credentials.grant().await?;
        let outcome = self.attempt(call, clocks, attempt, Some(&grant)).await;
        match &outcome {
            Err(error) if error.kind() == ErrorKind::Unauthenticated && credentials.refused(&grant).await => {
                let grant = credentials.grant().await?;
                self.attempt(call, clocks, attempt, Some(&grant)).await
            }
            _ => outcome,
        }
    }

    async fn attempt(&self, call: &Call, clocks: Clocks, attempt: Attempt, grant: Option<&Grant>) -> Result<Reply> {
        let limit = clocks.attempt;
        tokio::time::timeout(limit, self.exchange(call, clocks, attempt, grant))
            .await
            .unwrap_or_else(|_| Err(clock_ran_out("attempt", limit)))
    }

    async fn exchange(&self, call: &Call, clocks: Clocks, attempt: Attempt, grant: Option<&Grant>) -> Result<Reply> {
        let request = call.request(grant)?;
        let parts = &self.0;
        let next = Next::new(&parts.middleware, parts.transport.as_ref());
        let answer: Answer = tokio::time::timeout(clocks.first_byte, next.run(attempt, request))
            .await
            .unwrap_or_else(|_| Err(clock_ran_out("first-byte", clocks.first_byte)))?;
        let (head, body) = answer.into_parts();
        let request_id = request_id_of(&head.headers);
        tracing::debug!(
            attempt = attempt.number,
            status = head.status.as_u16(),
            request_id = request_id.as_deref().unwrap_or_default(),
            "answered"
        );
        let body = body
            .collect(parts.cap, clocks.idle)
            .await
            .map_err(|error| error.with_status(head.status).with_request_id(request_id).with_sent(Sent::Unknown))?;
        let reply = Reply { status: head.status, headers: head.headers, body, hidden: call.hidden.clone() };
        parts.classify.classify(call.operation, &reply)?;
        Ok(reply)
    }
}

fn clock_ran_out(clock: &'static str, limit: Duration) -> Error {
    Error::new(ErrorKind::Timeout, format!("{clock} clock: no end within {:.0} s", limit.as_secs_f64()))
        .with_code(clock)
        .with_sent(Sent::Unknown)
}

#[cfg(test)]
mod tests;
