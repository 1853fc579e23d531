//! What the customer's administrator writes: conditions, digests, copies, multipart uploads, deletions.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod aws_client;

use aws_client::{header, presigning, s3, send, session, status, user};
use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart, Delete, MetadataDirective,
    ObjectAttributes, ObjectIdentifier, ServerSideEncryption, StorageClass,
};
use cube_sdk_testkit::aws::{AwsWorld, Object};

async fn world() -> (AwsWorld, Client, String) {
    let world = AwsWorld::builder().start().await.unwrap();
    let admin = s3(&world, user(&world.card().admin), world.region());
    let bucket = world.card().bucket.clone();
    (world, admin, bucket)
}

fn text(content: &'static str) -> ByteStream {
    ByteStream::from_static(content.as_bytes())
}

#[tokio::test]
async fn conditional_writes() {
    let (world, admin, bucket) = world().await;
    let put = || admin.put_object().bucket(&bucket).key("new/k").body(text("one"));
    let first = put().if_none_match("*").send().await.unwrap();
    let etag = first.e_tag().unwrap().to_owned();
    for (request, code, expected) in [
        (put().if_none_match("*"), "PreconditionFailed", 412),
        (put().if_match("\"0123456789abcdef0123456789abcdef\""), "PreconditionFailed", 412),
        (put().if_none_match("\"x\""), "NotImplemented", 501),
        (put().key("absent").if_match(&etag), "NoSuchKey", 404),
    ] {
        let refused = request.send().await.unwrap_err();
        assert_eq!((refused.code(), refused.raw_response().unwrap().status().as_u16()), (Some(code), expected));
    }
    put().if_match(&etag).body(text("two")).send().await.unwrap();
    assert_eq!(world.object(&bucket, "new/k").unwrap().read(0..9), b"two");
    let delete = admin.delete_object().bucket(&bucket).key("new/k");
    assert_eq!(delete.clone().if_match(&etag).send().await.unwrap_err().code(), Some("PreconditionFailed"));
    delete.send().await.unwrap();
    assert!(world.object(&bucket, "new/k").is_none());
}

#[tokio::test]
async fn digests_are_compared_and_kept() {
    let (world, admin, bucket) = world().await;
    let put = |key: &str| admin.put_object().bucket(&bucket).key(key).body(text("123456789"));
    // The SDK sends a CRC32 of its own, in a trailer.
    let sent = put("sdk").send().await.unwrap();
    assert_eq!((sent.checksum_crc32(), sent.checksum_type()), (Some("y/Q5Jg=="), Some(&ChecksumType::FullObject)));
    for (key, algorithm) in
        [("a", ChecksumAlgorithm::Crc32C), ("b", ChecksumAlgorithm::Sha1), ("c", ChecksumAlgorithm::Sha256)]
    {
        put(key).checksum_algorithm(algorithm).send().await.unwrap();
    }
    let head = async |key: &str| {
        admin.head_object().bucket(&bucket).key(key).checksum_mode(ChecksumMode::Enabled).send().await.unwrap()
    };
    assert_eq!(head("a").await.checksum_crc32_c(), Some("4waSgw=="));
    assert_eq!(head("b").await.checksum_sha1(), Some("98O8HYCOBHMq32eZZczDTKeuNEE="));
    assert_eq!(head("c").await.checksum_sha256().map(str::len), Some(44));
    let wrong = put("w").checksum_crc32_c("AAAAAA==").send().await.unwrap_err();
    assert_eq!((wrong.code(), wrong.raw_response().unwrap().status().as_u16()), (Some("BadDigest"), 400));
    assert!(world.object(&bucket, "w").is_none());

    // Without any, S3 works out a CRC64NVME by itself.
    let plain = admin.put_object().bucket(&bucket).key("plain").presigned(presigning()).await.unwrap();
    let (answer, _) = send(&world, &plain, "content-length: 0\r\n").await;
    assert_eq!(status(&answer), 200, "{answer}");
    assert_eq!(header(&answer, "x-amz-checksum-crc64nvme"), Some("AAAAAAAAAAA="));
    for (digest, code) in [("nonsense", "InvalidDigest"), ("AAAAAAAAAAAAAAAAAAAAAA==", "BadDigest")] {
        let (answer, body) = send(&world, &plain, &format!("content-length: 0\r\ncontent-md5: {digest}\r\n")).await;
        assert!(status(&answer) == 400 && body.contains(&format!("<Code>{code}</Code>")), "{body}");
    }
    let (answer, _) = send(&world, &plain, "content-length: 0\r\ncontent-md5: 1B2M2Y8AsgTpgAmY7PhCfg==\r\n").await;
    assert_eq!(status(&answer), 200);
}

#[tokio::test]
async fn metadata_is_kept_and_copied() {
    let (world, admin, bucket) = world().await;
    let put = admin.put_object().bucket(&bucket).key("from").body(text("content")).content_type("text/x");
    let put = put.cache_control("no-cache").metadata("name", "net").storage_class(StorageClass::StandardIa);
    put.send().await.unwrap();
    let copy = |to: &str| admin.copy_object().copy_source(format!("{bucket}/from")).bucket(&bucket).key(to);
    copy("to").send().await.unwrap();
    let copied = admin.head_object().bucket(&bucket).key("to").send().await.unwrap();
    assert_eq!((copied.content_type(), copied.cache_control()), (Some("text/x"), Some("no-cache")));
    assert_eq!((copied.metadata().unwrap()["name"].as_str(), copied.storage_class()), ("net", None));
    copy("to").metadata_directive(MetadataDirective::Replace).content_type("text/y").send().await.unwrap();
    let replaced = admin.head_object().bucket(&bucket).key("to").send().await.unwrap();
    assert_eq!((replaced.content_type(), replaced.cache_control()), (Some("text/y"), None));
    assert_eq!(
        admin.get_object().bucket(&bucket).key("to").send().await.unwrap().body.collect().await.unwrap().to_vec(),
        b"content"
    );

    let etag = copied.e_tag().unwrap();
    for (request, code) in [
        (copy("from"), "InvalidRequest"),
        (copy("x").copy_source_if_match("\"other\""), "PreconditionFailed"),
        (copy("x").copy_source_if_none_match(etag), "PreconditionFailed"),
        (copy("x").copy_source(format!("{bucket}/none")), "NoSuchKey"),
        (copy("x").copy_source("nobodys-bucket/k"), "NoSuchBucket"),
    ] {
        assert_eq!(request.send().await.unwrap_err().code(), Some(code));
    }
    copy("from").metadata_directive(MetadataDirective::Replace).send().await.unwrap();
    world.put_object(&bucket, "cold", Object::bytes("x").storage_class("GLACIER")).unwrap();
    let cold = copy("x").copy_source(format!("{bucket}/cold")).send().await.unwrap_err();
    assert_eq!((cold.code(), cold.raw_response().unwrap().status().as_u16()), (Some("InvalidObjectState"), 403));
}

#[tokio::test]
async fn multipart_uploads() {
    let (world, admin, bucket) = world().await;
    const PART: usize = 5 << 20;
    for (algorithm, kind) in
        [(None, ChecksumType::FullObject), (Some(ChecksumAlgorithm::Sha256), ChecksumType::Composite)]
    {
        let begun =
            admin.create_multipart_upload().bucket(&bucket).key("big").set_checksum_algorithm(algorithm.clone());
        let begun = begun.content_type("text/x").send().await.unwrap();
        let id = begun.upload_id().unwrap();
        let mut parts = Vec::new();
        for (number, bytes) in [(1, vec![1; PART]), (2, vec![2; 9])] {
            let part = admin.upload_part().bucket(&bucket).key("big").upload_id(id).part_number(number);
            let part = part.set_checksum_algorithm(algorithm.clone()).body(bytes.into()).send().await.unwrap();
            parts.push(CompletedPart::builder().part_number(number).e_tag(part.e_tag().unwrap()).build());
        }
        let listed = admin.list_parts().bucket(&bucket).key("big").upload_id(id).max_parts(1).send().await.unwrap();
        assert_eq!((listed.parts().len(), listed.is_truncated()), (1, Some(true)));
        let uploads = admin.list_multipart_uploads().bucket(&bucket).send().await.unwrap();
        assert_eq!(uploads.uploads().len(), 1);
        let complete = |parts: Vec<CompletedPart>| {
            let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
            admin.complete_multipart_upload().bucket(&bucket).key("big").upload_id(id).multipart_upload(parts)
        };
        let turned = complete(parts.iter().rev().cloned().collect()).send().await.unwrap_err();
        assert_eq!(turned.code(), Some("InvalidPartOrder"));
        let done = complete(parts.clone()).send().await.unwrap();
        assert!(done.e_tag().unwrap().ends_with("-2\"") && done.checksum_type() == Some(&kind), "{done:?}");
        assert_eq!(complete(parts).send().await.unwrap_err().code(), Some("NoSuchUpload"));
        let second = admin.get_object().bucket(&bucket).key("big").part_number(2).send().await.unwrap();
        assert_eq!((second.parts_count(), second.content_length()), (Some(2), Some(9)));
        let shown =
            admin.head_object().bucket(&bucket).key("big").checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
        assert_eq!((shown.content_type(), shown.checksum_type()), (Some("text/x"), Some(&kind)));
        assert_eq!(shown.checksum_crc64_nvme().is_some(), algorithm.is_none());
        assert_eq!(shown.checksum_sha256().is_some_and(|sum| sum.ends_with("-2")), algorithm.is_some());
    }
    let whole =
        admin.get_object().bucket(&bucket).key("big").send().await.unwrap().body.collect().await.unwrap().to_vec();
    assert_eq!((whole.len(), whole[PART - 1], whole[PART]), (PART + 9, 1, 2));

    let asked = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"].map(ObjectAttributes::from);
    let attributes =
        admin.get_object_attributes().bucket(&bucket).key("big").set_object_attributes(Some(asked.to_vec()));
    let attributes = attributes.send().await.unwrap();
    assert_eq!(attributes.object_size(), Some(PART as i64 + 9));
    assert_eq!(attributes.object_parts().and_then(|parts| parts.total_parts_count()), Some(2));
    assert_eq!(attributes.checksum().and_then(|sum| sum.checksum_type()), Some(&ChecksumType::Composite));
    assert_eq!(attributes.storage_class(), Some(&StorageClass::Standard));
    let reader = s3(&world, session(&world, &world.card().role_arn).await, world.region());
    let refused = reader.get_object_attributes().bucket(&bucket).key("big").object_attributes(ObjectAttributes::Etag);
    assert_eq!(refused.send().await.unwrap_err().code(), Some("AccessDenied"));

    let begun = admin.create_multipart_upload().bucket(&bucket).key("copied").send().await.unwrap();
    let id = begun.upload_id().unwrap();
    let copy = admin.upload_part_copy().bucket(&bucket).key("copied").upload_id(id).part_number(1);
    let copy = copy.copy_source(format!("{bucket}/big"));
    copy.clone().copy_source_range("bytes=1-3").send().await.unwrap();
    let beyond = copy.copy_source_range("bytes=1-99999999").send().await.unwrap_err();
    assert_eq!(beyond.code(), Some("InvalidArgument"));
    admin.abort_multipart_upload().bucket(&bucket).key("copied").upload_id(id).send().await.unwrap();
    let gone = admin.list_parts().bucket(&bucket).key("copied").upload_id(id).send().await.unwrap_err();
    assert_eq!(gone.code(), Some("NoSuchUpload"));
    assert!(world.object(&bucket, "copied").is_none());
}

#[tokio::test]
async fn many_are_deleted_at_once() {
    let (world, admin, bucket) = world().await;
    for key in ["d/1", "d/2", "d/3"] {
        world.put_object(&bucket, key, Object::bytes(key)).unwrap();
    }
    let ids = |keys: &[&str]| {
        let ids = keys.iter().map(|key| ObjectIdentifier::builder().key(*key).build().unwrap());
        Delete::builder().set_objects(Some(ids.collect()))
    };
    let delete = |keys: &[&str]| admin.delete_objects().bucket(&bucket).delete(ids(keys).build().unwrap());
    let done = delete(&["d/1", "d/none"]).send().await.unwrap();
    let deleted: Vec<_> = done.deleted().iter().map(|gone| gone.key().unwrap()).collect();
    assert_eq!((deleted, done.errors().len()), (vec!["d/1", "d/none"], 0));
    let quiet = admin.delete_objects().bucket(&bucket).delete(ids(&["d/2"]).quiet(true).build().unwrap());
    assert!(quiet.send().await.unwrap().deleted().is_empty());
    assert_eq!(delete(&[]).send().await.unwrap_err().code(), Some("MalformedXML"));

    let reader = s3(&world, session(&world, &world.card().role_arn).await, world.region());
    let refused = reader.delete_objects().bucket(&bucket).delete(ids(&["d/3"]).build().unwrap()).send().await.unwrap();
    assert_eq!((refused.errors()[0].code(), refused.errors()[0].key()), (Some("AccessDenied"), Some("d/3")));
    assert!(world.object(&bucket, "d/3").is_some() && world.object(&bucket, "d/2").is_none());

    let names: Vec<String> = world
        .cloudtrail()
        .iter()
        .map(|record| format!("{} {}", record["eventName"].as_str().unwrap(), record["requestParameters"]["key"]))
        .collect();
    assert_eq!(names[..3], ["DeleteObjects null", "DeleteObject \"d/1\"", "DeleteObject \"d/none\""]);
}

#[tokio::test]
async fn encrypted_writes_ask_the_key() {
    let (world, admin, bucket) = world().await;
    let key = world.card().kms_key_arn.clone();
    let put = || {
        admin.put_object().bucket(&bucket).key("e").body(text("x")).server_side_encryption(ServerSideEncryption::AwsKms)
    };
    let put = || put().ssekms_key_id(&key);
    let made = put().send().await.unwrap();
    assert_eq!(made.ssekms_key_id(), Some(key.as_str()));
    assert_ne!(made.e_tag(), Some("\"9dd4e461268c8034f5c8564e155c67a6\""), "no MD5 under a key");
    let deny = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"kms:GenerateDataKey","Resource":"*"}]}"#;
    world.set_kms_key_policy(&key, Some(deny)).unwrap();
    let refused = put().send().await.unwrap_err();
    assert_eq!(refused.code(), Some("AccessDenied"));
    let words = format!("is not authorized to perform: kms:GenerateDataKey on resource: {key} with an explicit deny");
    assert!(refused.message().unwrap().contains(&words), "{:?}", refused.message());
}
