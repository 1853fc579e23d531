//! STS as the AWS SDK sees it: trust, External ID, sessions and their end.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod aws_client;

use std::time::Duration;

use aws_client::{keys, s3, session, sts, user};
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_sts::operation::RequestId as _;
use cube_sdk_testkit::aws::{AwsCard, AwsWorld};

#[tokio::test]
async fn the_worker_assumes_a_role_and_reads_a_range() {
    let world = AwsWorld::builder().seed(3).start().await.unwrap();
    let card = world.card();
    let client = s3(&world, session(&world, &card.role_arn).await, &card.region);
    let answer =
        client.get_object().bucket(&card.bucket).key(&card.object_key).range("bytes=1000-1999").send().await.unwrap();
    assert_eq!(answer.content_range(), Some(format!("bytes 1000-1999/{}", card.object_size).as_str()));
    assert_eq!(answer.content_length(), Some(1000));
    let body = answer.body.collect().await.unwrap().to_vec();
    assert_eq!(body, world.object(&card.bucket, &card.object_key).unwrap().read(1000..2000));
    let head = client.head_object().bucket(&card.bucket).key(&card.object_key).send().await.unwrap();
    assert_eq!(head.content_length(), Some(card.object_size as i64));
    world.shutdown(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn who_may_assume_what() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    let client = sts(&world, user(&card.worker));
    let unknown = format!("arn:aws:iam::{}:role/nobody", card.account_id);
    for (role, external_id, admitted) in [
        (&card.role_arn, Some("anything"), true),
        (&card.role_arn, None, false),
        (&card.bad_role_arn, Some("anything"), false),
        (&card.drift_role_arn, Some("anything"), false),
        (&card.drift_role_arn, Some(AwsCard::PLACEHOLDER_EXTERNAL_ID), true),
        (&unknown, Some("anything"), false),
    ] {
        let answer = client
            .assume_role()
            .role_arn(role)
            .role_session_name("edgegate-test")
            .set_external_id(external_id.map(str::to_owned))
            .send()
            .await;
        assert_eq!(answer.is_ok(), admitted, "{role} with {external_id:?}");
        match answer {
            Ok(answer) => assert!(answer.request_id().is_some()),
            Err(refused) => {
                assert_eq!(refused.raw_response().unwrap().status().as_u16(), 403);
                assert_eq!(refused.code(), Some("AccessDenied"));
                assert!(refused.request_id().is_some());
                let message = refused.message().unwrap();
                assert!(message.contains("is not authorized to perform: sts:AssumeRole on resource: "), "{message}");
            }
        }
    }
}

#[tokio::test]
async fn parameters_are_checked_as_aws_does() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    let client = sts(&world, user(&card.worker));
    let ask = || client.assume_role().role_arn(&card.role_arn).role_session_name("edgegate").external_id("id");
    for (request, code, words) in [
        (ask().duration_seconds(899), "ValidationError", "greater than or equal to 900"),
        (ask().duration_seconds(43_201), "ValidationError", "less than or equal to 43200"),
        (ask().duration_seconds(7_200), "ValidationError", "MaxSessionDuration"),
        (ask().role_session_name("a b"), "ValidationError", "roleSessionName"),
        (ask().role_session_name("a"), "ValidationError", "greater than or equal to 2"),
        (ask().external_id("a b"), "ValidationError", "externalId"),
        (ask().policy("{"), "MalformedPolicyDocument", "invalid Json"),
    ] {
        let refused = request.send().await.unwrap_err();
        assert_eq!(refused.code(), Some(code));
        assert!(refused.message().unwrap().contains(words), "{:?}", refused.message());
        assert_eq!(refused.raw_response().unwrap().status().as_u16(), 400);
    }
}

#[tokio::test]
async fn wrong_keys_are_told_apart() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    let wrong_secret = keys(&card.worker.access_key_id, "not the secret", None);
    let refused = sts(&world, wrong_secret.clone()).get_caller_identity().send().await.unwrap_err();
    assert_eq!(refused.code(), Some("SignatureDoesNotMatch"));
    let refused =
        s3(&world, wrong_secret, &card.region).get_object().bucket(&card.bucket).key("k").send().await.unwrap_err();
    assert_eq!(refused.code(), Some("SignatureDoesNotMatch"));

    let unknown = keys("AKIAAAAAAAAAAAAAAAAA", "secret", None);
    let refused = sts(&world, unknown.clone()).get_caller_identity().send().await.unwrap_err();
    assert_eq!(refused.code(), Some("InvalidClientTokenId"));
    let refused =
        s3(&world, unknown, &card.region).get_object().bucket(&card.bucket).key("k").send().await.unwrap_err();
    assert_eq!(refused.code(), Some("InvalidAccessKeyId"));

    let me = sts(&world, user(&card.worker)).get_caller_identity().send().await.unwrap();
    assert_eq!(me.arn(), Some(card.principal_arn.as_str()));
    assert_eq!(me.account(), Some(card.edgegate_account_id.as_str()));
}

#[tokio::test]
async fn a_session_policy_narrows_the_role() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::{}/{}"}}]}}"#,
        card.bucket, card.object_key
    );
    let assumed = sts(&world, user(&card.worker))
        .assume_role()
        .role_arn(&card.role_arn)
        .role_session_name("narrow")
        .external_id("id")
        .policy(policy)
        .send()
        .await
        .unwrap();
    let issued = assumed.credentials().unwrap();
    let narrow = keys(issued.access_key_id(), issued.secret_access_key(), Some(issued.session_token().to_owned()));
    let client = s3(&world, narrow, &card.region);
    client.head_object().bucket(&card.bucket).key(&card.object_key).send().await.unwrap();
    let refused = client.get_object().bucket(&card.bucket).key(&card.large_key).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("AccessDenied"));
    assert!(refused.message().unwrap().contains("no session policy allows the s3:GetObject action"));
}

#[tokio::test]
async fn sessions_end_by_time_by_order_and_by_token() {
    let world = AwsWorld::builder().short_sessions().start().await.unwrap();
    let card = world.card();
    let assumed = sts(&world, user(&card.worker))
        .assume_role()
        .role_arn(&card.role_arn)
        .role_session_name("short")
        .external_id("id")
        .duration_seconds(1)
        .send()
        .await
        .unwrap();
    let issued = assumed.credentials().unwrap();
    let with_token = |token: Option<String>| keys(issued.access_key_id(), issued.secret_access_key(), token);
    let head = async |credentials| {
        let client = s3(&world, credentials, &card.region);
        client.get_object().bucket(&card.bucket).key(&card.object_key).range("bytes=0-0").send().await.map(|_| ())
    };
    head(with_token(Some(issued.session_token().to_owned()))).await.unwrap();
    let refused = head(with_token(Some("forged".to_owned()))).await.unwrap_err();
    assert_eq!((refused.code(), refused.raw_response().unwrap().status().as_u16()), (Some("InvalidToken"), 400));
    let refused = head(with_token(None)).await.unwrap_err();
    assert_eq!((refused.code(), refused.raw_response().unwrap().status().as_u16()), (Some("InvalidAccessKeyId"), 403));
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(1)).await;
    tokio::time::resume();
    let refused = head(with_token(Some(issued.session_token().to_owned()))).await.unwrap_err();
    assert_eq!((refused.code(), refused.raw_response().unwrap().status().as_u16()), (Some("ExpiredToken"), 400));

    let living = session(&world, &card.role_arn).await;
    head(living.clone()).await.unwrap();
    world.expire_sessions();
    assert_eq!(head(living.clone()).await.unwrap_err().code(), Some("ExpiredToken"));
    let refused = sts(&world, living).get_caller_identity().send().await.unwrap_err();
    assert_eq!((refused.code(), refused.raw_response().unwrap().status().as_u16()), (Some("ExpiredToken"), 403));
}

#[tokio::test]
async fn trust_by_account_root_with_an_explicit_deny() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    let root = format!("arn:aws:iam::{}:root", card.edgegate_account_id);
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[
            {{"Effect":"Allow","Principal":{{"AWS":["{root}"]}},"Action":"sts:AssumeRole","Condition":{{"StringLike":{{"sts:ExternalId":"ws-*"}}}}}},
            {{"Effect":"Deny","Principal":"*","Action":"sts:*","Condition":{{"StringEquals":{{"sts:ExternalId":["ws-old","ws-leaked"]}}}}}}]}}"#
    );
    let role = world.put_role("by-root", &trust, None).unwrap();
    let client = sts(&world, user(&card.worker));
    for (external_id, admitted) in [("ws-1", true), ("ws-old", false), ("other", false)] {
        let ask = client.assume_role().role_arn(&role).role_session_name("edge").external_id(external_id);
        assert_eq!(ask.send().await.is_ok(), admitted, "{external_id}");
    }
    assert!(world.put_role("bad", "{}", None).is_err());
    // The customer's own administrator may everything, and yet the trust policy must name it.
    let own = sts(&world, user(&card.admin));
    let own = own.assume_role().role_arn(&role).role_session_name("edge").external_id("ws-1").send().await;
    assert_eq!(own.unwrap_err().code(), Some("AccessDenied"));
}
