//! What a read of an encrypted object is refused with, and the words of other refusals.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod aws_client;

use aws_client::{s3, session};
use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use cube_sdk_testkit::aws::{AwsWorld, Guard, KmsKeyState, KmsRefusal};

async fn refusal(world: &AwsWorld, client: &Client, key: &str) -> (u16, String, String) {
    let refused = client.get_object().bucket(&world.card().bucket).key(key).send().await.unwrap_err();
    let status = refused.raw_response().unwrap().status().as_u16();
    (status, refused.code().unwrap().to_owned(), refused.message().unwrap().to_owned())
}

#[tokio::test]
async fn keys_that_cannot_be_used() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    let client = s3(&world, session(&world, &card.kms_role_arn).await, &card.region);
    let arn = &card.kms_key_arn;
    for (state, code, words) in [
        (KmsKeyState::Disabled, "KMS.DisabledException", format!("{arn} is disabled.")),
        (KmsKeyState::PendingDeletion, "KMS.KMSInvalidStateException", format!("{arn} is pending deletion.")),
        (KmsKeyState::Unavailable, "KMS.KMSInvalidStateException", format!("{arn} is unavailable.")),
        (KmsKeyState::Missing, "KMS.NotFoundException", format!("Key '{arn}' does not exist")),
    ] {
        world.set_kms_key_state(arn, state);
        assert_eq!(refusal(&world, &client, &card.kms_denied_key).await, (400, code.to_owned(), words));
        let trail = world.cloudtrail();
        let decrypt = trail.iter().rfind(|record| record["eventName"] == "Decrypt").unwrap();
        assert_eq!(decrypt["errorCode"].as_str(), code.strip_prefix("KMS."));
        // Metadata needs no key.
        client.head_object().bucket(&card.bucket).key(&card.kms_denied_key).send().await.unwrap();
    }
    world.set_kms_key_state(arn, KmsKeyState::Enabled);
    client.get_object().bucket(&card.bucket).key(&card.kms_denied_key).send().await.unwrap();
}

#[tokio::test]
async fn a_missing_permission_in_its_several_words() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    let client = s3(&world, session(&world, &card.role_arn).await, &card.region);
    let user = format!("User: arn:aws:sts::{}:assumed-role/edgegate-byo-read/edgegate-test", card.account_id);
    let because = "because no identity-based policy allows the kms:Decrypt action";
    for (words, expected) in [
        (
            KmsRefusal::NamesTheKey,
            format!("{user} is not authorized to perform: kms:Decrypt on resource: {} {because}", card.kms_key_arn),
        ),
        (
            KmsRefusal::NamesTheCiphertext,
            format!(
                "{user} is not authorized to perform: kms:Decrypt on the resource associated with this ciphertext {because}"
            ),
        ),
        (
            KmsRefusal::NamesNoAction,
            "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you \
             are not allowed to access."
                .to_owned(),
        ),
    ] {
        world.set_kms_refusal(words);
        let (status, code, message) = refusal(&world, &client, &card.kms_denied_key).await;
        assert_eq!((status, code.as_str(), message), (403, "AccessDenied", expected));
    }
    world.set_kms_refusal(KmsRefusal::NamesTheKey);
    // The key's own policy may give what the role's does not.
    let policy = |effect: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Principal":{{"AWS":"{}"}},"Action":"kms:Decrypt","Resource":"*"}}]}}"#,
            card.role_arn
        )
    };
    world.set_kms_key_policy(&card.kms_key_arn, Some(&policy("Allow"))).unwrap();
    client.get_object().bucket(&card.bucket).key(&card.kms_denied_key).send().await.unwrap();
    world.set_kms_key_policy(&card.kms_key_arn, Some(&policy("Deny"))).unwrap();
    let (_, _, message) = refusal(&world, &client, &card.kms_denied_key).await;
    assert!(message.ends_with("with an explicit deny in a resource-based policy"), "{message}");
    assert!(world.set_kms_key_policy(&card.kms_key_arn, Some("{}")).is_err());
}

#[tokio::test]
async fn guards_of_the_account_in_their_words() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    let client = s3(&world, session(&world, &card.role_arn).await, &card.region);
    let all = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
    // A key whose name says "kms" is no matter of KMS.
    let deny = r#"{"Effect":"Deny","Action":"s3:GetObject","Resource":"arn:aws:s3:::*/kms/*"}"#;
    world.put_object(&card.bucket, "kms/key", cube_sdk_testkit::aws::Object::bytes("x")).unwrap();
    for (guard, words) in [
        (Guard::ServiceControl, "with an explicit deny in a service control policy"),
        (Guard::ResourceControl, "with an explicit deny in a resource control policy"),
        (Guard::PermissionsBoundary, "with an explicit deny in a permissions boundary"),
    ] {
        world.set_guard(guard, Some(&format!(r#"{{"Version":"2012-10-17","Statement":[{all},{deny}]}}"#))).unwrap();
        let (status, code, message) = refusal(&world, &client, "kms/key").await;
        assert_eq!((status, code.as_str()), (403, "AccessDenied"));
        let arn = format!("arn:aws:s3:::{}/kms/key", card.bucket);
        assert!(message.contains(&format!("perform: s3:GetObject on resource: \"{arn}\" {words}")), "{message}");
        client.get_object().bucket(&card.bucket).key(&card.object_key).range("bytes=0-0").send().await.unwrap();
        world.set_guard(guard, None).unwrap();
    }
    client.get_object().bucket(&card.bucket).key("kms/key").send().await.unwrap();
}
