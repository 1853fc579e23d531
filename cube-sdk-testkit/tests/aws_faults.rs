//! Each fault as a client meets it, and the counters beside them.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod aws_client;

use std::time::Duration;

use aws_client::{s3, session};
use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use cube_sdk_testkit::aws::{AwsWorld, Effect, Fault, Object};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

async fn world() -> (AwsWorld, Client) {
    let world = AwsWorld::builder().start().await.unwrap();
    world.put_object(&world.card().bucket, "k", Object::generated(8, 1_000_000)).unwrap();
    let client = s3(&world, session(&world, &world.card().role_arn).await, world.region());
    (world, client)
}

fn content() -> Vec<u8> {
    Object::generated(8, 1_000_000).read(0..1_000_000)
}

/// One GET over a bare socket: the body's bytes, and how the stream ended.
async fn raw_get(world: &AwsWorld, client: &Client) -> (Vec<u8>, Result<(), std::io::ErrorKind>) {
    let config = aws_sdk_s3::presigning::PresigningConfig::expires_in(Duration::from_secs(60)).unwrap();
    let signed = client.get_object().bucket(&world.card().bucket).key("k").presigned(config).await.unwrap();
    let path = signed.uri().strip_prefix(world.endpoint_url()).unwrap();
    let mut stream = tokio::net::TcpStream::connect(world.address()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", world.address());
    stream.write_all(request.as_bytes()).await.unwrap();
    let (mut answer, mut buffer) = (Vec::new(), vec![0; 65_536]);
    let end = loop {
        match stream.read(&mut buffer).await {
            Ok(0) => break Ok(()),
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
            Err(broken) => break Err(broken.kind()),
        }
    };
    let body = answer.windows(4).position(|w| w == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
    (answer.split_off(body), end)
}

#[tokio::test]
async fn bodies_break_off_where_they_should() {
    let (world, client) = world().await;
    for after in [0, 1, 70_000, 999_999] {
        world.faults().clear();
        world.faults().add(Fault::new(Effect::ResetBody { after }).on("GetObject").nth(1));
        world.faults().add(Fault::new(Effect::TruncateBody { after }).on("GetObject").nth(2));
        let (body, end) = raw_get(&world, &client).await;
        assert_eq!(end, Err(std::io::ErrorKind::ConnectionReset), "after {after}");
        // A reset may overtake bytes on their way; none beyond the cut are sent.
        assert!(body.len() as u64 <= after && body == content()[..body.len()]);
        let (body, end) = raw_get(&world, &client).await;
        assert_eq!((body.len() as u64, end), (after, Ok(())), "after {after}");
        let (body, end) = raw_get(&world, &client).await;
        assert!(body == content() && end.is_ok());
    }
}

#[tokio::test]
async fn wrong_bytes_wrong_etags_and_overwrites() {
    let (world, client) = world().await;
    let get = || client.get_object().bucket(&world.card().bucket).key("k");
    let etag = get().send().await.unwrap().e_tag().unwrap().to_owned();

    let corrupt = world.faults().add(Fault::new(Effect::CorruptByte { at: 300_000 }).times(1));
    let spoilt = get().send().await.unwrap().body.collect().await.unwrap().to_vec();
    let wrong: Vec<usize> =
        spoilt.iter().zip(content()).enumerate().filter(|(_, (a, b))| **a != *b).map(|(at, _)| at).collect();
    assert_eq!((wrong, world.faults().fired(corrupt)), (vec![300_000], 1));

    world.faults().add(Fault::new(Effect::WrongEtag).times(1));
    assert_ne!(get().send().await.unwrap().e_tag(), Some(etag.as_str()));
    assert_eq!(get().send().await.unwrap().e_tag(), Some(etag.as_str()));

    world.faults().add(Fault::new(Effect::Overwrite(Object::bytes("new"))).on("GetObject").key("k").times(1));
    let refused = get().if_match(&etag).send().await.unwrap_err();
    assert_eq!((refused.code(), refused.raw_response().unwrap().status().as_u16()), (Some("PreconditionFailed"), 412));
    assert_eq!(get().send().await.unwrap().body.collect().await.unwrap().to_vec(), b"new");
}

#[tokio::test]
async fn answers_that_never_come_and_sessions_that_end() {
    let (world, client) = world().await;
    let get = || client.get_object().bucket(&world.card().bucket).key("k").range("bytes=0-0");
    world.faults().add(Fault::new(Effect::DropConnection).on("GetObject").nth(1));
    let dropped = get().send().await.unwrap_err();
    assert!(dropped.raw_response().is_none(), "{dropped:?}");
    assert!(get().send().await.is_ok());
    world.faults().add(Fault::new(Effect::ExpireSessions).on("GetObject").nth(1));
    assert_eq!(get().send().await.unwrap_err().code(), Some("ExpiredToken"));

    world.faults().add(Fault::new(Effect::InternalError).on("AssumeRole").nth(1));
    let sts = aws_client::sts(&world, aws_client::user(&world.card().worker));
    let assume =
        || sts.assume_role().role_arn(&world.card().role_arn).role_session_name("edge").external_id("id").send();
    assert_eq!(assume().await.unwrap_err().raw_response().unwrap().status().as_u16(), 500);
    assert!(assume().await.is_ok());
    assert_eq!(world.traffic().served("AssumeRole"), 3);
}

#[tokio::test(start_paused = true)]
async fn latency_and_pace_follow_tokios_clock() {
    let (world, client) = world().await;
    let get = || client.get_object().bucket(&world.card().bucket).key("k");
    world.faults().add(Fault::new(Effect::Latency(Duration::from_secs(5))).nth(1));
    let start = tokio::time::Instant::now();
    get().range("bytes=0-0").send().await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(5));

    world.faults().add(Fault::new(Effect::SlowBody { bytes_per_second: 100_000 }).nth(1));
    let start = tokio::time::Instant::now();
    let body = get().send().await.unwrap().body.collect().await.unwrap().to_vec();
    // 1 MB at 100 kB/s; the last chunk leaves as soon as the one before it is paid for.
    assert!(body == content() && start.elapsed() >= Duration::from_millis(9_900), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_limited_connection_paces_every_body() {
    let world = AwsWorld::builder().rate_per_connection(50_000).start().await.unwrap();
    let card = world.card();
    let client = s3(&world, session(&world, &card.role_arn).await, &card.region);
    let start = tokio::time::Instant::now();
    let get =
        client.get_object().bucket(&card.bucket).key(&card.large_key).range("bytes=0-99999").send().await.unwrap();
    assert_eq!(get.body.collect().await.unwrap().to_vec().len(), 100_000);
    assert!(start.elapsed() >= Duration::from_millis(1_900), "{:?}", start.elapsed());
}

#[tokio::test]
async fn gets_in_flight_are_counted() {
    let (world, client) = world().await;
    let get = || client.get_object().bucket(&world.card().bucket).key(&world.card().large_key).send();
    let (one, two, three) = tokio::join!(get(), get(), get());
    assert_eq!((world.traffic().in_flight_gets(), world.traffic().peak_gets()), (3, 3));
    drop((one, two));
    while world.traffic().in_flight_gets() > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!((world.traffic().take_peak_gets(), world.traffic().peak_gets()), (3, 1));
    drop(three);
    while world.traffic().in_flight_gets() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(world.traffic().body_bytes() > 0 && world.traffic().connections() >= 3);
    world.shutdown(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn shutdown_lets_a_body_finish_and_drop_does_not() {
    let (world, client) = world().await;
    let get = client.get_object().bucket(&world.card().bucket).key("k").send().await.unwrap();
    let (body, ()) = tokio::join!(get.body.collect(), world.shutdown(Duration::from_secs(5)));
    assert!(body.unwrap().to_vec() == content());

    let (world, client) = self::world().await;
    let address = world.address();
    let get = client.get_object().bucket(&world.card().bucket).key(&world.card().large_key).send().await.unwrap();
    drop(world);
    assert!(get.body.collect().await.is_err());
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
