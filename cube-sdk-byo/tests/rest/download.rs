//! Downloads: chunks, redirects, broken bodies.

use cube_sdk_byo::EdgeGate;
use cube_sdk_byo::rest::Download;
use cube_sdk_core::{ErrorKind, Result};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

use crate::fixtures::*;

const AT: &str =
    "/v1/workspaces/0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11/artifacts/7be0f4a2-54f5-4a36-9d0e-0c7e0b9d3c77/download";

async fn start(edgegate: &EdgeGate) -> Result<Download> {
    workspace(edgegate).artifacts().download(ARTIFACT).await
}

#[tokio::test]
async fn bytes_come_whole() {
    let (server, edgegate) = served().await;
    let bytes: Vec<u8> = (0..100_000_u32).map(|n| n as u8).collect();
    let answer = ResponseTemplate::new(200).set_body_bytes(bytes.clone());
    Mock::given(method("GET")).and(path(AT)).respond_with(answer).mount(&server).await;
    let download = start(&edgegate).await.unwrap();
    assert_eq!(download.content_length(), Some(100_000));
    assert_eq!(download.bytes(100_000).await.unwrap(), bytes);
    let error = start(&edgegate).await.unwrap().bytes(99_999).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let request = &server.received_requests().await.unwrap()[0];
    assert_eq!(request.headers["authorization"], format!("Bearer {KEY}").as_str());
}

#[tokio::test]
async fn a_redirect_is_followed_without_the_key() {
    let (server, edgegate) = served().await;
    let (store, _) = served().await;
    let to = format!("{}/object?X-Amz-Signature=s3cr3t", store.uri());
    let answer = ResponseTemplate::new(307).insert_header("location", to.as_str());
    Mock::given(path(AT)).respond_with(answer).mount(&server).await;
    Mock::given(path("/object")).respond_with(ResponseTemplate::new(200).set_body_bytes("model")).mount(&store).await;
    assert_eq!(start(&edgegate).await.unwrap().bytes(10).await.unwrap(), "model");
    let asked = &store.received_requests().await.unwrap()[0];
    assert!(!asked.headers.contains_key("authorization"));
    assert_eq!(asked.url.query(), Some("X-Amz-Signature=s3cr3t"));
}

#[tokio::test]
async fn odd_redirects_are_refused() {
    for location in [None, Some("ftp://h/x"), Some("https://user:pw@h/x"), Some("::")] {
        let (server, edgegate) = served().await;
        let answer = ResponseTemplate::new(302);
        let answer = match location {
            Some(to) => answer.insert_header("location", to),
            None => answer,
        };
        Mock::given(path(AT)).respond_with(answer).mount(&server).await;
        // `::` is a relative reference: it is asked on the same host, and answered with 404 there.
        let error = start(&edgegate).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Protocol | ErrorKind::NotFound), "{location:?}: {error}");
        assert!(!format!("{error:?}").contains("pw@"), "{error:?}");
    }
}

#[tokio::test]
async fn refusals_are_typed_and_faults_repeated() {
    let (server, edgegate) = served().await;
    let answer = ResponseTemplate::new(404).set_body_json(json!({"detail": "no such artifact"}));
    Mock::given(path(AT)).respond_with(answer).mount(&server).await;
    let error = start(&edgegate).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::NotFound, "no such artifact"));
    assert_eq!(error.operation().unwrap().name(), "download_artifact");
    assert!(error.target().unwrap().ends_with("/download"));
    let (server, edgegate) = served().await;
    Mock::given(path(AT)).respond_with(ResponseTemplate::new(503)).up_to_n_times(1).mount(&server).await;
    Mock::given(path(AT)).respond_with(ResponseTemplate::new(200).set_body_bytes("ok")).mount(&server).await;
    assert_eq!(start(&edgegate).await.unwrap().bytes(2).await.unwrap(), "ok");
}

#[tokio::test]
async fn a_short_body_is_never_a_success() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _ = socket.read(&mut request).await.unwrap();
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await.unwrap();
    });
    let edgegate = EdgeGate::builder().base_url(base).api_key(KEY.into()).build().unwrap();
    let error = start(&edgegate).await.unwrap().bytes(100).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Transport | ErrorKind::Integrity), "{error}");
    assert_eq!(error.operation().unwrap().name(), "download_artifact");
    server.await.unwrap();
}
