//! CloudTrail records: one for each call, under the request id that the client saw.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod aws_client;

use std::io::Read as _;

use aws_client::{s3, session, sts, user};
use aws_sdk_s3::operation::RequestId as _;
use cube_sdk_testkit::aws::{AwsWorld, Effect, Fault};
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

/// `eventName`, `errorCode` and `eventCategory` of each record.
fn rows(world: &AwsWorld) -> Vec<(String, Option<String>, String)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let row = |record: &Value| {
        (text(&record["eventName"]).unwrap(), text(&record["errorCode"]), text(&record["eventCategory"]).unwrap())
    };
    world.cloudtrail().iter().map(row).collect()
}

fn row(name: &str, code: Option<&str>, category: &str) -> (String, Option<String>, String) {
    (name.to_owned(), code.map(str::to_owned), category.to_owned())
}

#[tokio::test]
async fn the_account_is_told_what_aws_tells_it() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    let credentials = session(&world, &card.role_arn).await;
    let client = s3(&world, credentials.clone(), &card.region);
    let get = |key: &str| client.get_object().bucket(&card.bucket).key(key).send();
    get(&card.kms_denied_key).await.unwrap_err();
    get(&card.missing_key).await.unwrap_err();
    client.get_object().bucket(&card.bucket).key(&card.object_key).range("bytes=99999999-").send().await.unwrap_err();
    client.get_object().bucket(&card.bucket).key(&card.object_key).if_match("\"x\"").send().await.unwrap_err();
    client.list_objects_v2().bucket(&card.bucket).prefix("vision/").send().await.unwrap();
    // The caller's own account is told of a bucket that does not exist, and of a refused call of its own.
    client.head_bucket().bucket(&card.gone_bucket).send().await.unwrap_err();
    sts(&world, credentials.clone()).get_caller_identity().send().await.unwrap();
    sts(&world, user(&card.admin))
        .assume_role()
        .role_arn(&card.role_arn)
        .role_session_name("me")
        .send()
        .await
        .unwrap_err();
    assert_eq!(
        rows(&world),
        [
            row("AssumeRole", None, "Management"),
            row("GetObject", Some("AccessDenied"), "Data"),
            row("Decrypt", Some("AccessDenied"), "Management"),
            row("GetObject", Some("NoSuchKey"), "Data"),
            row("GetObject", Some("InvalidRange"), "Data"),
            row("GetObject", Some("PreconditionFailed"), "Data"),
            row("ListObjects", None, "Data"),
            row("HeadBucket", Some("NoSuchBucket"), "Data"),
            row("GetCallerIdentity", None, "Management"),
            row("AssumeRole", Some("AccessDenied"), "Management"),
        ]
    );
    let list = &world.cloudtrail()[6];
    assert_eq!(list["requestParameters"]["prefix"], "vision/");
    assert_eq!(list["resources"][0]["ARNPrefix"], format!("arn:aws:s3:::{}/vision/", card.bucket));
}

#[tokio::test]
async fn the_account_is_not_told_what_aws_keeps_from_it() {
    let world = AwsWorld::builder().start().await.unwrap();
    let card = world.card();
    let credentials = session(&world, &card.role_arn).await;
    // Another account's refused AssumeRole, its other calls, and its look at a bucket that is nobody's.
    let worker = sts(&world, user(&card.worker));
    worker.assume_role().role_arn(&card.bad_role_arn).role_session_name("edge").send().await.unwrap_err();
    worker.get_caller_identity().send().await.unwrap();
    let stranger = s3(&world, user(&card.worker), &card.region);
    stranger.head_bucket().bucket(&card.gone_bucket).send().await.unwrap_err();
    // What never came to the service, or was not its answer.
    let client = s3(&world, credentials.clone(), &card.region);
    for effect in [
        Effect::Bare { status: 503 },
        Effect::Page { status: 502, content_type: "text/html".to_owned(), body: "bad gateway".to_owned() },
        Effect::DropConnection,
    ] {
        world.faults().add(Fault::new(effect).nth(1));
        client.head_bucket().bucket(&card.bucket).send().await.unwrap_err();
        world.faults().clear();
    }
    // Keys that do not prove who calls: a wrong secret, an unknown key, a session that is over.
    let get = async |credentials, region: &str| {
        let client = s3(&world, credentials, region);
        client.get_object().bucket(&card.bucket).key(&card.object_key).send().await.unwrap_err();
    };
    get(aws_client::keys(&card.worker.access_key_id, "wrong", None), &card.region).await;
    get(aws_client::keys("AKIAAAAAAAAAAAAAAAAA", "secret", None), &card.region).await;
    world.expire_sessions();
    get(credentials, &card.region).await;
    assert_eq!(rows(&world), [row("AssumeRole", None, "Management")]);

    // A stranger's refused call on an own bucket is shown, by account only, and so is nobody's.
    stranger.get_object().bucket(&card.bucket).key(&card.object_key).send().await.unwrap_err();
    let host = world.address();
    let path = format!("/{}/{}", card.bucket, card.object_key);
    let unsigned = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    aws_client::exchange(&world, &unsigned).await;
    let shown = world.cloudtrail();
    let identities: Vec<&Value> = shown[1..].iter().map(|record| &record["userIdentity"]["accountId"]).collect();
    assert_eq!(identities, [&json!(card.edgegate_account_id), &json!("ANONYMOUS_PRINCIPAL")]);
    assert!(shown[1..].iter().all(|record| record["errorCode"] == "AccessDenied"));
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
