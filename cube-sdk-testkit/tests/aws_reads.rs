//! Reads as they stand on the wire: conditions, ranges, parts, checksums, archives.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod aws_client;

use aws_client::{header, presigning, s3, send, session, status};
use aws_sdk_s3::Client;
use cube_sdk_testkit::aws::{AwsWorld, ChecksumAlgorithm, Object, Restore};

async fn world() -> (AwsWorld, Client) {
    let world = AwsWorld::builder().start().await.unwrap();
    let client = s3(&world, session(&world, &world.card().role_arn).await, world.region());
    (world, client)
}

fn put(world: &AwsWorld, key: &str, object: Object) {
    world.put_object(&world.card().bucket, key, object).unwrap();
}

/// A GET, or a HEAD, with headers and further parameters.
async fn read(world: &AwsWorld, client: &Client, method: &str, key: &str, headers: &str) -> (String, String) {
    let bucket = &world.card().bucket;
    let request = match method {
        "GET" => client.get_object().bucket(bucket).key(key).presigned(presigning()).await.unwrap(),
        _ => client.head_object().bucket(bucket).key(key).presigned(presigning()).await.unwrap(),
    };
    send(world, &request, headers).await
}

#[tokio::test]
async fn conditions_on_get_and_head() {
    let (world, client) = world().await;
    put(&world, "k", Object::bytes("hello world"));
    let (head, _) = read(&world, &client, "HEAD", "k", "").await;
    let etag = header(&head, "etag").unwrap().to_owned();
    let modified = header(&head, "last-modified").unwrap().to_owned();
    let long_ago = "Wed, 01 Jul 2020 09:15:30 GMT";
    for (headers, expected) in [
        (format!("if-match: {etag}\r\n"), 200),
        ("if-match: *\r\n".to_owned(), 200),
        ("if-match: \"old\"\r\n".to_owned(), 412),
        (format!("if-match: W/{etag}\r\n"), 412),
        (format!("if-none-match: {etag}\r\n"), 304),
        (format!("if-none-match: W/{etag}\r\n"), 304),
        (format!("if-none-match: \"a\", {etag}\r\n"), 304),
        ("if-none-match: \"old\"\r\n".to_owned(), 200),
        (format!("if-modified-since: {modified}\r\n"), 304),
        (format!("if-modified-since: {long_ago}\r\n"), 200),
        ("if-modified-since: Fri, 01 Jan 2100 00:00:00 GMT\r\n".to_owned(), 200),
        ("if-modified-since: soon\r\n".to_owned(), 200),
        (format!("if-unmodified-since: {modified}\r\n"), 200),
        (format!("if-unmodified-since: {long_ago}\r\n"), 412),
        (format!("if-match: {etag}\r\nif-unmodified-since: {long_ago}\r\n"), 200),
        (format!("if-none-match: \"old\"\r\nif-modified-since: {modified}\r\n"), 200),
        (format!("if-match: \"old\"\r\nif-none-match: {etag}\r\n"), 412),
        // A condition is looked at before the range.
        ("if-match: \"old\"\r\nrange: bytes=999-\r\n".to_owned(), 412),
        (format!("if-none-match: {etag}\r\nrange: bytes=999-\r\n"), 304),
        (format!("if-match: {etag}\r\nrange: bytes=0-4\r\n"), 206),
    ] {
        for method in ["GET", "HEAD"] {
            let (answer, body) = read(&world, &client, method, "k", &headers).await;
            assert_eq!(status(&answer), expected, "{method} {headers}{answer}");
            if expected == 304 {
                assert_eq!((header(&answer, "etag"), body.as_str()), (Some(etag.as_str()), ""));
                assert_eq!(header(&answer, "last-modified"), Some(modified.as_str()));
                assert_eq!(header(&answer, "content-type"), None);
            }
            if expected == 412 && method == "GET" {
                assert!(body.contains("<Code>PreconditionFailed</Code>") && body.contains("<Condition>If-"), "{body}");
            }
        }
    }
}

/// RFC 9110, 15.4.5: what a cache would have been told by a 200 stands in a 304 too.
#[tokio::test]
async fn a_304_says_how_long_the_copy_is_good() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    let admin = s3(&world, aws_client::user(&card.admin), &card.region);
    let expires = "Thu, 01 Jan 2099 00:00:00 GMT";
    let put = admin.put_object().bucket(&card.bucket).key("k").cache_control("max-age=60");
    let at = aws_sdk_s3::primitives::DateTime::from_secs(4_070_908_800);
    put.expires(at).body(b"x".to_vec().into()).send().await.unwrap();
    for method in ["GET", "HEAD"] {
        let (head, _) = read(&world, &admin, method, "k", "if-none-match: *\r\n").await;
        assert_eq!((status(&head), header(&head, "cache-control")), (304, Some("max-age=60")));
        assert_eq!(header(&head, "expires"), Some(expires), "{head}");
    }
}

#[tokio::test]
async fn ranges_that_s3_serves_ignores_and_refuses() {
    let (world, client) = world().await;
    put(&world, "ten", Object::bytes("0123456789"));
    put(&world, "none", Object::bytes(""));
    for (key, range, expected, shown) in [
        ("ten", "bytes=2-4", 206, Ok("234")),
        ("ten", "bytes=-3", 206, Ok("789")),
        ("ten", "bytes=7-99", 206, Ok("789")),
        ("ten", "bytes=0-1,5-6", 200, Ok("0123456789")),
        ("ten", "bytes=9-3", 200, Ok("0123456789")),
        ("ten", "bytes=x", 200, Ok("0123456789")),
        ("ten", "lines=1-2", 200, Ok("0123456789")),
        ("ten", "bytes=10-", 416, Err("bytes */10")),
        ("ten", "bytes=-0", 416, Err("bytes */10")),
        ("none", "bytes=0-0", 416, Err("bytes */0")),
        ("none", "bytes=-5", 416, Err("bytes */0")),
        ("none", "bytes=3-1", 200, Ok("")),
        ("none", "bytes=0-0,-1", 200, Ok("")),
        ("ten", "bytes=-10", 206, Ok("0123456789")),
        ("ten", "bytes=-11", 206, Ok("0123456789")),
        ("ten", "bytes=9-", 206, Ok("9")),
        ("ten", "bytes=0-18446744073709551616", 206, Ok("0123456789")),
        ("ten", "bytes=18446744073709551616-", 416, Err("bytes */10")),
        ("ten", "bytes=10-10", 416, Err("bytes */10")),
        ("ten", "bytes=3-7,5-9", 200, Ok("0123456789")),
        ("ten", "bytes=1-2\r\nrange: bytes=3-4", 200, Ok("0123456789")),
        ("ten", "bytes=0x1-2", 200, Ok("0123456789")),
        ("ten", "bytes=-1-2", 200, Ok("0123456789")),
        ("ten", "seconds=-1", 200, Ok("0123456789")),
        ("ten", "bytes=1-2\r\nif-range: \"old\"", 200, Ok("0123456789")),
        ("ten", "bytes=99-\r\nif-range: \"old\"", 200, Ok("0123456789")),
        ("ten", "bytes=1-2\r\nif-range: W/\"781e5e245d69b566979b86e28d23f2c7\"", 200, Ok("0123456789")),
        ("ten", "bytes=1-2\r\nif-range: \"781e5e245d69b566979b86e28d23f2c7\"", 206, Ok("12")),
        ("ten", "bytes=1-2\r\nif-range: Wed, 01 Jul 2020 09:15:30 GMT", 200, Ok("0123456789")),
    ] {
        let (answer, body) = read(&world, &client, "GET", key, &format!("range: {range}\r\n")).await;
        assert_eq!(status(&answer), expected, "{range}");
        match shown {
            Ok(bytes) => {
                assert_eq!(body, bytes, "{range}");
                assert_eq!(header(&answer, "content-length"), Some(bytes.len().to_string().as_str()));
                assert_eq!(header(&answer, "content-range").is_some(), expected == 206);
            }
            Err(content_range) => {
                assert_eq!(header(&answer, "content-range"), Some(content_range), "{range}");
                assert!(body.contains("<Code>InvalidRange</Code>") && body.contains(range), "{body}");
            }
        }
        let (head, _) = read(&world, &client, "HEAD", key, &format!("range: {range}\r\n")).await;
        assert_eq!((status(&head), header(&head, "content-range")), (expected, header(&answer, "content-range")));
    }
}

#[tokio::test]
async fn parts_by_number() {
    let (world, client) = world().await;
    const MIB: u64 = 1 << 20;
    put(&world, "parts", Object::generated(3, 8 * MIB + 7));
    put(&world, "once", Object::bytes("hello"));
    let bucket = &world.card().bucket;
    let get = |key: &str, number: i32| client.get_object().bucket(bucket).key(key).part_number(number);
    let last = get("parts", 2).send().await.unwrap();
    assert_eq!(last.content_range(), Some(format!("bytes {}-{}/{}", 8 * MIB, 8 * MIB + 6, 8 * MIB + 7).as_str()));
    assert_eq!((last.parts_count(), last.content_length()), (Some(2), Some(7)));
    let once = get("once", 1).send().await.unwrap();
    assert_eq!((once.parts_count(), once.content_range()), (None, Some("bytes 0-4/5")));
    for (request, expected) in
        [(get("parts", 3), 416), (get("once", 2), 416), (get("once", 0), 400), (get("once", 1).range("bytes=0-1"), 400)]
    {
        let refused = request.send().await.unwrap_err();
        assert_eq!(refused.raw_response().unwrap().status().as_u16(), expected);
    }
}

#[tokio::test]
async fn checksums_as_objects_are_stored_with_them() {
    let (world, client) = world().await;
    let check = || Object::bytes("123456789");
    put(&world, "default", check());
    put(&world, "old", check().checksum(None));
    put(&world, "crc32c", check().checksum(Some(ChecksumAlgorithm::Crc32C)));
    put(&world, "sha256", check().with_checksum());
    let sha256 = "FeKw09M4kebTYjkAeMsUF+YhVoQnEYMxOAbF1Qv8PyU=";
    let sha256 =
        world.object(&world.card().bucket, "sha256").map_or(sha256.to_owned(), |o| o.digest(ChecksumAlgorithm::Sha256));
    let all = ["crc32", "crc32c", "crc64nvme", "sha1", "sha256"];
    for (key, expected) in [
        ("default", Some(("crc64nvme", "rosUhgp5mIg="))),
        ("crc32c", Some(("crc32c", "4waSgw=="))),
        ("sha256", Some(("sha256", sha256.as_str()))),
        ("old", None),
    ] {
        for method in ["GET", "HEAD"] {
            let (answer, _) = read(&world, &client, method, key, "x-amz-checksum-mode: ENABLED\r\n").await;
            let shown: Vec<_> = all
                .iter()
                .filter_map(|name| Some((*name, header(&answer, &format!("x-amz-checksum-{name}"))?)))
                .collect();
            assert_eq!(shown, expected.into_iter().collect::<Vec<_>>(), "{method} {key}");
            assert_eq!(header(&answer, "x-amz-checksum-type"), expected.map(|_| "FULL_OBJECT"));
            // Not asked for, not shown; nor for a part of the object.
            let (answer, _) = read(&world, &client, method, key, "").await;
            assert_eq!(header(&answer, "x-amz-checksum-type"), None);
            let headers = "x-amz-checksum-mode: ENABLED\r\nrange: bytes=0-1\r\n";
            assert_eq!(header(&read(&world, &client, method, key, headers).await.0, "x-amz-checksum-type"), None);
        }
    }
}

#[tokio::test]
async fn archived_objects_are_seen_and_not_read() {
    let (world, client) = world().await;
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24);
    let earlier = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24);
    let cold = || Object::bytes("cold").storage_class("DEEP_ARCHIVE");
    put(&world, "glacier", Object::bytes("cold").storage_class("GLACIER"));
    put(&world, "deep", cold());
    put(&world, "restoring", cold().restore(Restore::InProgress));
    put(&world, "over", cold().restore(Restore::Until(earlier)));
    put(&world, "tier", Object::bytes("cold").archive_tier("ARCHIVE_ACCESS"));
    for (key, element, restore) in [
        ("glacier", "<StorageClass>GLACIER</StorageClass>", None),
        ("deep", "<StorageClass>DEEP_ARCHIVE</StorageClass>", None),
        ("restoring", "<StorageClass>DEEP_ARCHIVE</StorageClass>", Some("ongoing-request=\"true\"")),
        ("over", "<StorageClass>DEEP_ARCHIVE</StorageClass>", None),
        ("tier", "<AccessTier>ARCHIVE_ACCESS</AccessTier>", None),
    ] {
        let (answer, body) = read(&world, &client, "GET", key, "range: bytes=0-0\r\n").await;
        assert_eq!(status(&answer), 403);
        assert!(body.contains("<Code>InvalidObjectState</Code>") && body.contains(element), "{body}");
        let (head, _) = read(&world, &client, "HEAD", key, "").await;
        assert_eq!((status(&head), header(&head, "content-length")), (200, Some("4")));
        assert!(header(&head, "x-amz-storage-class").is_some());
        let shown = header(&head, "x-amz-restore").map(|text| text.split(", ").next().unwrap());
        assert_eq!(shown, restore);
    }
    put(&world, "restored", cold().restore(Restore::Until(later)));
    put(&world, "cool", Object::bytes("cool").storage_class("GLACIER_IR"));
    for (key, text) in [("restored", "cold"), ("cool", "cool")] {
        assert_eq!(read(&world, &client, "GET", key, "").await.1, text);
    }
}

#[tokio::test]
async fn metadata_overrides_and_versions() {
    let (world, client) = world().await;
    put(&world, "k", Object::bytes("x").content_type("text/plain").metadata("Model", "v1").metadata("name", "módulo"));
    let bucket = &world.card().bucket;
    let get = || client.get_object().bucket(bucket).key("k");
    let shown = get().response_content_type("text/html").version_id("null").send().await.unwrap();
    assert_eq!((shown.content_type(), shown.missing_meta()), (Some("text/html"), Some(1)));
    assert_eq!(shown.metadata().unwrap()["model"], "v1");
    let refused = get().version_id("3HL4kqtJlcpXroDTDmJ").send().await.unwrap_err();
    assert_eq!(aws_sdk_s3::error::ProvideErrorMetadata::code(&refused), Some("NoSuchVersion"));
    assert_eq!(refused.raw_response().unwrap().status().as_u16(), 404);
    let owner = |id: &str| get().expected_bucket_owner(id);
    assert!(owner(&world.card().account_id).send().await.is_ok());
    assert_eq!(owner("999988887777").send().await.unwrap_err().raw_response().unwrap().status().as_u16(), 403);
}
