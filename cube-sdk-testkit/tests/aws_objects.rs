//! Objects through the SDK: generated content, listing, writing, checksums, and what outlives a restart.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod aws_client;

use aws_client::{query, s3, session, user};
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode};
use cube_sdk_testkit::aws::{AwsWorld, Object};

#[tokio::test]
async fn a_generated_object_reads_as_it_says() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    let size = 3 * 1024 * 1024 + 11;
    world.put_object(&card.bucket, "big", Object::generated(4, size)).unwrap();
    let client = s3(&world, session(&world, &card.role_arn).await, &card.region);
    let whole = client.get_object().bucket(&card.bucket).key("big").send().await.unwrap();
    assert!(whole.e_tag().unwrap().ends_with("-1\""));
    let bytes = whole.body.collect().await.unwrap().to_vec();
    assert!(bytes == Object::generated(4, size).read(0..size));
    for (range, from, to) in
        [("bytes=131070-131075", 131_070, 131_076), ("bytes=-5", size - 5, size), ("bytes=3145730-", 3_145_730, size)]
    {
        let part = client.get_object().bucket(&card.bucket).key("big").range(range).send().await.unwrap();
        assert_eq!(part.content_range().unwrap(), format!("bytes {from}-{}/{size}", to - 1));
        assert!(part.body.collect().await.unwrap().to_vec() == bytes[from as usize..to as usize], "{range}");
    }
    world.put_object(&card.bucket, "empty", Object::bytes("")).unwrap();
    let empty = client.get_object().bucket(&card.bucket).key("empty");
    assert_eq!(empty.clone().send().await.unwrap().body.collect().await.unwrap().to_vec(), b"");
    assert_eq!(empty.range("bytes=0-0").send().await.unwrap_err().code(), Some("InvalidRange"));
    assert_eq!(world.traffic().served("GetObject"), 6);
    assert!(world.put_object("no-such-bucket", "k", Object::bytes("")).is_err());
}

#[tokio::test]
async fn checksums_show_in_checksum_mode() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    let client = s3(&world, session(&world, &card.role_arn).await, &card.region);
    let head = || client.head_object().bucket(&card.bucket).key(&card.object_key);
    assert_eq!(head().send().await.unwrap().checksum_sha256(), None);
    let shown = head().checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
    assert_eq!(shown.checksum_sha256().map(str::len), Some(44));
    // The SDK verifies the checksum of a whole GET by itself.
    let whole = client.get_object().bucket(&card.bucket).key(&card.object_key).checksum_mode(ChecksumMode::Enabled);
    assert_eq!(whole.send().await.unwrap().body.collect().await.unwrap().to_vec().len() as u64, card.object_size);
}

#[tokio::test]
async fn listing_pages_groups_and_hides() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    world.create_bucket("shelf", &card.region);
    for key in ["a/1", "a/2", "b", "c/1", "c/d/2", "e & f"] {
        world.put_object("shelf", key, Object::bytes(key)).unwrap();
    }
    let admin = s3(&world, user(&card.admin), &card.region);
    let mut keys = Vec::new();
    let mut token = None;
    loop {
        let page =
            admin.list_objects_v2().bucket("shelf").max_keys(2).set_continuation_token(token).send().await.unwrap();
        assert!(page.key_count().unwrap() <= 2);
        keys.extend(page.contents().iter().map(|object| object.key().unwrap().to_owned()));
        token = page.next_continuation_token().map(str::to_owned);
        assert_eq!(page.is_truncated(), Some(token.is_some()));
        if token.is_none() {
            break;
        }
    }
    assert_eq!(keys, ["a/1", "a/2", "b", "c/1", "c/d/2", "e & f"]);
    let (mut keys, mut groups, mut token) = (Vec::new(), Vec::new(), None);
    loop {
        let ask = admin.list_objects_v2().bucket("shelf").delimiter("/").max_keys(1).set_continuation_token(token);
        let page = ask.send().await.unwrap();
        keys.extend(page.contents().iter().map(|object| object.key().unwrap().to_owned()));
        groups.extend(page.common_prefixes().iter().map(|group| group.prefix().unwrap().to_owned()));
        token = page.next_continuation_token().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    assert_eq!((keys, groups), (vec!["b".to_owned(), "e & f".to_owned()], vec!["a/".to_owned(), "c/".to_owned()]));
    let blind = s3(&world, session(&world, &card.no_list_role_arn).await, &card.region);
    let refused = blind.list_objects_v2().bucket(&card.bucket).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("AccessDenied"));
}

#[tokio::test]
async fn roles_and_uploads_outlive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"sts:AssumeRole"}]}"#;
    let first = AwsWorld::builder().seed(5).data_dir(dir.path()).start().await.unwrap();
    let card = first.card().clone();
    let admin = s3(&first, user(&card.admin), &card.region);
    admin.create_bucket().bucket("made").send().await.unwrap();
    let put = admin.put_object().bucket("made").key("k").body(ByteStream::from_static(b"kept"));
    let put = put.checksum_algorithm(ChecksumAlgorithm::Sha256).send().await.unwrap();
    admin.put_object().bucket(&card.bucket).key("up").body(ByteStream::from_static(b"too")).send().await.unwrap();
    let create = [("RoleName", "mine"), ("AssumeRolePolicyDocument", trust)];
    assert_eq!(query(&first, &card.admin, "iam", "CreateRole", &create).await.0, 200);
    let closed = card.bad_role_arn.rsplit('/').next().unwrap();
    let delete = [("RoleName", closed), ("PolicyName", "EdgeGateReadModels")];
    assert_eq!(query(&first, &card.admin, "iam", "DeleteRolePolicy", &delete).await.0, 200);
    assert_eq!(query(&first, &card.admin, "iam", "DeleteRole", &[("RoleName", closed)]).await.0, 200);
    drop(first);

    // The directory keeps its seed, and with it every key; requests get new ids.
    let second = AwsWorld::builder().seed(6).data_dir(dir.path()).start().await.unwrap();
    assert_eq!(second.card().admin.access_key_id, card.admin.access_key_id);
    assert_eq!(second.card().object_sha256, card.object_sha256);
    let admin = s3(&second, user(&card.admin), &card.region);
    let kept = admin.get_object().bucket("made").key("k").checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
    assert_eq!(kept.e_tag(), put.e_tag());
    assert_eq!(kept.body.collect().await.unwrap().to_vec(), b"kept");
    assert_eq!(second.object(&card.bucket, "up").unwrap().read(0..9), b"too");
    assert_eq!(query(&second, &card.admin, "iam", "GetRole", &[("RoleName", "mine")]).await.0, 200);
    assert_eq!(query(&second, &card.admin, "iam", "GetRole", &[("RoleName", closed)]).await.0, 404);
    let leftovers = std::fs::read_dir(dir.path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".tmp"));
    assert_eq!(leftovers.count(), 0);
}

#[tokio::test]
async fn only_the_owner_writes() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    let role = s3(&world, session(&world, &card.role_arn).await, &card.region);
    let refused = role.put_object().bucket(&card.bucket).key("k").body(ByteStream::from_static(b"x")).send().await;
    assert_eq!(refused.unwrap_err().code(), Some("AccessDenied"));
    let refused = role.delete_object().bucket(&card.bucket).key(&card.object_key).send().await;
    assert_eq!(refused.unwrap_err().code(), Some("AccessDenied"));
    let refused = s3(&world, user(&card.worker), &card.region).create_bucket().bucket("theirs").send().await;
    assert_eq!(refused.unwrap_err().code(), Some("AccessDenied"));
    let admin = s3(&world, user(&card.admin), &card.region);
    admin.delete_object().bucket(&card.bucket).key(&card.object_key).send().await.unwrap();
    assert!(world.object(&card.bucket, &card.object_key).is_none());
    let again = admin.create_bucket().bucket(&card.bucket).send().await.unwrap_err();
    assert_eq!(again.code(), Some("BucketAlreadyOwnedByYou"));
}

#[tokio::test]
async fn the_request_log_shows_ranges_and_pins() {
    let world = AwsWorld::builder().request_log().start().await.unwrap();
    let card = world.card();
    let client = s3(&world, session(&world, &card.role_arn).await, &card.region);
    let get = client.get_object().bucket(&card.bucket).key(&card.object_key).range("bytes=5-9");
    let etag = get.clone().send().await.unwrap().e_tag().unwrap().to_owned();
    get.if_match(&etag).send().await.unwrap();
    let config = aws_sdk_s3::presigning::PresigningConfig::expires_in(std::time::Duration::from_secs(60)).unwrap();
    let signed = client.head_object().bucket(&card.bucket).key(&card.missing_key).presigned(config).await.unwrap();
    let path = signed.uri().strip_prefix(world.endpoint_url()).unwrap().to_owned();
    let request = format!("HEAD {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", world.address());
    aws_client::exchange(&world, &request).await;
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
}
