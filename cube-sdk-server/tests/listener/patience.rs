//! What is slow and comes on is served, however long it takes. Where the test waits, the clock is held: no machine is too
//! slow for it.

use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use cube_sdk_server::listener::Listener;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::served::{HeldClock, connect, known, left, lenient, request, serve, until_closed};

#[tokio::test(start_paused = true)]
async fn a_body_that_comes_on_may_take_longer_than_its_limit() {
    let clock = HeldClock::hold();
    let listener = serve(lenient().body(Duration::from_secs(4), 10)).await;
    let mut stream = connect(&listener).await;
    let head = request("POST", "/", true, "Connection: close\r\nContent-Length: 100\r\n");
    stream.write_all(&head).await.unwrap();
    for _ in 0..10 {
        clock.pass(Duration::from_millis(450)).await;
        stream.write_all(&[b'x'; 10]).await.unwrap();
    }
    assert!(until_closed(&mut stream).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn an_answer_may_be_thought_about_and_silent() {
    let short = Duration::from_millis(300);
    let listener = serve(lenient().idle(short).body(short, 1000).answer(short)).await;
    for (path, words) in [("/slow", "at last"), ("/drops", "drop ")] {
        let mut stream = connect(&listener).await;
        stream.write_all(&request("GET", path, true, "Connection: close\r\n")).await.unwrap();
        let seen = until_closed(&mut stream).await;
        assert!(seen.starts_with("HTTP/1.1 200") && seen.contains(words), "{seen}");
        assert_eq!(seen.matches("drop ").count(), if path == "/drops" { 3 } else { 0 });
    }
}

#[tokio::test(start_paused = true)]
async fn a_large_answer_that_is_taken_slowly_comes_whole() {
    let clock = HeldClock::hold();
    let listener = serve(lenient().answer(Duration::from_secs(4)).idle(Duration::from_secs(4))).await;
    let mut stream = connect(&listener).await;
    stream.write_all(&request("GET", "/large", true, "Connection: close\r\n")).await.unwrap();
    let (mut seen, mut piece, mut slow) = (0, vec![0; 2 << 20], 0);
    loop {
        match stream.read(&mut piece).await.unwrap() {
            0 => break,
            count => seen += count,
        }
        if slow < 24 {
            slow += 1;
            clock.pass(Duration::from_millis(250)).await;
        }
    }
    assert!(seen > 64 << 20 && slow == 24, "{seen} {slow}");
}

/// Says everything twice.
async fn echo(request: Request) -> impl IntoResponse {
    tokio::spawn(async move {
        let Ok(upgraded) = hyper::upgrade::on(request).await else { return };
        let mut io = TokioIo::new(upgraded);
        let mut word = [0; 4];
        while io.read_exact(&mut word).await.is_ok() {
            io.write_all(&word).await.unwrap();
            io.flush().await.unwrap();
        }
    });
    (StatusCode::SWITCHING_PROTOCOLS, [(header::UPGRADE, "echo"), (header::CONNECTION, "upgrade")])
}

#[tokio::test]
async fn an_upgraded_connection_has_a_seat_and_no_limit_until_the_listener_ends() {
    let short = Duration::from_millis(300);
    let router = Router::new().route("/echo", get(echo));
    let limits = lenient().idle(short).answer(short).connections(1);
    let listener = Listener::bind_with(([127, 0, 0, 1], 0).into(), router, limits).await.unwrap();
    let mut stream = connect(&listener).await;
    stream.write_all(&request("GET", "/echo", true, "Connection: upgrade\r\nUpgrade: echo\r\n")).await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        assert!(stream.read_buf(&mut seen).await.unwrap() > 0);
    }
    tokio::time::sleep(short * 3).await;
    // It is not closed for another either.
    let mut other = connect(&listener).await;
    until_closed(&mut other).await;
    stream.write_all(b"ping").await.unwrap();
    let mut word = [0; 4];
    stream.read_exact(&mut word).await.unwrap();
    assert_eq!(&word, b"ping");
    assert_eq!(listener.connections(), 1);
    listener.shutdown(Duration::from_secs(1)).await;
    until_closed(&mut stream).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_used_now_and_then_stays() {
    let clock = HeldClock::hold();
    let listener = serve(lenient().idle(Duration::from_secs(4)).head(Duration::from_secs(4))).await;
    let mut stream = connect(&listener).await;
    for _ in 0..10 {
        known(&mut stream).await.unwrap();
        clock.pass(Duration::from_millis(450)).await;
    }
    assert_eq!(listener.connections(), 1);
    drop((stream, clock));
    left(&listener, 0).await;
}
