//! A small service with a key.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{any, get};
use axum::{Extension, Router};
use cube_sdk_server::listener::{Limits, Listener, Peer, Stalled};
use futures_util::{StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// Longer than any test lasts.
pub const NEVER: Duration = Duration::from_secs(600);

/// No limit matters.
pub fn lenient() -> Limits {
    Limits::default().head(NEVER).idle(NEVER).body(NEVER, 1).answer(NEVER).connections(1000).per_client(1000)
}

/// `/` reads the body if there is a key, `/large` answers a lot, `/slow` thinks, `/drops` says a word a second, `/stays`
/// says one and goes on for ever.
pub async fn serve(limits: Limits) -> Listener {
    let router = Router::new()
        .route("/", any(root))
        .route("/large", get(|| async { Bytes::from(vec![0_u8; 64 << 20]) }))
        .route("/slow", get(slow))
        .route("/drops", get(drops))
        .route("/stays", get(stays));
    Listener::bind_with(([127, 0, 0, 1], 0).into(), router, limits).await.unwrap()
}

async fn root(Extension(peer): Extension<Peer>, headers: HeaderMap, body: Body) -> (StatusCode, &'static str) {
    if headers.get("authorization").is_none_or(|key| key != "Bearer good") {
        return (StatusCode::UNAUTHORIZED, "who?");
    }
    peer.vouch();
    match axum::body::to_bytes(body, 1 << 20).await {
        Ok(_) => (StatusCode::OK, "well"),
        Err(error) if Stalled::caused(&error) => (StatusCode::REQUEST_TIMEOUT, "the body did not come on"),
        Err(_) => (StatusCode::BAD_REQUEST, "broken"),
    }
}

async fn slow(Extension(peer): Extension<Peer>) -> &'static str {
    peer.vouch();
    tokio::time::sleep(Duration::from_secs(2)).await;
    "at last"
}

async fn stays(Extension(peer): Extension<Peer>) -> Body {
    peer.vouch();
    let word = stream::iter([Ok::<_, std::io::Error>(Bytes::from("well"))]);
    Body::from_stream(word.chain(stream::pending()))
}

async fn drops() -> Body {
    Body::from_stream(stream::unfold(0, |said| async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        (said < 3).then_some((Ok::<_, std::io::Error>(Bytes::from("drop ")), said + 1))
    }))
}

/// A paused clock that moves when the test says so. By itself tokio moves one whenever a runtime has nothing to do, and bytes
/// on their way from socket to socket look like nothing to do; a blocking task that has not ended keeps it from that.
pub struct HeldClock {
    _until: std::sync::mpsc::Sender<()>,
}

impl HeldClock {
    pub fn hold() -> Self {
        let (until, ended) = std::sync::mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || ended.recv());
        Self { _until: until }
    }

    /// Lets what is under way come, then moves the clock.
    pub async fn pass(&self, time: Duration) {
        tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(5))).await.unwrap();
        tokio::time::advance(time).await;
    }
}

pub async fn connect(listener: &Listener) -> TcpStream {
    TcpStream::connect(listener.address()).await.unwrap()
}

/// A connection from another address of this host.
#[cfg(target_os = "linux")]
pub async fn connect_from(last: u8, listener: &Listener) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, last], 0))).unwrap();
    socket.connect(listener.address()).await.unwrap()
}

pub fn request(method: &str, path: &str, key: bool, rest: &str) -> Vec<u8> {
    let key = if key { "Authorization: Bearer good\r\n" } else { "" };
    format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{key}{rest}\r\n").into_bytes()
}

/// Sends a request with a key and waits for its answer; the connection stays.
pub async fn known(stream: &mut TcpStream) -> std::io::Result<()> {
    asked(stream, "/").await
}

/// Sends a request with a key and waits for the word `well`.
pub async fn asked(stream: &mut TcpStream, path: &str) -> std::io::Result<()> {
    stream.write_all(&request("GET", path, true, "")).await?;
    let mut seen = Vec::new();
    while !seen.windows(4).any(|word| word == b"well") {
        if stream.read_buf(&mut seen).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

/// Everything until the server closes, which it must.
pub async fn until_closed(stream: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(120), async {
        // A reset is an end, too.
        while stream.read_buf(&mut seen).await.is_ok_and(|count| count > 0) {}
    });
    read.await.expect("the server did not close the connection");
    String::from_utf8_lossy(&seen).into_owned()
}

/// Waits until so many connections are left.
pub async fn left(listener: &Listener, count: usize) {
    let wait = async {
        while listener.connections() != count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(120), wait).await;
    waited.unwrap_or_else(|_| panic!("{} connections are left, not {count}", listener.connections()));
}
