//! STS as the AWS SDK sees it: trust, External ID, sessions and their end.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod aws_client;

use std::time::Duration;

use aws_client::{keys, query, s3, session, sts, user};
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

/// A policy over one key.
fn policy(key: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/{key}"}}]}}"#
    )
}

/// Letters that do not pack.
fn noise(length: usize) -> String {
    let next =
        |state: &u64| Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
    let letter = |state: u64| char::from(b'a' + ((state >> 33) % 26) as u8);
    std::iter::successors(Some(1), next).map(letter).take(length).collect()
}

#[tokio::test]
async fn policies_that_fit_are_taken() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    let client = sts(&world, user(&card.worker));
    let ask = || client.assume_role().role_arn(&card.role_arn).role_session_name("edgegate").external_id("id");
    // What is beyond Latin-1 may be written as an escape, and then means the same.
    world.put_object(&card.bucket, "模型–é", cube_sdk_testkit::aws::Object::bytes("x")).unwrap();
    let escaped = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::{}/\u6a21\u578b\u2013é"}}]}}"#,
        card.bucket
    );
    let fields =
        [("RoleArn", card.role_arn.as_str()), ("RoleSessionName", "edge"), ("ExternalId", "id"), ("Policy", &escaped)];
    let (_, body) = query(&world, &card.worker, "sts", "AssumeRole", &fields).await;
    let packed = body.split("<PackedPolicySize>").nth(1).and_then(|rest| rest.split('<').next()?.parse().ok());
    assert!(packed.is_some_and(|percent: u32| (1..100).contains(&percent)), "{body}");
    let assumed = ask().policy(escaped).send().await.unwrap();
    let issued = assumed.credentials().unwrap();
    let narrow = keys(issued.access_key_id(), issued.secret_access_key(), Some(issued.session_token().to_owned()));
    let narrow = s3(&world, narrow, &card.region);
    narrow.get_object().bucket(&card.bucket).key("模型–é").send().await.unwrap();
    assert!(narrow.head_object().bucket(&card.bucket).key(&card.object_key).send().await.is_err());

    let roomy = AwsWorld::builder().packed_policy_limit(4_096).start().await.unwrap();
    let client = sts(&roomy, user(&roomy.card().worker));
    let ask = client.assume_role().role_arn(&roomy.card().role_arn).role_session_name("edgegate").external_id("id");
    ask.policy(policy(&noise(1_500))).send().await.unwrap();
}

#[tokio::test]
async fn a_region_that_is_switched_off() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    let client = sts(&world, user(&card.worker));
    let assume = || client.assume_role().role_arn(&card.role_arn).role_session_name("edge").external_id("id").send();
    world.set_sts_disabled(&card.region, true);
    let refused = assume().await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.raw_response().unwrap().status().as_u16()),
        (Some("RegionDisabledException"), 403)
    );
    let words = format!("STS is not activated in this region for account:{}.", card.account_id);
    assert!(refused.message().unwrap().starts_with(&words), "{:?}", refused.message());
    // It is the role's account that is asked for credentials; who calls is told in any region.
    client.get_caller_identity().send().await.unwrap();
    world.set_sts_disabled(&card.region, false);
    assume().await.unwrap();
}

#[tokio::test]
async fn what_is_not_known_is_refused() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    let tag = aws_sdk_sts::types::Tag::builder().key("k").value("v").build().unwrap();
    let client = sts(&world, user(&card.worker));
    let ask = client.assume_role().role_arn(&card.role_arn).role_session_name("edge").external_id("id").tags(tag);
    assert_eq!(ask.send().await.unwrap_err().code(), Some("NotImplemented"));
}

#[tokio::test]
async fn conditions_and_variables_of_a_trust_policy() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    let trust = |condition: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"sts:AssumeRole","Condition":{condition}}}]}}"#,
            card.principal_arn
        )
    };
    let client = sts(&world, user(&card.worker));
    for (condition, admitted) in [
        (r#"{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}"#, true),
        (r#"{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","192.168.0.0/16"]}}"#, false),
        (r#"{"StringEquals":{"sts:RoleSessionName":"${aws:username}"}}"#, true),
        (r#"{"StringEquals":{"sts:RoleSessionName":"${aws:PrincipalTag/team}"}}"#, false),
        (r#"{"StringEquals":{"sts:RoleSessionName":"${aws:PrincipalTag/team, 'edgegate-worker'}"}}"#, true),
        (r#"{"StringEquals":{"sts:ExternalId":"a${*}"}}"#, false),
        (r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/edgegate-*"}}"#, true),
        (r#"{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}"#, false),
        (r#"{"DateGreaterThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}}"#, true),
    ] {
        let role = world.put_role("conditions", &trust(condition), None).unwrap();
        let ask = client.assume_role().role_arn(role).role_session_name("edgegate-worker").external_id("ab");
        assert_eq!(ask.send().await.is_ok(), admitted, "{condition}");
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
        (ask().external_id("a"), "ValidationError", "greater than or equal to 2"),
        (ask().external_id("x".repeat(1_225)), "ValidationError", "less than or equal to 1224"),
        (ask().role_session_name("x".repeat(65)), "ValidationError", "less than or equal to 64"),
        (ask().role_arn("arn:aws:iam::1"), "ValidationError", "'roleArn'"),
        (ask().role_arn("arn:aws:iam::111122223333:user/someone"), "ValidationError", "is invalid"),
        (ask().role_arn("arn:aws:iam::11112222333:role/short-account"), "ValidationError", "is invalid"),
        (ask().policy("{"), "MalformedPolicyDocument", "invalid Json"),
        (ask().policy(policy("models/a–b")), "ValidationError", "[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+"),
        (ask().policy(policy("模型")), "ValidationError", "'policy'"),
        (ask().policy(policy("a\u{1}b")), "ValidationError", "'policy'"),
        (ask().policy(policy(&"x".repeat(2_048))), "ValidationError", "less than or equal to 2048"),
        (ask().policy(policy("models/a–b")).external_id("a b"), "ValidationError", "2 validation errors detected"),
        (
            ask().policy(policy(&noise(1_500))),
            "PackedPolicyTooLarge",
            "% of allotted space, please use smaller policy.",
        ),
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
