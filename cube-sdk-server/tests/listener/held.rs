//! Every kind of connection that holds the server up is closed by its own limit, and by that alone.

use std::time::Duration;

use cube_sdk_server::listener::{Limits, Listener};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::bytes;
use crate::served::{connect, left, lenient, request, serve, until_closed};

const SHORT: Duration = Duration::from_millis(300);

/// Sends the bytes, goes on with `more` every now and then, and is closed in the end; what it was answered.
async fn closed(listener: &Listener, first: &[u8], more: &[u8]) -> String {
    let mut stream = connect(listener).await;
    stream.write_all(first).await.unwrap();
    let (mut reads, mut writes) = stream.into_split();
    let insists = async {
        // Until the server has gone.
        while more.is_empty() || writes.write_all(more).await.is_ok() {
            tokio::time::sleep(SHORT / 10).await;
        }
        std::future::pending::<()>().await;
    };
    let mut seen = Vec::new();
    let ends = async { while tokio::io::AsyncReadExt::read_buf(&mut reads, &mut seen).await.is_ok_and(|n| n > 0) {} };
    tokio::select! {
        () = ends => {}
        () = insists => {}
        () = tokio::time::sleep(Duration::from_secs(120)) => panic!("the server did not close the connection"),
    }
    drop((reads, writes));
    left(listener, 0).await;
    String::from_utf8_lossy(&seen).into_owned()
}

#[tokio::test]
async fn without_a_whole_first_head() {
    let listener = serve(lenient().head(SHORT)).await;
    let pinging = [bytes::hello(None), bytes::ping()].concat();
    let unfinished = [bytes::hello(None), bytes::unfinished(1)].concat();
    let kinds: [(&str, &[u8], &[u8]); 9] = [
        ("silent", b"", b""),
        ("one byte, which may be of either version", b"P", b""),
        ("a part of the preface", &bytes::PREFACE[..20], b""),
        ("the preface alone", bytes::PREFACE, b""),
        ("HTTP/2 without a request", &bytes::hello(None), b""),
        ("HTTP/2 with nothing but PING", &pinging, &bytes::ping()),
        ("an unfinished head over HTTP/2", &unfinished, b""),
        ("an unfinished head", b"GET / HTTP/1.1\r\nHost: x\r\n", b""),
        ("a head that never ends", b"GET / HTTP/1.1\r\nHost: x\r\n", b"A: b\r\n"),
    ];
    for (kind, first, more) in kinds {
        let seen = closed(&listener, first, more).await;
        assert!(!seen.contains("HTTP/1.1 200"), "{kind}: {seen}");
    }
}

#[tokio::test]
async fn without_a_next_request() {
    let listener = serve(lenient().idle(SHORT)).await;
    let get = request("GET", "/", true, "");
    let pinging = [bytes::hello(None), bytes::get(1)].concat();
    let (next, two) = ([&get[..], b"GET / HT"].concat(), [&get[..], &get].concat());
    let kinds: [(&str, &[u8], &[u8], usize); 5] = [
        ("nothing", &get, b"", 1),
        ("an unfinished head", &next, b"", 1),
        ("a head that never ends", &next, b"A: b\r\n", 1),
        ("nothing after two", &two, b"", 2),
        ("HTTP/2 with nothing but PING", &pinging, &bytes::ping(), 0),
    ];
    for (kind, first, more, answers) in kinds {
        let seen = closed(&listener, first, more).await;
        assert_eq!(seen.matches("HTTP/1.1 200").count(), answers, "{kind}: {seen}");
    }
}

#[tokio::test]
async fn with_a_body_that_does_not_come_on() {
    let listener = serve(lenient().body(SHORT, 1000)).await;
    let unsent = request("POST", "/", true, "Content-Length: 5000\r\n");
    let chunked = request("POST", "/", true, "Transfer-Encoding: chunked\r\n");
    let kinds: [(&str, &[u8], &[u8]); 5] = [
        ("unsent", &unsent, b""),
        ("less and less of it", &unsent, b"x"),
        ("chunked and unsent", &chunked, b""),
        ("a chunk and no more", &[&chunked[..], b"3\r\nabc\r\n"].concat(), b""),
        ("a chunk that is announced", &[&chunked[..], b"fff"].concat(), b""),
    ];
    for (kind, first, more) in kinds {
        let seen = closed(&listener, first, more).await;
        assert!(seen.starts_with("HTTP/1.1 408"), "{kind}: {seen}");
    }
}

#[tokio::test]
async fn with_a_body_that_nobody_reads() {
    let listener = serve(lenient()).await;
    let seen = closed(&listener, &request("POST", "/", false, "Content-Length: 5000\r\n"), b"").await;
    assert!(seen.starts_with("HTTP/1.1 401"), "{seen}");
}

#[tokio::test]
async fn with_an_unsent_body_over_http_2() {
    // The stream is ended by the body's limit; the connection, which then rests, by the idle one.
    let listener = serve(lenient().body(SHORT, 1000).idle(SHORT)).await;
    closed(&listener, &[bytes::hello(None), bytes::post(1)].concat(), &bytes::ping()).await;
}

#[tokio::test]
async fn with_an_answer_that_is_not_taken() {
    let listener = serve(lenient().answer(SHORT)).await;
    let mut stream = connect(&listener).await;
    stream.write_all(&request("GET", "/large", true, "")).await.unwrap();
    left(&listener, 0).await;

    // No window for anything; the frames that come are read all the time.
    let blocked = [bytes::hello(Some(0)), bytes::get(1)].concat();
    closed(&listener, &blocked, &bytes::ping()).await;
}

#[tokio::test]
async fn with_half_of_the_connection_closed() {
    let listener = serve(lenient().head(SHORT)).await;
    for bytes in [&b""[..], b"P", bytes::PREFACE, b"GET / HT"] {
        let mut stream = connect(&listener).await;
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        until_closed(&mut stream).await;
        left(&listener, 0).await;
    }
}

#[tokio::test]
async fn together_and_within_the_defaults_none_is_closed() {
    let listener = serve(Limits::default()).await;
    let mut held: Vec<TcpStream> = Vec::new();
    for bytes in [&b""[..], b"P", bytes::PREFACE, b"GET / HT"] {
        let mut stream = connect(&listener).await;
        stream.write_all(bytes).await.unwrap();
        held.push(stream);
    }
    left(&listener, 4).await;
    drop(held);
    left(&listener, 0).await;
}
