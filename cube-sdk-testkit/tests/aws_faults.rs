//! Each fault as a client meets it, and the counters beside them.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod aws_client;

use std::time::Duration;

use aws_client::{header, presigning, s3, send, session, status, sts, user};
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
    let signed = client.get_object().bucket(&world.card().bucket).key("k").presigned(presigning()).await.unwrap();
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
    // Of a whole object the SDK checks the checksum by itself, as it does with S3; of a part it cannot.
    let spoilt = get().range("bytes=0-999999").send().await.unwrap().body.collect().await.unwrap().to_vec();
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
    let sts = sts(&world, user(&world.card().worker));
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

#[tokio::test]
async fn answers_that_this_world_does_not_come_to_by_itself() {
    let (world, client) = world().await;
    let bucket = world.card().bucket.clone();
    let get = client.get_object().bucket(&bucket).key("k").presigned(presigning()).await.unwrap();
    let head = client.head_object().bucket(&bucket).key("k").presigned(presigning()).await.unwrap();
    let next = |effect| world.faults().add(Fault::new(effect).nth(1));

    next(Effect::Answer {
        status: 400,
        code: "KMS.ThrottlingException".to_owned(),
        message: "Rate exceeded".to_owned(),
    });
    let (answer, body) = send(&world, &get, "").await;
    assert_eq!((status(&answer), header(&answer, "content-type")), (400, Some("application/xml")));
    assert!(body.contains("<Code>KMS.ThrottlingException</Code><Message>Rate exceeded</Message>"), "{body}");

    world.faults().clear();
    next(Effect::Bare { status: 503 });
    let (answer, body) = send(&world, &get, "").await;
    assert_eq!((status(&answer), body.as_str()), (503, ""));
    assert!(header(&answer, "x-amz-request-id").is_some() && header(&answer, "content-type").is_none());
    world.faults().clear();
    next(Effect::Bare { status: 400 });
    assert_eq!(status(&send(&world, &head, "").await.0), 400);

    world.faults().clear();
    let page = "<html>who are you?</html>".to_owned();
    next(Effect::Page { status: 403, content_type: "text/html".to_owned(), body: page.clone() });
    let (answer, body) = send(&world, &get, "").await;
    assert_eq!((status(&answer), body, header(&answer, "x-amz-request-id")), (403, page.clone(), None));

    world.faults().clear();
    next(Effect::TemporaryRedirect);
    let (answer, body) = send(&world, &get, "").await;
    let endpoint = format!("{bucket}.s3.{}.amazonaws.com", world.region());
    assert_eq!((status(&answer), header(&answer, "x-amz-bucket-region")), (307, Some(world.region())));
    assert_eq!(header(&answer, "location"), Some(format!("https://{endpoint}/k").as_str()));
    assert!(body.contains("<Code>TemporaryRedirect</Code>") && body.contains(&endpoint), "{body}");
    assert_eq!(status(&send(&world, &get, "").await.0), 200);

    let sts = sts(&world, user(&world.card().worker));
    for (effect, code) in [
        (Effect::SlowDown { retry_after: Some(1) }, Some("Throttling")),
        (
            Effect::Answer { status: 403, code: "RegionDisabledException".to_owned(), message: "off".to_owned() },
            Some("RegionDisabledException"),
        ),
        (Effect::Page { status: 502, content_type: "text/html".to_owned(), body: page }, None),
        (Effect::Bare { status: 503 }, None),
    ] {
        world.faults().clear();
        next(effect);
        assert_eq!(sts.get_caller_identity().send().await.unwrap_err().code(), code);
    }
    // What came from a fault leaves no record but where AWS itself would have answered an own caller.
    assert!(
        world
            .cloudtrail()
            .iter()
            .all(|record| record["eventSource"] != "sts.amazonaws.com" || record["errorCode"].is_null())
    );
}

#[tokio::test]
async fn headers_as_no_client_expects_them() {
    let (world, client) = world().await;
    let get = client.get_object().bucket(&world.card().bucket).key("k").presigned(presigning()).await.unwrap();
    let with = async |name: &str, value: Option<&[u8]>| {
        world.faults().clear();
        world.faults().add(Fault::new(Effect::Header { name: name.to_owned(), value: value.map(<[u8]>::to_vec) }));
        send(&world, &get, "range: bytes=0-4\r\n").await
    };
    let five = String::from_utf8_lossy(&content()[..5]).into_owned();
    let (answer, body) = with("etag", Some(b"W/\"weak\"")).await;
    assert_eq!((status(&answer), header(&answer, "etag"), &body), (206, Some("W/\"weak\""), &five));
    assert_eq!(header(&with("etag", None).await.0, "etag"), None);
    assert_eq!(header(&with("x-amz-request-id", None).await.0, "x-amz-request-id"), None);
    assert!(
        header(&with("content-language", Some(b"\xFF\xFE")).await.0, "content-language").unwrap().contains('\u{FFFD}')
    );
    let (answer, body) = with("content-length", None).await;
    assert_eq!((status(&answer), header(&answer, "content-length")), (206, None));
    assert_eq!(header(&answer, "transfer-encoding"), Some("chunked"));
    assert!(header(&answer, "content-range").is_some() && body.starts_with("5\r\n") && body.ends_with("0\r\n\r\n"));
}

#[tokio::test]
async fn an_answer_is_reset_wherever_it_should() {
    let (world, client) = world().await;
    let get = client.get_object().bucket(&world.card().bucket).key("k").presigned(presigning()).await.unwrap();
    let path = get.uri().strip_prefix(world.endpoint_url()).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", world.address());
    for after in [0, 9, 300, 20_000] {
        world.faults().clear();
        world.faults().add(Fault::new(Effect::ResetAnswer { after }));
        let mut stream = tokio::net::TcpStream::connect(world.address()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let (mut answer, mut buffer) = (Vec::new(), vec![0; 65_536]);
        let end = loop {
            match stream.read(&mut buffer).await {
                Ok(0) => break None,
                Ok(count) => answer.extend_from_slice(&buffer[..count]),
                Err(broken) => break Some(broken.kind()),
            }
        };
        assert_eq!(end, Some(std::io::ErrorKind::ConnectionReset), "after {after}");
        assert!(answer.len() as u64 <= after, "{} of {after}", answer.len());
    }
}

#[tokio::test(start_paused = true)]
async fn silence_and_drops() {
    let (world, client) = world().await;
    let get = || client.get_object().bucket(&world.card().bucket).key("k");
    let minute = Duration::from_secs(60);
    world.faults().add(Fault::new(Effect::Hang).nth(1));
    assert!(tokio::time::timeout(minute, get().send()).await.is_err(), "never answered");

    world.faults().clear();
    world.faults().add(Fault::new(Effect::StallBody { after: 70_000 }).nth(1));
    let mut body = get().send().await.unwrap().body;
    let mut came = 0;
    while let Ok(Some(chunk)) = tokio::time::timeout(minute, body.next()).await {
        came += chunk.unwrap().len();
    }
    assert_eq!(came, 70_000, "and then nothing");

    world.faults().clear();
    world.faults().add(Fault::new(Effect::DripBody { bytes: 2, every: Duration::from_secs(7) }).nth(1));
    let start = tokio::time::Instant::now();
    let body = get().range("bytes=0-9").send().await.unwrap().body.collect().await.unwrap().to_vec();
    assert!(body == content()[..10] && start.elapsed() >= Duration::from_secs(28), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn bursts_are_counted_by_the_second() {
    let (world, client) = world().await;
    let second = Duration::from_secs(1);
    let get = || client.get_object().bucket(&world.card().bucket).key("k").range("bytes=0-0").send();
    let from = world.traffic().per_second("GetObject").len();
    let fault = Fault::new(Effect::SlowDown { retry_after: None }).on("GetObject");
    world.faults().add(fault.bursts(5 * second, 10 * second, 20 * second));
    let mut slow = Vec::new();
    let start = tokio::time::Instant::now();
    while start.elapsed() < 30 * second {
        let now = start.elapsed().as_secs();
        if get().await.is_err() {
            slow.push(now);
        }
        tokio::time::sleep(second / 2).await;
    }
    slow.dedup();
    let in_burst = |at: &u64| *at < 20 && at % 10 < 5;
    assert!(slow.iter().all(in_burst) && slow.len() >= 8, "{slow:?}");
    let rate = world.traffic().per_second("GetObject");
    assert_eq!(rate.iter().sum::<u64>(), world.traffic().served("GetObject"));
    assert!(
        rate.len() >= from + 25 && rate[from + 2..from + 20].iter().all(|count| (1..=3).contains(count)),
        "{rate:?}"
    );
}
