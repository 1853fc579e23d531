#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderValue, Method, header as headers};
use secrecy::SecretString;
use serde_json::json;
use url::Url;
use wiremock::matchers::{body_json, header, header_exists, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::credentials::{CachedCredentials, ClientCredentials, FileKey, FixedKey};
use crate::operation::{Idempotency, Operation};
use crate::redact::Hidden;
use crate::retry::{Backoff, RetryBudget, RetryPolicy};
use crate::transport::{Body, HttpClient, Transport, Upload};

const READ: Operation = Operation::new("test", "read", Idempotency::Read);
const ONCE: Operation = Operation::new("test", "once", Idempotency::Once);

fn quick() -> Retrier {
    let backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(2));
    Retrier::new(
        RetryPolicy::default().backoff(backoff).throttle_backoff(backoff).patience(Duration::from_millis(50)),
        RetryBudget::default(),
    )
}

fn engine() -> EngineBuilder {
    Engine::builder(Arc::new(HttpClient::builder().no_proxy().build())).retrier(quick())
}

fn url(server: &MockServer, path: &str) -> Url {
    format!("{}{path}", server.uri()).parse().unwrap()
}

async fn answer(server: &MockServer, template: ResponseTemplate, times: u64) {
    Mock::given(path("/x")).respond_with(template).up_to_n_times(times).mount(server).await;
}

#[tokio::test]
async fn a_read_is_repeated_after_503_and_a_write_is_not() {
    let server = MockServer::start().await;
    answer(&server, ResponseTemplate::new(503).insert_header("x-request-id", "r1"), 2).await;
    answer(&server, ResponseTemplate::new(200).set_body_json(json!({"n": 1})), 1).await;
    let value: serde_json::Value =
        engine().build().json(&Call::new(READ, Method::GET, url(&server, "/x"))).await.unwrap();
    assert_eq!(value, json!({"n": 1}));

    answer(&server, ResponseTemplate::new(503).insert_header("x-request-id", "r2"), 9).await;
    let call = Call::new(ONCE, Method::POST, url(&server, "/x")).json(&json!({"a": 1})).unwrap();
    let error = engine().build().run(&call).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.request_id(), Some("r2"));
    assert_eq!(error.retry().attempts, 1);
    assert_eq!(error.sent(), Sent::Yes);
    assert_eq!(error.target(), Some(url(&server, "/x").as_str()));
}

#[tokio::test]
async fn a_write_is_repeated_after_429_because_nothing_ran() {
    let server = MockServer::start().await;
    answer(&server, ResponseTemplate::new(429).insert_header("retry-after", "0"), 1).await;
    Mock::given(method("POST"))
        .and(body_json(json!({"a": 1})))
        .respond_with(ResponseTemplate::new(204))
        .mount(&server)
        .await;
    let call = Call::new(ONCE, Method::POST, url(&server, "/x")).json(&json!({"a": 1})).unwrap();
    assert_eq!(engine().build().run(&call).await.unwrap().status, 204);
}

#[tokio::test]
async fn nothing_listening_is_connect_for_writes_too() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let call = Call::new(ONCE, Method::POST, format!("http://127.0.0.1:{port}/x").parse().unwrap());
    let error = engine().build().run(&call).await.unwrap_err();
    assert_eq!((error.kind(), error.sent(), error.retry().attempts), (ErrorKind::Connect, Sent::No, 4));
}

#[tokio::test]
async fn a_reply_past_the_cap_and_a_reply_that_is_not_json() {
    let server = MockServer::start().await;
    answer(&server, ResponseTemplate::new(200).set_body_string("x".repeat(2_000)), 9).await;
    let call = Call::new(READ, Method::GET, url(&server, "/x"));
    let error = engine().response_cap(1_000).build().run(&call).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    let error = engine().build().json::<u32>(&call).await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Decode, Some(READ)));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let server = MockServer::start().await;
    answer(&server, ResponseTemplate::new(302).insert_header("location", "http://127.0.0.1:1/"), 9).await;
    let call = Call::new(READ, Method::GET, url(&server, "/x"));
    assert_eq!(engine().build().run(&call).await.unwrap_err().kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn clocks_are_named() {
    let server = MockServer::start().await;
    answer(&server, ResponseTemplate::new(200).set_delay(Duration::from_secs(5)), 9).await;
    let clocks = Clocks { first_byte: Duration::from_millis(20), ..Clocks::default() };
    let call = Call::new(ONCE, Method::POST, url(&server, "/x")).clocks(clocks);
    let error = engine().build().run(&call).await.unwrap_err();
    assert_eq!((error.kind(), error.clock()), (ErrorKind::Timeout, Some(WhichClock::FirstByte)));
}

/// Sends the head and one chunk, then nothing.
#[derive(Debug)]
struct Stalls;

#[async_trait]
impl Transport for Stalls {
    async fn send(&self, _: http::Request<Bytes>) -> Result<Answer> {
        let chunks = futures_util::stream::iter([Ok(Bytes::from_static(b"x"))]).chain(futures_util::stream::pending());
        Ok(http::Response::new(Body::from_stream(chunks)))
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_ends_by_the_idle_clock() {
    let engine = Engine::builder(Arc::new(Stalls)).retrier(Retrier::never()).build();
    let error = engine.run(&Call::new(READ, Method::GET, "http://h/x".parse().unwrap())).await.unwrap_err();
    assert_eq!((error.kind(), error.clock()), (ErrorKind::Timeout, Some(WhichClock::Idle)));
}

#[tokio::test]
async fn a_key_file_that_was_rotated_is_read_again_and_the_call_replayed_once() {
    let server = MockServer::start().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("key");
    std::fs::write(&file, "old\n").unwrap();
    let rotate = file.clone();
    Mock::given(header("authorization", "Bearer old"))
        .respond_with(move |_: &wiremock::Request| {
            std::fs::write(&rotate, "new\n").unwrap();
            ResponseTemplate::new(401)
        })
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(header("authorization", "Bearer new"))
        .respond_with(ResponseTemplate::new(200))
        .expect(1)
        .mount(&server)
        .await;
    let engine = engine().credentials(Arc::new(FileKey::new(&file))).build();
    engine.run(&Call::new(ONCE, Method::POST, url(&server, "/x"))).await.unwrap();
}

#[tokio::test]
async fn a_fixed_key_is_not_replayed() {
    let server = MockServer::start().await;
    Mock::given(header_exists("authorization")).respond_with(ResponseTemplate::new(401)).expect(1).mount(&server).await;
    let key = FixedKey::new(&SecretString::from("k")).unwrap();
    let error = engine()
        .credentials(Arc::new(key))
        .build()
        .run(&Call::new(READ, Method::GET, url(&server, "/x")))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
}

async fn oauth(server: &MockServer) -> CachedCredentials<ClientCredentials> {
    ClientCredentials::builder(url(server, "/token"), "id", SecretString::from("s"))
        .build(Arc::new(HttpClient::builder().no_proxy().build()))
}

#[tokio::test]
async fn oauth_fetches_once_for_many_calls_and_replays_after_401() {
    let server = MockServer::start().await;
    let tokens = AtomicU32::new(0);
    Mock::given(path("/token"))
        .and(header("authorization", "Basic aWQ6cw=="))
        .respond_with(move |_: &wiremock::Request| {
            let n = tokens.fetch_add(1, Ordering::Relaxed);
            ResponseTemplate::new(200)
                .set_body_json(json!({"access_token": format!("t{n}"), "token_type": "bearer", "expires_in": 3600}))
                .set_delay(Duration::from_millis(20))
        })
        .expect(2)
        .mount(&server)
        .await;
    Mock::given(path("/x"))
        .and(header("authorization", "Bearer t0"))
        .respond_with(ResponseTemplate::new(200))
        .up_to_n_times(8)
        .mount(&server)
        .await;
    Mock::given(path("/x"))
        .and(header("authorization", "Bearer t0"))
        .respond_with(ResponseTemplate::new(401))
        .mount(&server)
        .await;
    Mock::given(path("/x"))
        .and(header("authorization", "Bearer t1"))
        .respond_with(ResponseTemplate::new(200))
        .mount(&server)
        .await;
    let engine = engine().credentials(Arc::new(oauth(&server).await)).build();
    let call = Call::new(READ, Method::GET, url(&server, "/x"));
    for outcome in futures_util::future::join_all((0..8).map(|_| engine.run(&call))).await {
        outcome.unwrap();
    }
    engine.run(&call).await.unwrap();
}

#[tokio::test]
async fn a_refused_client_is_final_and_an_unavailable_endpoint_is_waited_out() {
    let server = MockServer::start().await;
    Mock::given(path("/token"))
        .respond_with(ResponseTemplate::new(401).set_body_json(json!({"error": "invalid_client"})))
        .up_to_n_times(1)
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(path("/token"))
        .respond_with(ResponseTemplate::new(503))
        .up_to_n_times(5)
        .expect(5)
        .mount(&server)
        .await;
    Mock::given(path("/token"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"access_token": "t"})))
        .mount(&server)
        .await;
    answer(&server, ResponseTemplate::new(204), 1).await;
    let (pause, wait) = (Duration::from_millis(1), Backoff::new(Duration::from_millis(1), Duration::from_millis(2)));
    let patient = Retrier::new(RetryPolicy::default().throttle_backoff(wait), RetryBudget::default());
    let credentials = oauth(&server).await.pause(pause);
    let engine = engine().retrier(patient).credentials(Arc::new(credentials)).build();
    let call = Call::new(ONCE, Method::POST, url(&server, "/x"));
    let error = engine.run(&call).await.unwrap_err();
    assert_eq!((error.kind(), error.code(), error.sent()), (ErrorKind::Credentials, Some("invalid_client"), Sent::No));
    assert_eq!(error.retry().attempts, 1);
    tokio::time::sleep(2 * pause).await;
    assert_eq!(engine.run(&call).await.unwrap().status, 204);
}

#[derive(Debug)]
struct Counts(AtomicU32);

#[async_trait]
impl Middleware for Counts {
    async fn handle(&self, attempt: Attempt, mut request: http::Request<Bytes>, next: Next<'_>) -> Result<Answer> {
        self.0.fetch_max(attempt.number, Ordering::Relaxed);
        request.headers_mut().insert("x-seen", HeaderValue::from_static("yes"));
        next.run(attempt, request).await
    }
}

#[tokio::test]
async fn a_middleware_stands_around_each_attempt() {
    let server = MockServer::start().await;
    answer(&server, ResponseTemplate::new(502), 1).await;
    Mock::given(header("x-seen", "yes")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let counts = Arc::new(Counts(AtomicU32::new(0)));
    engine().middleware(counts.clone()).build().run(&Call::new(READ, Method::GET, url(&server, "/x"))).await.unwrap();
    assert_eq!(counts.0.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn an_opened_answer_has_what_any_call_has() {
    let server = MockServer::start().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("key");
    std::fs::write(&file, "old").unwrap();
    let rotate = file.clone();
    let refuse = move |_: &wiremock::Request| {
        std::fs::write(&rotate, "new").unwrap();
        ResponseTemplate::new(401)
    };
    Mock::given(header("authorization", "Bearer old")).respond_with(refuse).expect(1).mount(&server).await;
    Mock::given(header("authorization", "Bearer new"))
        .and(header("x-seen", "yes"))
        .respond_with(ResponseTemplate::new(503))
        .up_to_n_times(1)
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(header("authorization", "Bearer new"))
        .respond_with(ResponseTemplate::new(200).set_body_string("bytes"))
        .expect(1)
        .mount(&server)
        .await;
    let counts = Arc::new(Counts(AtomicU32::new(0)));
    let engine = engine().credentials(Arc::new(FileKey::new(&file))).middleware(counts).build();
    let opened = engine.open(&Call::new(READ, Method::GET, url(&server, "/x"))).await.unwrap();
    assert_eq!(opened.content_length(), Some(5));
    assert_eq!(opened.bytes(5).await.unwrap(), "bytes");
}

#[tokio::test]
async fn a_refusal_of_an_opened_call_is_read_and_classified() {
    let server = MockServer::start().await;
    answer(&server, ResponseTemplate::new(404).set_body_string("no such thing"), 9).await;
    let error = engine().build().open(&Call::new(READ, Method::GET, url(&server, "/x"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.message().contains("no such thing"), "{error}");
}

#[tokio::test]
async fn one_redirect_is_followed_when_asked_and_carries_no_credentials() {
    let server = MockServer::start().await;
    let to = url(&server, "/y?proof=1");
    answer(&server, ResponseTemplate::new(302).insert_header("location", to.as_str()), 9).await;
    Mock::given(path("/y"))
        .respond_with(|request: &wiremock::Request| {
            let status = if request.headers.contains_key("authorization") { 400 } else { 200 };
            ResponseTemplate::new(status).set_body_string("bytes")
        })
        .mount(&server)
        .await;
    let key = Arc::new(FixedKey::new(&SecretString::from("k")).unwrap());
    let engine = engine().credentials(key).build();
    let call = Call::new(READ, Method::GET, url(&server, "/x"));
    assert_eq!(engine.open(&call).await.unwrap_err().kind(), ErrorKind::Protocol);
    assert_eq!(engine.open(&call.follow_redirect()).await.unwrap().bytes(9).await.unwrap(), "bytes");

    for location in ["file:///etc/passwd", "", "http://user:pw@h/"] {
        let server = MockServer::start().await;
        answer(&server, ResponseTemplate::new(302).insert_header("location", location), 9).await;
        let call = Call::new(READ, Method::GET, url(&server, "/x")).follow_redirect();
        assert_eq!(engine.open(&call).await.unwrap_err().kind(), ErrorKind::Protocol, "{location}");
    }
}

/// Promises more bytes than it sends.
#[derive(Debug)]
struct Short;

#[async_trait]
impl Transport for Short {
    async fn send(&self, _: http::Request<Bytes>) -> Result<Answer> {
        let mut answer = http::Response::new(Body::from(Bytes::from_static(b"x")));
        answer.headers_mut().insert("content-length", HeaderValue::from_static("2"));
        Ok(answer)
    }
}

#[tokio::test(start_paused = true)]
async fn an_opened_body_that_stalls_or_ends_early_is_an_error() {
    let call = Call::new(READ, Method::GET, "http://h/x".parse().unwrap());
    let opened = Engine::builder(Arc::new(Stalls)).build().open(&call).await.unwrap();
    let error = opened.bytes(9).await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Timeout, Some(READ)));
    let opened = Engine::builder(Arc::new(Short)).build().open(&call).await.unwrap();
    assert_eq!(opened.bytes(9).await.unwrap_err().kind(), ErrorKind::Integrity);
    let mut opened = Engine::builder(Arc::new(Short)).build().open(&call).await.unwrap();
    assert!(opened.next().await.unwrap().is_ok() && opened.next().await.unwrap().is_err());
    assert!(opened.next().await.is_none());
}

#[test]
fn debug_shows_no_body_and_no_header_value() {
    let call = Call::new(ONCE, Method::POST, "http://h/x?token=canary".parse().unwrap())
        .header(headers::COOKIE, HeaderValue::from_static("canary"))
        .json(&json!({"password": "canary"}))
        .unwrap();
    assert!(!format!("{call:?}").contains("canary"), "{call:?}");
    let reply = Reply {
        status: http::StatusCode::OK,
        headers: call.request(None).unwrap().headers().clone(),
        body: Bytes::from_static(b"canary"),
        hidden: Hidden::default(),
    };
    assert!(!format!("{reply:?}").contains("canary"), "{reply:?}");
}

fn file_of(chunks: usize) -> Upload {
    Upload::new(chunks as u64 * 3, move || {
        Box::pin(futures_util::stream::iter((0..chunks).map(|_| Ok(Bytes::from_static(b"abc")))))
    })
}

#[tokio::test]
async fn an_upload_goes_out_with_its_length_and_from_its_start_in_each_attempt() {
    let server = MockServer::start().await;
    answer(&server, ResponseTemplate::new(503), 1).await;
    Mock::given(method("PUT"))
        .and(header("content-length", "300"))
        .respond_with(|request: &wiremock::Request| {
            assert_eq!(request.body, b"abc".repeat(100));
            ResponseTemplate::new(201)
        })
        .expect(1)
        .mount(&server)
        .await;
    const PUT: Operation = Operation::new("test", "put", Idempotency::Repeatable);
    let call = Call::new(PUT, Method::PUT, url(&server, "/x")).upload(file_of(100));
    assert_eq!(engine().build().run(&call).await.unwrap().status, 201);
}

#[tokio::test]
async fn an_upload_that_cannot_be_read_is_its_own_error() {
    let server = MockServer::start().await;
    Mock::given(method("PUT")).respond_with(ResponseTemplate::new(201)).mount(&server).await;
    let broken = Upload::new(6, || {
        let read = Err(Error::io("reading chart.tgz", std::io::Error::other("the disk is gone")));
        Box::pin(futures_util::stream::iter([Ok(Bytes::from_static(b"abc")), read]))
    });
    let call = Call::new(ONCE, Method::PUT, url(&server, "/x")).upload(broken);
    let error = engine().build().run(&call).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Io, "reading chart.tgz"));
    let short = Upload::new(9, || Box::pin(futures_util::stream::iter([Ok(Bytes::from_static(b"abc"))])));
    let call = Call::new(ONCE, Method::PUT, url(&server, "/x")).upload(short);
    assert_eq!(engine().build().run(&call).await.unwrap_err().kind(), ErrorKind::Transport);
}

/// Takes an upload, a chunk each four seconds, then answers.
#[derive(Debug)]
struct Slow;

#[async_trait]
impl Transport for Slow {
    async fn send(&self, request: http::Request<Bytes>) -> Result<Answer> {
        let upload = request.extensions().get::<Upload>().unwrap().clone();
        let mut chunks = std::pin::pin!(upload.chunks());
        while chunks.next().await.is_some() {
            tokio::time::sleep(Duration::from_secs(4)).await;
        }
        tokio::time::sleep(Duration::from_secs(upload.length())).await;
        Ok(http::Response::new(Body::from(Bytes::new())))
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_byte_clock_stands_while_an_upload_moves() {
    let engine = Engine::builder(Arc::new(Slow)).retrier(Retrier::never()).build();
    let clocks = Clocks { first_byte: Duration::from_secs(5), ..Clocks::default() };
    let call =
        |chunks| Call::new(ONCE, Method::PUT, "http://h/x".parse().unwrap()).upload(file_of(chunks)).clocks(clocks);
    engine.run(&call(1)).await.unwrap();
    // 2 chunks: 8 s of sending, then 6 s of silence.
    let error = engine.run(&call(2)).await.unwrap_err();
    assert_eq!((error.kind(), error.clock()), (ErrorKind::Timeout, Some(WhichClock::FirstByte)));
}
