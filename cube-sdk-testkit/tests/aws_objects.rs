//! Objects through the SDK: generated content, listing, writing, checksums, and what outlives a restart.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod aws_client;

use aws_client::{place, query, s3, session, user};
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, EncodingType};
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
    // Version 1 tells the next marker only with a delimiter.
    let (mut keys, mut marker) = (Vec::new(), None);
    loop {
        let page = admin.list_objects().bucket("shelf").max_keys(2).set_marker(marker).send().await.unwrap();
        assert_eq!(page.next_marker(), None);
        keys.extend(page.contents().iter().map(|object| object.key().unwrap().to_owned()));
        marker = keys.last().cloned();
        if page.is_truncated() != Some(true) {
            break;
        }
    }
    assert_eq!(keys, ["a/1", "a/2", "b", "c/1", "c/d/2", "e & f"]);
    let page = admin.list_objects().bucket("shelf").delimiter("/").max_keys(3).send().await.unwrap();
    assert_eq!((page.is_truncated(), page.next_marker()), (Some(true), Some("c/")));
    let rest = admin.list_objects().bucket("shelf").delimiter("/").marker("c/").send().await.unwrap();
    assert_eq!(rest.contents()[0].key(), Some("e & f"));
    let encoded = admin.list_objects_v2().bucket("shelf").encoding_type(EncodingType::Url).prefix("e ").send().await;
    let encoded = encoded.unwrap();
    assert_eq!((encoded.contents()[0].key(), encoded.prefix()), (Some("e+%26+f"), Some("e+")));
    let listed = &encoded.contents()[0];
    assert_eq!(listed.checksum_algorithm(), [ChecksumAlgorithm::Crc64Nvme]);
    assert_eq!(listed.storage_class().map(|class| class.as_str()), Some("STANDARD"));
    let owned = admin.list_objects_v2().bucket("shelf").fetch_owner(true).start_after("c/1").send().await.unwrap();
    assert_eq!(owned.contents().len(), 2);
    assert_eq!(owned.contents()[0].owner().unwrap().id().map(str::len), Some(64));
    for bad in [
        admin.list_objects_v2().bucket("shelf").continuation_token("made up"),
        admin.list_objects_v2().bucket("shelf").max_keys(-1),
        admin.list_objects_v2().bucket("shelf").encoding_type(EncodingType::from("base64")),
    ] {
        assert_eq!(bad.send().await.unwrap_err().code(), Some("InvalidArgument"));
    }
    let blind = s3(&world, session(&world, &card.no_list_role_arn).await, &card.region);
    let refused = blind.list_objects().bucket(&card.bucket).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("AccessDenied"));
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
    admin.create_bucket().bucket("made").create_bucket_configuration(place(&card.region)).send().await.unwrap();
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
    let make = |name: &str| admin.create_bucket().bucket(name);
    let here = || place(&card.region);
    let again = make(&card.bucket).create_bucket_configuration(here()).send().await.unwrap_err();
    assert_eq!(again.code(), Some("BucketAlreadyOwnedByYou"));
    // Only the first region may be meant by saying nothing, and only it makes buckets elsewhere.
    for unfit in [make("b-1"), make("b-1").create_bucket_configuration(place("us-west-2"))] {
        assert_eq!(unfit.send().await.unwrap_err().code(), Some("IllegalLocationConstraintException"));
    }
    make("b-1").create_bucket_configuration(here()).send().await.unwrap();
    let first = s3(&world, user(&card.admin), "us-east-1");
    first.create_bucket().bucket("b-2").send().await.unwrap();
    first.create_bucket().bucket("b-3").create_bucket_configuration(place("us-west-2")).send().await.unwrap();
    admin.put_object().bucket("b-1").key("k").body(ByteStream::from_static(b"x")).send().await.unwrap();
    assert_eq!(admin.delete_bucket().bucket("b-1").send().await.unwrap_err().code(), Some("BucketNotEmpty"));
    admin.delete_object().bucket("b-1").key("k").send().await.unwrap();
    admin.delete_object().bucket("b-1").key("k").send().await.unwrap();
    admin.delete_bucket().bucket("b-1").send().await.unwrap();
    assert_eq!(admin.delete_bucket().bucket("b-1").send().await.unwrap_err().code(), Some("NoSuchBucket"));
}
