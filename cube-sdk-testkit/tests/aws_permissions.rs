//! What a session may read: role policy, bucket policy, KMS, revocation; and IAM's own calls.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod aws_client;

use std::time::Duration;

use aws_client::{query, s3, session, user};
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use cube_sdk_testkit::aws::AwsWorld;

async fn read(world: &AwsWorld, client: &aws_sdk_s3::Client, key: &str) -> Result<(), (u16, String, String)> {
    let answer = client.get_object().bucket(&world.card().bucket).key(key).range("bytes=0-9").send().await;
    answer.map(|_| ()).map_err(|refused| {
        let status = refused.raw_response().unwrap().status().as_u16();
        (status, refused.code().unwrap().to_owned(), refused.message().unwrap().to_owned())
    })
}

#[tokio::test]
async fn keys_missing_denied_and_encrypted() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    let lists = s3(&world, session(&world, &card.role_arn).await, &card.region);
    let blind = s3(&world, session(&world, &card.no_list_role_arn).await, &card.region);
    let decrypts = s3(&world, session(&world, &card.kms_role_arn).await, &card.region);

    assert_eq!(read(&world, &lists, &card.object_key).await, Ok(()));
    let (status, code, _) = read(&world, &lists, &card.missing_key).await.unwrap_err();
    assert_eq!((status, code.as_str()), (404, "NoSuchKey"));
    let (status, code, message) = read(&world, &blind, &card.missing_key).await.unwrap_err();
    assert_eq!((status, code.as_str()), (403, "AccessDenied"));
    assert!(message.contains("s3:ListBucket"), "{message}");

    let (status, code, message) = read(&world, &lists, &card.denied_key).await.unwrap_err();
    assert_eq!((status, code.as_str()), (403, "AccessDenied"));
    assert!(message.ends_with("with an explicit deny in a resource-based policy"), "{message}");

    let (status, code, message) = read(&world, &lists, &card.kms_denied_key).await.unwrap_err();
    assert_eq!((status, code.as_str()), (403, "AccessDenied"));
    let named = format!("is not authorized to perform: kms:Decrypt on resource: {}", card.kms_key_arn);
    assert!(message.contains(&named), "{message}");
    assert_eq!(read(&world, &decrypts, &card.kms_denied_key).await, Ok(()));

    // Metadata of an encrypted object needs no key; its checksum does.
    let head = || lists.head_object().bucket(&card.bucket).key(&card.kms_denied_key);
    assert_eq!(head().send().await.unwrap().ssekms_key_id(), Some(card.kms_key_arn.as_str()));
    let refused = head().checksum_mode(aws_sdk_s3::types::ChecksumMode::Enabled).send().await.unwrap_err();
    assert_eq!(refused.raw_response().unwrap().status().as_u16(), 403);

    // The worker's own key opens nothing.
    let (status, code, _) =
        read(&world, &s3(&world, user(&card.worker), &card.region), &card.object_key).await.unwrap_err();
    assert_eq!((status, code.as_str()), (403, "AccessDenied"));
}

#[tokio::test]
async fn revocation_reaches_living_sessions() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    let role = card.role_arn.rsplit('/').next().unwrap();
    let client = s3(&world, session(&world, &card.role_arn).await, &card.region);
    assert_eq!(read(&world, &client, &card.object_key).await, Ok(()));

    // What the console's "revoke active sessions" attaches (IAM user guide).
    let now = jiff::Timestamp::now();
    let revoke = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Action":["*"],"Resource":["*"],"Condition":{{"DateLessThan":{{"aws:TokenIssueTime":"{now}"}}}}}}]}}"#
    );
    let put = [("RoleName", role), ("PolicyName", "AWSRevokeOlderSessions"), ("PolicyDocument", &revoke)];
    assert_eq!(query(&world, &card.admin, "iam", "PutRolePolicy", &put).await.0, 200);
    let (status, _, message) = read(&world, &client, &card.object_key).await.unwrap_err();
    assert_eq!(status, 403);
    assert!(message.ends_with("with an explicit deny in an identity-based policy"), "{message}");

    let renewed = s3(&world, session(&world, &card.role_arn).await, &card.region);
    assert_eq!(read(&world, &renewed, &card.object_key).await, Ok(()));

    for policy in ["AWSRevokeOlderSessions", "EdgeGateReadModels"] {
        let delete = [("RoleName", role), ("PolicyName", policy)];
        assert_eq!(query(&world, &card.admin, "iam", "DeleteRolePolicy", &delete).await.0, 200);
    }
    let (_, _, message) = read(&world, &renewed, &card.object_key).await.unwrap_err();
    assert!(message.ends_with("because no identity-based policy allows the s3:GetObject action"), "{message}");
    assert_eq!(query(&world, &card.admin, "iam", "DeleteRole", &[("RoleName", role)]).await.0, 200);
    assert_eq!(read(&world, &renewed, &card.object_key).await.unwrap_err().0, 403);
}

#[tokio::test]
async fn iam_calls_and_their_errors() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"sts:AssumeRole","Condition":{{"StringEquals":{{"sts:ExternalId":"one"}}}}}}]}}"#,
        card.principal_arn
    );
    let permissions = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    let create = [
        ("RoleName", "reader"),
        ("AssumeRolePolicyDocument", &trust),
        ("Tags.member.1.Key", "edgegate:bucket"),
        ("Tags.member.1.Value", "a&b"),
    ];
    let put = [("RoleName", "reader"), ("PolicyName", "p"), ("PolicyDocument", permissions)];
    let bad = [("RoleName", "reader"), ("PolicyName", "p"), ("PolicyDocument", "{")];
    let name = [("RoleName", "reader")];
    let policy = [("RoleName", "reader"), ("PolicyName", "p")];
    let other = [("RoleName", "reader"), ("PolicyName", "q")];
    type Step<'a> = (&'a str, &'a [(&'a str, &'a str)], u16, &'a str);
    let steps: &[Step<'_>] = &[
        ("GetRole", &name, 404, "<Code>NoSuchEntity</Code>"),
        ("CreateRole", &create, 200, "<Arn>arn:aws:iam::111122223333:role/reader</Arn>"),
        ("CreateRole", &create, 409, "<Code>EntityAlreadyExists</Code>"),
        ("GetRole", &name, 200, "<Value>a&amp;b</Value>"),
        ("PutRolePolicy", &bad, 400, "<Code>MalformedPolicyDocument</Code>"),
        ("PutRolePolicy", &put, 200, "<PutRolePolicyResponse"),
        ("ListRolePolicies", &name, 200, "<member>p</member>"),
        ("GetRolePolicy", &policy, 200, "<PolicyDocument>%7B%22Version%22"),
        ("DeleteRole", &name, 409, "<Code>DeleteConflict</Code>"),
        ("DeleteRolePolicy", &other, 404, "<Code>NoSuchEntity</Code>"),
        ("DeleteRolePolicy", &policy, 200, "<DeleteRolePolicyResponse"),
        ("DeleteRole", &name, 200, "<DeleteRoleResponse"),
        ("ListUsers", &name, 400, "<Code>InvalidAction</Code>"),
        ("GetRole", &[], 400, "<Code>ValidationError</Code>"),
    ];
    for (action, fields, status, words) in steps {
        let (answered, body) = query(&world, &card.admin, "iam", action, fields).await;
        assert_eq!(answered, *status, "{action}: {body}");
        assert!(body.contains(words), "{action}: {body}");
        assert!(body.contains("<RequestId>"), "{action}: {body}");
    }
    let (status, body) = query(&world, &card.worker, "iam", "CreateRole", &create).await;
    assert_eq!(status, 403);
    assert!(body.contains("<Code>AccessDenied</Code>"), "{body}");
    let (status, body) = query(&world, &card.admin, "sts", "CreateRole", &create).await;
    assert_eq!((status, body.contains("correct service")), (403, true), "{body}");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_never_settles_is_no_panic() {
    let world = AwsWorld::builder().iam_delay(Duration::MAX..=Duration::MAX).start().await.unwrap();
    let card = world.card();
    let role = card.drift_role_arn.rsplit('/').next().unwrap();
    let update = [("RoleName", role), ("PolicyDocument", r#"{"Version":"2012-10-17","Statement":[]}"#)];
    let (status, body) = query(&world, &card.admin, "iam", "UpdateAssumeRolePolicy", &update).await;
    assert!(status < 500, "{body}");
}

#[tokio::test(start_paused = true)]
async fn changes_to_roles_settle_by_tokios_clock() {
    let wait = Duration::from_secs(10);
    let world = AwsWorld::builder().iam_delay(wait..=wait).start().await.unwrap();
    let card = world.card();
    let role = card.drift_role_arn.rsplit('/').next().unwrap();
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"sts:AssumeRole","Condition":{{"StringEquals":{{"sts:ExternalId":"minted"}}}}}}]}}"#,
        card.principal_arn
    );
    let update = [("RoleName", role), ("PolicyDocument", trust.as_str())];
    assert_eq!(query(&world, &card.admin, "iam", "UpdateAssumeRolePolicy", &update).await.0, 200);
    let assume = [("RoleArn", card.drift_role_arn.as_str()), ("RoleSessionName", "early"), ("ExternalId", "minted")];
    // IAM itself reads the new policy at once; STS does not see it yet.
    assert!(query(&world, &card.admin, "iam", "GetRole", &[("RoleName", role)]).await.1.contains("minted"));
    assert_eq!(query(&world, &card.worker, "sts", "AssumeRole", &assume).await.0, 403);
    tokio::time::advance(wait).await;
    assert_eq!(query(&world, &card.worker, "sts", "AssumeRole", &assume).await.0, 200);
}

#[tokio::test]
async fn policy_variables_reach_s3() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"sts:AssumeRole"}}]}}"#,
        card.principal_arn
    );
    for key in ["a*b", "axb", "what?", "whatx", "$1", "run/edgegate-test"] {
        world.put_object(&card.bucket, key, cube_sdk_testkit::aws::Object::bytes("0123456789")).unwrap();
    }
    let bucket = &card.bucket;
    let policy = |version: &str| {
        format!(
            r#"{{"Version":"{version}","Statement":[{{"Effect":"Allow","Action":"s3:GetObject","Resource":[
                "arn:aws:s3:::{bucket}/a${{*}}b","arn:aws:s3:::{bucket}/what${{?}}","arn:aws:s3:::{bucket}/${{$}}1",
                "arn:aws:s3:::{bucket}/${{aws:username}}/*"]}}]}}"#
        )
    };
    for (version, readable) in [("2012-10-17", &["a*b", "what?", "$1"][..]), ("2008-10-17", &[])] {
        let role = world.put_role("variables", &trust, Some(&policy(version))).unwrap();
        let client = s3(&world, session(&world, &role).await, &card.region);
        for key in ["a*b", "axb", "what?", "whatx", "$1", "run/edgegate-test"] {
            assert_eq!(read(&world, &client, key).await.is_ok(), readable.contains(&key), "{version} {key}");
        }
    }
}

/// Bucket policies that AWS's own pages give as examples deny by these keys, with operators that an absent key satisfies.
#[tokio::test]
async fn denials_by_owner_and_signature_spare_who_is_in_order() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    let client = s3(&world, session(&world, &card.role_arn).await, &card.region);
    let (bucket, account) = (&card.bucket, &card.account_id);
    for (condition, admitted) in [
        (format!(r#"{{"StringNotEquals":{{"s3:ResourceAccount":"{account}"}}}}"#), true),
        (format!(r#"{{"StringNotEquals":{{"aws:ResourceAccount":["{account}","1"]}}}}"#), true),
        (r#"{"StringNotEquals":{"s3:signatureversion":"AWS4-HMAC-SHA256"}}"#.to_owned(), true),
        (r#"{"StringNotEquals":{"s3:authType":"REST-HEADER"}}"#.to_owned(), true),
        (r#"{"StringNotEquals":{"s3:authType":"REST-QUERY-STRING"}}"#.to_owned(), false),
        (r#"{"StringEquals":{"aws:ResourceAccount":"${aws:PrincipalAccount}"}}"#.to_owned(), false),
        (r#"{"StringNotEquals":{"aws:ResourceAccount":"${aws:PrincipalAccount}"}}"#.to_owned(), true),
    ] {
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Principal":"*","Action":"s3:GetObject",
                "Resource":"arn:aws:s3:::{bucket}/*","Condition":{condition}}}]}}"#
        );
        world.set_bucket_policy(bucket, Some(&policy)).unwrap();
        assert_eq!(read(&world, &client, &card.object_key).await.is_ok(), admitted, "{condition}");
    }
}

#[tokio::test]
async fn quotas_and_characters_of_stored_policies() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    let role = card.role_arn.rsplit('/').next().unwrap();
    let with = |resource: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"s3:*","Resource":"{resource}"}}]}}"#
        )
    };
    let long = with(&format!("arn:aws:s3:::{}", "x".repeat(10_300)));
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"{}","Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"sts:AssumeRole"}}]}}"#,
        "x".repeat(2_048),
        card.principal_arn
    );
    let dashed = with("arn:aws:s3:::b/–");
    for (action, fields, status, words) in [
        (
            "PutRolePolicy",
            [("RoleName", role), ("PolicyName", "p"), ("PolicyDocument", &long)],
            409,
            "Maximum policy size of 10240 bytes",
        ),
        (
            "PutRolePolicy",
            [("RoleName", role), ("PolicyName", "p"), ("PolicyDocument", &dashed)],
            400,
            "<Code>ValidationError</Code>",
        ),
        (
            "UpdateAssumeRolePolicy",
            [("RoleName", role), ("X", ""), ("PolicyDocument", &trust)],
            409,
            "ACLSizePerRole: 2048",
        ),
    ] {
        let (answered, body) = query(&world, &card.admin, "iam", action, &fields).await;
        assert!(answered == status && body.contains(words), "{action}: {answered} {body}");
    }
}
