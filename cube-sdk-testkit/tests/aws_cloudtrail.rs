//! CloudTrail records: one for each call, under the request id that the client saw.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod aws_client;

use std::io::Read as _;

use aws_client::{s3, session, sts, user};
use aws_sdk_s3::operation::RequestId as _;
use cube_sdk_testkit::aws::AwsWorld;
use serde_json::{Value, json};

fn of<'a>(records: &'a [Value], id: &str) -> &'a Value {
    let mut found = records.iter().filter(|record| record["requestID"] == id);
    let record = found.next().unwrap_or_else(|| panic!("no record of {id}"));
    assert!(found.next().is_none(), "two records of {id}");
    record
}

#[tokio::test]
async fn each_call_leaves_its_record() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    let assumed = sts(&world, user(&card.worker))
        .assume_role()
        .role_arn(&card.kms_role_arn)
        .role_session_name("edgegate-run")
        .external_id("ext-1")
        .duration_seconds(900)
        .send()
        .await
        .unwrap();
    let issued = assumed.credentials().unwrap();
    let session =
        aws_client::keys(issued.access_key_id(), issued.secret_access_key(), Some(issued.session_token().into()));
    let client = s3(&world, session, &card.region);
    let get = client.get_object().bucket(&card.bucket).key(&card.object_key).range("bytes=0-99").send().await.unwrap();
    let get_id = get.request_id().unwrap().to_owned();
    get.body.collect().await.unwrap();
    let head = client.head_object().bucket(&card.bucket).key(&card.object_key).send().await.unwrap();
    let bucket = client.head_bucket().bucket(&card.bucket).send().await.unwrap();
    let missing = client.get_object().bucket(&card.bucket).key(&card.missing_key).send().await.unwrap_err();
    let secret = client.get_object().bucket(&card.bucket).key(&card.kms_denied_key).send().await.unwrap();

    let records = world.cloudtrail();
    assert_eq!(records.len(), 7);
    let assume = of(&records, aws_sdk_sts::operation::RequestId::request_id(&assumed).unwrap());
    assert_eq!(assume["eventSource"], "sts.amazonaws.com");
    assert_eq!(assume["eventName"], "AssumeRole");
    assert_eq!(
        assume["requestParameters"],
        json!({ "durationSeconds": 900, "externalId": "ext-1", "roleArn": card.kms_role_arn, "roleSessionName": "edgegate-run" })
    );
    assert_eq!(assume["userIdentity"]["type"], "AWSAccount");
    assert_eq!(assume["userIdentity"]["accountId"], card.edgegate_account_id);
    assert_eq!(assume["responseElements"]["credentials"]["accessKeyId"], issued.access_key_id());
    assert!(
        !assume.to_string().contains(issued.session_token())
            && !assume.to_string().contains(issued.secret_access_key())
    );

    let get = of(&records, &get_id);
    assert_eq!(
        (&get["eventName"], &get["eventCategory"], &get["managementEvent"]),
        (&json!("GetObject"), &json!("Data"), &json!(false))
    );
    assert_eq!(get["requestParameters"]["bucketName"], card.bucket);
    assert_eq!(get["requestParameters"]["key"], card.object_key);
    assert_eq!(get["additionalEventData"]["bytesTransferredOut"], 100);
    assert_eq!(get["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"], card.kms_role_arn);
    assert_eq!(get["userIdentity"]["accessKeyId"], issued.access_key_id());
    assert_eq!(get["resources"][0]["ARN"], format!("arn:aws:s3:::{}/{}", card.bucket, card.object_key));
    assert_eq!(get["recipientAccountId"], card.account_id);
    assert!(get.get("errorCode").is_none());

    assert_eq!(of(&records, head.request_id().unwrap())["eventName"], "HeadObject");
    assert_eq!(of(&records, bucket.request_id().unwrap())["eventName"], "HeadBucket");
    assert_eq!(of(&records, missing.request_id().unwrap())["errorCode"], "NoSuchKey");
    of(&records, secret.request_id().unwrap());
    let decrypt = records.iter().find(|record| record["eventName"] == "Decrypt").unwrap();
    assert_eq!(decrypt["eventSource"], "kms.amazonaws.com");
    assert_eq!(decrypt["userIdentity"]["invokedBy"], "AWS Internal");
    assert_eq!(decrypt["resources"][0]["ARN"], card.kms_key_arn);
    let context = format!("arn:aws:s3:::{}/{}", card.bucket, card.kms_denied_key);
    assert_eq!(decrypt["requestParameters"]["encryptionContext"]["aws:s3:arn"], context);
}

#[tokio::test]
async fn denials_are_recorded_too() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    let client = s3(&world, session(&world, &card.role_arn).await, &card.region);
    client.get_object().bucket(&card.bucket).key(&card.kms_denied_key).send().await.unwrap_err();
    let refused = sts(&world, user(&card.worker)).assume_role().role_arn(&card.bad_role_arn).role_session_name("edge");
    refused.send().await.unwrap_err();
    let codes: Vec<(Value, Value)> =
        world.cloudtrail().into_iter().map(|mut r| (r["eventName"].take(), r["errorCode"].take())).collect();
    let row = |name: &str, code: Value| (json!(name), code);
    assert_eq!(
        codes,
        [
            row("AssumeRole", Value::Null),
            row("GetObject", json!("AccessDenied")),
            row("Decrypt", json!("AccessDenied")),
            row("AssumeRole", json!("AccessDenied")),
        ]
    );
}

#[tokio::test]
async fn log_files_are_named_and_packed_as_cloudtrails() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    session(&world, &card.role_arn).await;
    let dir = tempfile::tempdir().unwrap();
    for gz in [false, true] {
        let files = world.write_cloudtrail(dir.path(), gz).unwrap();
        let [file] = files.as_slice() else { panic!("{files:?}") };
        let name = file.file_name().unwrap().to_str().unwrap();
        let parts: Vec<&str> = name.split('_').collect();
        assert_eq!(parts[..3], [card.account_id.as_str(), "CloudTrail", card.region.as_str()], "{name}");
        assert!(parts[3].len() == 14 && parts[3].ends_with('Z'), "{name}");
        assert_eq!(name.ends_with(".json.gz"), gz);
        let bytes = std::fs::read(file).unwrap();
        let mut text = String::new();
        if gz {
            flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
        } else {
            text = String::from_utf8(bytes).unwrap();
        }
        let log: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(log["Records"], json!(world.cloudtrail()));
    }
}
