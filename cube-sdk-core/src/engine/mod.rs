//! The one way of a call: deadline → retry loop → credentials → transport → classify.

mod call;
mod classify;
mod clocks;
mod opened;
mod reply;

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use http::header;
use serde::de::DeserializeOwned;

pub use call::Call;
pub use classify::{ByStatus, Classify};
pub use clocks::Clocks;
pub use opened::Opened;
pub use reply::Reply;

use crate::credentials::{Credentials, Grant};
use crate::error::{Error, ErrorKind, Result, Sent, WhichClock, request_id_of};
use crate::retry::{Attempt, Deadline, Frame, Retrier};
use crate::transport::{Answer, Middleware, Next, SharedTransport, Upload};

/// Carries out calls. Cheap to clone; clones share connections, credentials and retry budget.
///
/// ```
/// use std::sync::Arc;
///
/// use cube_sdk_core::engine::{Call, Engine};
/// use cube_sdk_core::transport::HttpClient;
/// use cube_sdk_core::{Idempotency, Operation};
/// use http::Method;
///
/// const STATUS: Operation = Operation::new("app", "status", Idempotency::Read);
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// # let server = wiremock::MockServer::start().await;
/// # let answer = wiremock::ResponseTemplate::new(200).set_body_json(serde_json::json!({"state": "up"}));
/// # let asked = wiremock::matchers::any();
/// # wiremock::Mock::given(asked).respond_with(answer).mount(&server).await;
/// # let url: url::Url = server.uri().parse().unwrap();
/// let engine = Engine::builder(Arc::new(HttpClient::builder().no_proxy().build())).build();
/// let call = Call::new(STATUS, Method::GET, url).about("app 7");
/// let status: serde_json::Value = engine.json(&call).await?;
/// assert_eq!(status["state"], "up");
/// # Ok(())
/// # }
/// ```
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
///
/// ```
/// use std::sync::Arc;
///
/// use cube_sdk_core::credentials::FixedKey;
/// use cube_sdk_core::engine::{Call, Engine};
/// use cube_sdk_core::retry::Retrier;
/// use cube_sdk_core::transport::HttpClient;
/// use cube_sdk_core::{ErrorKind, Idempotency, Operation, SecretString};
/// use http::Method;
///
/// const EXPORT: Operation = Operation::new("app", "export", Idempotency::Read);
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// # let server = wiremock::MockServer::start().await;
/// # let answer = wiremock::ResponseTemplate::new(200).set_body_bytes(vec![0; 2048]);
/// # let asked = wiremock::matchers::any();
/// # wiremock::Mock::given(asked).respond_with(answer).mount(&server).await;
/// # let url: url::Url = server.uri().parse().unwrap();
/// let engine = Engine::builder(Arc::new(HttpClient::builder().no_proxy().build()))
///     .credentials(Arc::new(FixedKey::new(&SecretString::from("eg_key"))?))
///     .retrier(Retrier::never())
///     .response_cap(1024)
///     .build();
/// let refused = engine.run(&Call::new(EXPORT, Method::GET, url)).await.unwrap_err();
/// assert_eq!(refused.kind(), ErrorKind::Protocol); // the answer is 2 KiB long
/// # Ok(())
/// # }
/// ```
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

    /// Carries out a call and reads its answer whole.
    ///
    /// # Errors
    /// As [`Classify`] says for answers; `Connect`, `Transport` and `Timeout` where none came;
    /// `Credentials` where none could be had.
    ///
    /// # Cancel safety
    /// Dropping the future ends the call; what it sent may have arrived.
    pub async fn run(&self, call: &Call) -> Result<Reply> {
        match self.framed(call, Wanted::Whole).await? {
            Got::Whole(reply) => Ok(reply),
            Got::Opened(_) => Err(Error::new(ErrorKind::Protocol, "the answer was not read")),
        }
    }

    /// Carries out a call and reads its JSON reply.
    ///
    /// # Errors
    /// As [`Self::run`]; `Decode` when the reply is not as expected.
    pub async fn json<T: DeserializeOwned>(&self, call: &Call) -> Result<T> {
        let reply = self.run(call).await?;
        reply.json().map_err(|error| error.with_operation(call.operation).with_target(call.target()))
    }

    /// Carries out a call up to the head of a good answer, whose body is then read as it arrives: with the same
    /// credentials, repeats, clocks and middleware as any call. The attempt and first-byte clocks end with the head;
    /// the body has the idle clock.
    ///
    /// # Errors
    /// As [`Self::run`]; a refusal's body is read whole and classified.
    ///
    /// # Cancel safety
    /// As [`Self::run`]; dropping what was opened ends the transfer.
    pub async fn open(&self, call: &Call) -> Result<Opened> {
        match self.framed(call, Wanted::Head).await? {
            Got::Opened(opened) => Ok(opened),
            // A classifier that lets a refusal pass has no body to give.
            Got::Whole(reply) => Err(reply.refusal().with_operation(call.operation).with_target(call.target())),
        }
    }

    async fn framed(&self, call: &Call, wanted: Wanted) -> Result<Got> {
        let clocks = call.clocks.unwrap_or(self.0.clocks);
        let frame = Frame::new(call.operation).target(call.target()).deadline(Deadline::after(clocks.deadline));
        let run = frame.run(&self.0.retrier, |attempt| self.authenticated(call, clocks, attempt, wanted));
        // Boxed: a call's state is several kilobytes, which every caller's future would otherwise hold.
        Box::pin(run).await
    }

    /// One attempt, with one replay after a 401 that fresh credentials may cure.
    async fn authenticated(&self, call: &Call, clocks: Clocks, attempt: Attempt, wanted: Wanted) -> Result<Got> {
        let Some(credentials) = self.0.credentials.as_ref().filter(|_| !call.anonymous) else {
            return self.timed(call, clocks, &attempt, None, wanted).await;
        };
        let grant = credentials.grant().await.map_err(not_sent)?;
        let outcome = self.timed(call, clocks, &attempt, Some(&grant), wanted).await;
        let refused = matches!(&outcome, Err(error) if error.kind() == ErrorKind::Unauthenticated);
        if !refused || !credentials.refused(&grant).await {
            return outcome;
        }
        let grant = credentials.grant().await.map_err(not_sent)?;
        self.timed(call, clocks, &attempt, Some(&grant), wanted).await
    }

    async fn timed(
        &self,
        call: &Call,
        clocks: Clocks,
        attempt: &Attempt,
        grant: Option<&Grant>,
        wanted: Wanted,
    ) -> Result<Got> {
        let limit = clocks.attempt;
        tokio::time::timeout(limit, self.exchange(call, clocks, attempt, grant, wanted))
            .await
            .unwrap_or_else(|_| Err(clocks::ran_out(WhichClock::Attempt, limit)))
    }

    async fn exchange(
        &self,
        call: &Call,
        clocks: Clocks,
        attempt: &Attempt,
        grant: Option<&Grant>,
        wanted: Wanted,
    ) -> Result<Got> {
        let mut answer = self.head(call.request(grant)?, attempt, clocks).await?;
        if wanted == Wanted::Head {
            if call.follows && answer.status().is_redirection() {
                let request = redirected(call, &answer)?;
                answer = self.head(request, attempt, clocks).await?;
            }
            if answer.status().is_success() {
                return Ok(Got::Opened(Opened::new(call, clocks, answer)));
            }
        }
        self.read(call, clocks, answer, grant).await.map(Got::Whole)
    }

    /// Sends one request and waits for the head of its answer.
    async fn head(&self, request: http::Request<Bytes>, attempt: &Attempt, clocks: Clocks) -> Result<Answer> {
        let next = Next::new(&self.0.middleware, self.0.transport.as_ref());
        let upload = request.extensions().get::<Upload>().cloned();
        let answer: Answer = awaited(next.run(attempt.clone(), request), upload, clocks).await?;
        attempt.answered(Some(answer.status().as_u16()), request_id_of(answer.headers()).as_deref());
        Ok(answer)
    }

    /// Reads an answer whole and classifies it.
    async fn read(&self, call: &Call, clocks: Clocks, answer: Answer, grant: Option<&Grant>) -> Result<Reply> {
        let (head, body) = answer.into_parts();
        let body = body.collect(self.0.cap, clocks.idle).await.map_err(|error| {
            error.with_status(head.status).with_request_id(request_id_of(&head.headers)).with_sent(Sent::Unknown)
        })?;
        let hidden =
            grant.map_or_else(|| call.hidden.clone(), |grant| call.hidden.with_authorization(&grant.authorization));
        let reply = Reply { status: head.status, headers: head.headers, body, hidden };
        self.0.classify.classify(call.operation, &reply)?;
        Ok(reply)
    }
}

/// An answer within the first-byte clock, which begins anew with each chunk of an upload that goes out.
async fn awaited(
    answer: impl Future<Output = Result<Answer>>,
    upload: Option<Upload>,
    clocks: Clocks,
) -> Result<Answer> {
    let mut answer = std::pin::pin!(answer);
    loop {
        let moved = async {
            match &upload {
                Some(upload) => upload.moved().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            () = moved => {}
            () = tokio::time::sleep(clocks.first_byte) => {
                return Err(clocks::ran_out(WhichClock::FirstByte, clocks.first_byte));
            }
        }
    }
}

fn redirected(call: &Call, answer: &Answer) -> Result<http::Request<Bytes>> {
    let location = answer.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    call.redirected(location).ok_or_else(|| {
        Error::new(ErrorKind::Protocol, "the redirect leads nowhere that may be followed")
            .with_status(answer.status())
            .with_request_id(request_id_of(answer.headers()))
    })
}

/// How far an answer is read within the attempt.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Wanted {
    Whole,
    Head,
}

enum Got {
    Whole(Reply),
    Opened(Opened),
}

/// Whatever became of the credentials' own call, this one did not leave.
fn not_sent(error: Error) -> Error {
    error.with_sent(Sent::No)
}

#[cfg(test)]
mod tests;
