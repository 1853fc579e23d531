//! The endpoints: over sockets, or without them.

use std::sync::Arc;

use async_graphql::parser::types::{DocumentOperations, OperationType};
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::{any, post};
use bytes::Bytes;
use cube_sdk_core::transport::{Answer, Transport};
use cube_sdk_core::{Error, ErrorKind};
use http::{HeaderMap, Request, Response, header};
use serde_json::{Value, json};

use super::faults::{Fault, due};
use super::registry::Answers;
use super::{Shared, lock};

const TOKEN_PATH: &str = "/multipass/api/oauth2/token";
const GRAPHQL_PATH: &str = "/graphql-gateway/api/graphql";

/// A GraphQL request as it arrived.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Recorded {
    /// The operation's name.
    pub operation: String,
    /// The whole body.
    pub body: Value,
    /// The `Fetch-User-Agent` header.
    pub agent: Option<String>,
}

/// What follows a request.
enum Outcome {
    Reply(u16, HeaderMap, Bytes),
    Hang,
    Reset,
}

impl Shared {
    async fn answer(&self, path: &str, headers: &HeaderMap, body: &[u8]) -> Outcome {
        match path {
            TOKEN_PATH => self.token(body),
            GRAPHQL_PATH => self.graphql(headers, body).await,
            _ => reply(404, &json!({"errorCode": "NOT_FOUND"})),
        }
    }

    fn token(&self, body: &[u8]) -> Outcome {
        if let Some(fault) = due(&mut lock(&self.faults), "", false, true) {
            return before(&fault).unwrap_or(Outcome::Hang);
        }
        let (status, body) = lock(&self.tokens).grant(body);
        reply(status, &body)
    }

    async fn graphql(&self, headers: &HeaderMap, body: &[u8]) -> Outcome {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        if !lock(&self.tokens).accepts(text(header::AUTHORIZATION)) {
            return reply(401, &json!({"errorCode": "UNAUTHORIZED", "errorName": "Default:Unauthorized"}));
        }
        if text(header::CONTENT_TYPE) != Some("application/json") {
            return reply(415, &json!({"errorName": "Default:UnsupportedMediaType"}));
        }
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return reply(400, &json!({"errorCode": "INVALID_ARGUMENT"}));
        };
        let query = body["query"].as_str().unwrap_or_default().to_owned();
        let (operation, mutation) = operation_of(&query);
        let agent = headers.get("fetch-user-agent").and_then(|value| value.to_str().ok()).map(str::to_owned);
        lock(&self.requests).push(Recorded { operation: operation.clone(), body: body.clone(), agent });
        let fault = due(&mut lock(&self.faults), &operation, mutation, false);
        if let Some(outcome) = fault.as_ref().and_then(before) {
            return outcome;
        }
        if !mutation {
            lock(&self.world).tick();
        }
        let variables = async_graphql::Variables::from_json(body.get("variables").cloned().unwrap_or_default());
        let response = self.schema.execute(async_graphql::Request::new(query).variables(variables)).await;
        let mut response = serde_json::to_value(response).unwrap_or_default();
        classify(&mut response);
        match fault {
            Some(Fault::HangAfter) => Outcome::Hang,
            Some(Fault::ResetAfter) => Outcome::Reset,
            Some(Fault::AnswerAfter { status, body }) => Outcome::Reply(status, HeaderMap::new(), Bytes::from(body)),
            Some(Fault::Change(change)) => {
                change(&mut response);
                reply(200, &response)
            }
            _ => reply(200, &response),
        }
    }
}

/// The outcome of a fault that keeps a request from running.
fn before(fault: &Fault) -> Option<Outcome> {
    match fault {
        Fault::Status { status, retry_after, body } => {
            let mut headers = HeaderMap::new();
            if let Some(seconds) = retry_after {
                headers.insert(header::RETRY_AFTER, (*seconds).into());
            }
            Some(Outcome::Reply(*status, headers, Bytes::from(body.clone())))
        }
        Fault::Hang => Some(Outcome::Hang),
        _ => None,
    }
}

fn reply(status: u16, body: &Value) -> Outcome {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    headers.insert("x-request-id", header::HeaderValue::from_static("req-apollo-double"));
    Outcome::Reply(status, headers, Bytes::from(body.to_string()))
}

fn operation_of(query: &str) -> (String, bool) {
    let Ok(document) = async_graphql::parser::parse_query(query) else { return (String::new(), false) };
    match &document.operations {
        DocumentOperations::Single(operation) => (String::new(), operation.node.ty == OperationType::Mutation),
        DocumentOperations::Multiple(operations) => operations.iter().next().map_or_else(
            || (String::new(), false),
            |(name, operation)| (name.to_string(), operation.node.ty == OperationType::Mutation),
        ),
    }
}

/// An error without a path comes from validation: nothing ran.
fn classify(response: &mut Value) {
    let Some(errors) = response.get_mut("errors").and_then(Value::as_array_mut) else { return };
    for error in errors {
        if error.get("path").and_then(Value::as_array).is_none_or(Vec::is_empty) {
            error["extensions"] = json!({"classification": "ValidationError"});
        }
    }
}

pub(crate) fn router(shared: Arc<Shared>, registry: Answers) -> Router {
    let charts = {
        let shared = Arc::clone(&shared);
        any(move |request: Request<Body>| charts(shared.clone(), registry.clone(), request))
    };
    Router::new()
        .route(TOKEN_PATH, post(over_http))
        .route(GRAPHQL_PATH, post(over_http))
        .with_state(shared)
        .route("/v2/", charts.clone())
        .route("/v2/{*below}", charts)
}

/// The registry at Apollo's own host: it takes Apollo's token as it is, and sends nobody for another one.
async fn charts(shared: Arc<Shared>, registry: Answers, request: Request<Body>) -> Response<Body> {
    let sent = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if !lock(&shared.tokens).accepts(sent) {
        let mut refused = Response::new(Body::from("{\"errors\":[{\"code\":\"UNAUTHORIZED\"}]}"));
        *refused.status_mut() = http::StatusCode::UNAUTHORIZED;
        return refused;
    }
    match registry.to(request).await {
        Ok(reply) => reply.map(Body::new),
        Err(dropped) => {
            let broken = futures_util::stream::iter([Err::<Bytes, _>(std::io::Error::other(dropped.to_string()))]);
            Response::new(Body::from_stream(broken))
        }
    }
}

async fn over_http(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, 64 * 1024 * 1024).await else { return Response::default() };
    match shared.answer(head.uri.path(), &head.headers, &body).await {
        Outcome::Reply(status, headers, body) => {
            let mut response = Response::new(Body::from(body));
            *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
            *response.headers_mut() = headers;
            response
        }
        Outcome::Hang => std::future::pending().await,
        Outcome::Reset => {
            let broken = futures_util::stream::iter([Err::<Bytes, _>(std::io::Error::other("reset on request"))]);
            Response::new(Body::from_stream(broken))
        }
    }
}

/// The way to the double without sockets.
pub(crate) struct InProcess(pub(crate) Arc<Shared>);

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InProcess")
    }
}

#[async_trait]
impl Transport for InProcess {
    async fn send(&self, request: Request<Bytes>) -> cube_sdk_core::Result<Answer> {
        let (head, body) = request.into_parts();
        match self.0.answer(head.uri.path(), &head.headers, &body).await {
            Outcome::Reply(status, headers, body) => {
                let mut answer = Response::new(cube_sdk_core::transport::Body::from(body));
                *answer.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
                *answer.headers_mut() = headers;
                Ok(answer)
            }
            Outcome::Hang => std::future::pending().await,
            Outcome::Reset => Err(Error::new(ErrorKind::Transport, "the connection was reset")),
        }
    }
}
