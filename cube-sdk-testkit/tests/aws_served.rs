//! The log of what arrived and what became of it, to compare somebody's books with.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod aws_client;

use std::time::Duration;

use aws_client::{exchange, presigning, s3, send, session};
use cube_sdk_testkit::aws::{AwsWorld, Effect, Fault, LoggedRequest, Object, Written};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

async fn world() -> (AwsWorld, aws_sdk_s3::Client) {
    let world = AwsWorld::builder().request_log().start().await.unwrap();
    world.put_object(&world.card().bucket, "k", Object::generated(8, 4_000_000)).unwrap();
    let client = s3(&world, session(&world, &world.card().role_arn).await, world.region());
    (world, client)
}

/// Waits until the last request is as expected; the socket's end is not the client's.
async fn last(world: &AwsWorld, expected: impl Fn(&LoggedRequest) -> bool) -> LoggedRequest {
    loop {
        let last = world.requests().pop().unwrap();
        if expected(&last) {
            return last;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn ranges_pins_and_keys_are_shown() {
    let (world, client) = world().await;
    let card = world.card();
    let get = client.get_object().bucket(&card.bucket).key(&card.object_key).range("bytes=5-9");
    let etag = get.clone().send().await.unwrap().e_tag().unwrap().to_owned();
    get.if_match(&etag).send().await.unwrap();
    let missing =
        client.head_object().bucket(&card.bucket).key(&card.missing_key).presigned(presigning()).await.unwrap();
    send(&world, &missing, "").await;
    let log = world.requests();
    let rows: Vec<_> =
        log.iter().map(|r| (r.operation.as_str(), r.range.as_deref(), r.if_match.as_deref(), r.status)).collect();
    let range = Some("bytes=5-9");
    assert_eq!(
        rows,
        [
            ("AssumeRole", None, None, Some(200)),
            ("GetObject", range, None, Some(206)),
            ("GetObject", range, Some(etag.as_str()), Some(206)),
            ("HeadObject", None, None, Some(404)),
        ]
    );
    assert_eq!(log[3].line, format!("HEAD /{}/{}", card.bucket, card.missing_key));
    assert_eq!(log[1].key.as_deref(), Some(card.object_key.as_str()));
    assert!(log.iter().all(LoggedRequest::was_served));
}

#[tokio::test]
async fn bytes_and_how_far_the_answer_came() {
    let (world, client) = world().await;
    let bucket = world.card().bucket.clone();
    let get = client.get_object().bucket(&bucket).key("k").presigned(presigning()).await.unwrap();
    let path = get.uri().strip_prefix(world.endpoint_url()).unwrap().to_owned();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", world.address());

    send(&world, &get, "range: bytes=0-99\r\n").await;
    let whole = last(&world, |r| r.written == Written::Whole).await;
    assert_eq!((whole.status, whole.bytes), (Some(206), 100));

    // An answer that is too long for the buffers of a client that leaves it unread.
    let large = client.get_object().bucket(&bucket).key(&world.card().large_key).presigned(presigning()).await.unwrap();
    let large = large.uri().strip_prefix(world.endpoint_url()).unwrap().to_owned();
    let mut stream = tokio::net::TcpStream::connect(world.address()).await.unwrap();
    stream.write_all(request.replace(&path, &large).as_bytes()).await.unwrap();
    stream.read_exact(&mut [0; 1_000]).await.unwrap();
    drop(stream);
    while world.traffic().in_flight_gets() > 0 {
        tokio::task::yield_now().await;
    }
    let left = world.requests().pop().unwrap();
    assert_eq!((left.status, left.written), (Some(200), Written::Begun));

    world.faults().add(Fault::new(Effect::ResetBody { after: 70_000 }).nth(1));
    let mut stream = tokio::net::TcpStream::connect(world.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let _ = stream.read_to_end(&mut Vec::new()).await;
    let cut = last(&world, |r| r.bytes == 70_000).await;
    assert_eq!((cut.status, cut.written), (Some(200), Written::Begun));

    world.faults().clear();
    world.faults().add(Fault::new(Effect::DropConnection).nth(1));
    let mut stream = tokio::net::TcpStream::connect(world.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let _ = stream.read_to_end(&mut Vec::new()).await;
    let dropped = world.requests().pop().unwrap();
    assert_eq!((dropped.status, dropped.written, dropped.was_served()), (None, Written::Nothing, false));

    let (_, body) = exchange(&world, "GET /none/k HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await;
    let refused = last(&world, |r| r.written == Written::Whole).await;
    assert_eq!((refused.status, refused.bytes), (Some(403), body.len() as u64));
    let head = client.head_object().bucket(&bucket).key("k").presigned(presigning()).await.unwrap();
    send(&world, &head, "").await;
    let head = last(&world, |r| r.written == Written::Whole).await;
    assert_eq!((head.operation.as_str(), head.status, head.bytes), ("HeadObject", Some(200), 0));
    let ids: std::collections::BTreeSet<String> = world.requests().into_iter().map(|r| r.request_id).collect();
    assert_eq!(ids.len(), world.requests().len());
}

#[tokio::test(start_paused = true)]
async fn who_leaves_before_the_answer_was_not_served() {
    let (world, client) = world().await;
    world.faults().add(Fault::new(Effect::Latency(Duration::from_secs(30))).on("GetObject"));
    let get = client.get_object().bucket(&world.card().bucket).key("k").send();
    assert!(tokio::time::timeout(Duration::from_secs(5), get).await.is_err());
    while world.traffic().in_flight_gets() > 0 {
        tokio::task::yield_now().await;
    }
    let left = world.requests().pop().unwrap();
    assert_eq!((left.operation.as_str(), left.was_served(), left.written), ("GetObject", false, Written::Nothing));
    let ids: Vec<serde_json::Value> = world.cloudtrail().iter().map(|record| record["requestID"].clone()).collect();
    assert!(!ids.contains(&serde_json::json!(left.request_id)), "what was not served is not logged by AWS");
}
