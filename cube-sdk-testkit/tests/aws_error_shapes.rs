//! S3's and STS's errors as they stand on the wire.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod aws_client;

use aws_client::{exchange, header, keys, presigning, query, s3, send, session, user};
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::operation::{RequestId as _, RequestIdExt as _};
use cube_sdk_testkit::aws::{AwsWorld, Effect, Fault, WrongRegion};

#[tokio::test]
async fn get_errors_carry_code_message_and_ids() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    let client = s3(&world, session(&world, &card.role_arn).await, &card.region);
    let stranger = s3(&world, keys("AKIAAAAAAAAAAAAAAAAA", "secret", None), &card.region);
    let elsewhere = s3(&world, session(&world, &card.role_arn).await, "ap-south-1");
    let get = async |client: &aws_sdk_s3::Client, bucket: &str, key: &str| {
        client.get_object().bucket(bucket).key(key).presigned(presigning()).await.unwrap()
    };
    let size = format!("<ActualObjectSize>{}</ActualObjectSize>", card.object_size);
    let (bucket, key) = (card.bucket.as_str(), card.object_key.as_str());
    for (request, headers, status, code, element) in [
        (get(&client, bucket, "no/such").await, "", 404, "NoSuchKey", "<Key>no/such</Key>"),
        (
            get(&client, &card.gone_bucket, key).await,
            "",
            404,
            "NoSuchBucket",
            "<BucketName>acme-edge-models-gone</BucketName>",
        ),
        (get(&client, bucket, &card.denied_key).await, "", 403, "AccessDenied", "explicit deny"),
        (get(&client, bucket, key).await, "range: bytes=99999999-\r\n", 416, "InvalidRange", size.as_str()),
        (
            get(&client, bucket, key).await,
            "if-match: \"other\"\r\n",
            412,
            "PreconditionFailed",
            "<Condition>If-Match</Condition>",
        ),
        (get(&stranger, bucket, key).await, "", 403, "InvalidAccessKeyId", "does not exist in our records"),
        (
            get(&elsewhere, bucket, key).await,
            "",
            301,
            "PermanentRedirect",
            "<Endpoint>acme-edge-models.s3.eu-central-1.amazonaws.com</Endpoint>",
        ),
    ] {
        let (head, body) = send(&world, &request, headers).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{code}: {head}");
        assert_eq!(header(&head, "content-type"), Some("application/xml"));
        let id = header(&head, "x-amz-request-id").unwrap();
        let host_id = header(&head, "x-amz-id-2").unwrap();
        assert!(body.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>"), "{body}");
        assert!(body.contains(&format!("<Code>{code}</Code><Message>")), "{body}");
        assert!(body.contains(element), "{element}: {body}");
        assert!(body.ends_with(&format!("<RequestId>{id}</RequestId><HostId>{host_id}</HostId></Error>")), "{body}");
        assert_eq!(header(&head, "x-amz-bucket-region").is_some(), status == 301);
    }
    let anonymous = format!("GET /{bucket}/{key} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", world.address());
    let (head, body) = exchange(&world, &anonymous).await;
    assert!(
        head.starts_with("HTTP/1.1 403 ") && body.contains("<Code>AccessDenied</Code><Message>Access Denied</Message>")
    );
}

#[tokio::test]
async fn head_errors_have_no_body() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    let client = s3(&world, session(&world, &card.role_arn).await, &card.region);
    for (bucket, key, status) in [
        (&card.bucket, &card.missing_key, 404),
        (&card.bucket, &card.denied_key, 403),
        (&card.gone_bucket, &card.object_key, 404),
        (&card.other_region_bucket, &card.object_key, 301),
    ] {
        let request = client.head_object().bucket(bucket).key(key).presigned(presigning()).await.unwrap();
        let (head, body) = send(&world, &request, "").await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        assert_eq!(body, "");
        assert_eq!(header(&head, "content-type"), None, "{head}");
        assert!(header(&head, "x-amz-request-id").is_some());
        let region = header(&head, "x-amz-bucket-region");
        assert_eq!(region, (status == 301).then_some(card.other_region.as_str()));
    }
    let found = client.head_object().bucket(&card.bucket).key(&card.object_key).presigned(presigning()).await.unwrap();
    let (head, body) = send(&world, &found, "").await;
    assert_eq!((header(&head, "content-length"), body.as_str()), (Some(card.object_size.to_string().as_str()), ""));
    let etag = header(&head, "etag").unwrap().to_owned();
    let get = client.get_object().bucket(&card.bucket).key(&card.object_key).presigned(presigning()).await.unwrap();
    let (head, body) = send(&world, &get, &format!("if-none-match: {etag}\r\n")).await;
    assert!(head.starts_with("HTTP/1.1 304 ") && body.is_empty(), "{head}");
    assert_eq!(header(&head, "etag"), Some(etag.as_str()));
    assert!(header(&head, "last-modified").is_some());
}

#[tokio::test]
async fn a_wrong_region_has_two_shapes() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    let credentials = session(&world, &card.role_arn).await;
    let client = s3(&world, credentials.clone(), &card.region);
    let head = || client.head_bucket().bucket(&card.other_region_bucket);
    let refused = head().send().await.unwrap_err();
    assert_eq!(refused.raw_response().unwrap().status().as_u16(), 301);
    world.set_wrong_region(WrongRegion::AuthorizationHeaderMalformed);
    let refused = head().send().await.unwrap_err();
    assert_eq!(refused.raw_response().unwrap().status().as_u16(), 400);
    assert_eq!(refused.raw_response().unwrap().headers().get("x-amz-bucket-region"), Some(card.other_region.as_str()));
    let get = client.get_object().bucket(&card.other_region_bucket).key("k").presigned(presigning()).await.unwrap();
    let (_, body) = send(&world, &get, "").await;
    assert!(body.contains("<Code>AuthorizationHeaderMalformed</Code>"), "{body}");
    assert!(body.contains(&format!("<Region>{}</Region>", card.other_region)), "{body}");

    // Signed for the right region, the bucket answers; without ListBucket on it, with its region all the same.
    let there = s3(&world, credentials, &card.other_region);
    let refused = there.head_bucket().bucket(&card.other_region_bucket).send().await.unwrap_err();
    assert_eq!(refused.raw_response().unwrap().status().as_u16(), 403);
    assert_eq!(refused.raw_response().unwrap().headers().get("x-amz-bucket-region"), Some(card.other_region.as_str()));
    let admin = s3(&world, user(&card.admin), &card.other_region);
    let found = admin.head_bucket().bucket(&card.other_region_bucket).send().await.unwrap();
    assert_eq!(found.bucket_region(), Some(card.other_region.as_str()));
}

#[tokio::test]
async fn the_sdk_reads_codes_and_ids() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    let client = s3(&world, session(&world, &card.role_arn).await, &card.region);
    let get = || client.get_object().bucket(&card.bucket).key(&card.object_key);
    world.faults().add(Fault::new(Effect::SlowDown { retry_after: Some(3) }).nth(1));
    world.faults().add(Fault::new(Effect::InternalError).nth(2));
    let slow = get().send().await.unwrap_err();
    assert_eq!(slow.code(), Some("SlowDown"));
    assert_eq!(slow.raw_response().unwrap().status().as_u16(), 503);
    assert_eq!(slow.raw_response().unwrap().headers().get("retry-after"), Some("3"));
    assert_eq!(slow.request_id().map(str::len), Some(16));
    assert!(slow.extended_request_id().is_some());
    let broken = get().send().await.unwrap_err();
    assert_eq!((broken.code(), broken.raw_response().unwrap().status().as_u16()), (Some("InternalError"), 500));
    let found = get().send().await.unwrap();
    assert!(found.request_id().is_some());
}

#[tokio::test]
async fn sts_errors_in_the_query_shape() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    let fields = [("RoleArn", card.bad_role_arn.as_str()), ("RoleSessionName", "edge"), ("ExternalId", "id")];
    let (status, body) = query(&world, &card.worker, "sts", "AssumeRole", &fields).await;
    assert_eq!(status, 403);
    let start = "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User: ";
    assert!(body.starts_with(start), "{body}");
    let tail = body.split_once("</Message></Error><RequestId>").unwrap().1;
    assert_eq!(tail.trim_end().len(), 36 + "</RequestId></ErrorResponse>".len(), "{body}");

    let form = "Action=GetCallerIdentity&Version=2011-06-15";
    let unsigned = format!(
        "POST / HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    );
    let (head, body) = exchange(&world, &unsigned).await;
    assert!(head.starts_with("HTTP/1.1 403 ") && body.contains("<Code>MissingAuthenticationToken</Code>"), "{body}");
    let id = header(&head, "x-amzn-requestid").unwrap();
    assert!(body.contains(&format!("<RequestId>{id}</RequestId>")), "{body}");

    let (status, body) = query(&world, &card.worker, "sts", "GetCallerIdentity", &[]).await;
    assert_eq!(status, 200);
    assert!(body.contains(&format!("<GetCallerIdentityResult><Arn>{}</Arn>", card.principal_arn)), "{body}");
}
