#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

async fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await?;
    Ok(reply)
}

#[tokio::test]
async fn an_answer_in_progress_is_finished_and_the_port_is_closed() {
    let (started, mut waiting) = tokio::sync::mpsc::channel(1);
    let (release, held) = watch::channel(false);
    let router = Router::new().route(
        "/",
        get(move || async move {
            started.send(()).await.unwrap();
            held.clone().wait_for(|go| *go).await.unwrap();
            "done"
        }),
    );
    let listener = Listener::bind(([127, 0, 0, 1], 0).into(), router).await.unwrap();
    let address = listener.address();
    let asked = tokio::spawn(ask(address));
    waiting.recv().await.unwrap();
    let stopping = tokio::spawn(listener.shutdown(Duration::from_secs(5)));
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    release.send_replace(true);
    assert!(asked.await.unwrap().unwrap().ends_with("done"));
    stopping.await.unwrap();
}

#[tokio::test]
async fn dropping_closes_open_connections() {
    let router = Router::new().route("/", get(std::future::pending::<&str>));
    let listener = Listener::bind(([127, 0, 0, 1], 0).into(), router).await.unwrap();
    let asked = tokio::spawn(ask(listener.address()));
    tokio::task::yield_now().await;
    drop(listener);
    assert!(asked.await.unwrap().map_or(true, |reply| reply.is_empty()));
}
