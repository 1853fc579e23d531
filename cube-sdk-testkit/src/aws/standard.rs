//! What every world begins with: the customer's bucket, roles and keys, and the worker's.

use std::sync::Arc;

use secrecy::SecretString;
use serde_json::{Value, json};

use super::builder::AwsWorldBuilder;
use super::iam::Role;
use super::identity::{AccessKey, User};
use super::mint::Mint;
use super::object::Object;
use super::onnx;
use super::policy::{Document, Kind, Malformed};
use super::store::{Bucket, Store};

/// The size of the second object.
const LARGE: u64 = 256 << 20;

/// Names and values of the standard contents.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AwsCard {
    /// Base URL of S3 (path style), STS and IAM.
    pub endpoint_url: String,
    /// The home region.
    pub region: String,
    /// The customer's account, 12 digits.
    pub account_id: String,
    /// The worker's account, 12 digits.
    pub edgegate_account_id: String,
    /// The worker's key: it may call `sts:AssumeRole` and nothing else of its own.
    pub worker: AccessKey,
    /// ARN of the worker, a user of `edgegate_account_id`.
    pub principal_arn: String,
    /// The customer's administrator: everything in `account_id`, IAM included.
    pub admin: AccessKey,
    /// The bucket, in `region`.
    pub bucket: String,
    /// An ONNX model of at least 8 MiB, stored with a SHA-256 checksum.
    pub object_key: String,
    /// Its size in bytes.
    pub object_size: u64,
    /// Its SHA-256, lower-case hex.
    pub object_sha256: String,
    /// A generated object for throughput.
    pub large_key: String,
    /// Its size: 256 MiB.
    pub large_size: u64,
    /// A key that no object has.
    pub missing_key: String,
    /// An object that the bucket policy denies to everyone.
    pub denied_key: String,
    /// An object under `kms_key_arn`, which `role_arn` may not use.
    pub kms_denied_key: String,
    /// The KMS key of `kms_denied_key`.
    pub kms_key_arn: String,
    /// Trust: the worker with any External ID. May read and list `bucket`.
    pub role_arn: String,
    /// As `role_arn`, and `kms:Decrypt` on `kms_key_arn`.
    pub kms_role_arn: String,
    /// As `role_arn`, without `s3:ListBucket`.
    pub no_list_role_arn: String,
    /// Trust: another account's root. Never admits the worker.
    pub bad_role_arn: String,
    /// Trust: the worker with [`AwsCard::PLACEHOLDER_EXTERNAL_ID`], to be edited to the minted one.
    pub drift_role_arn: String,
    /// A bucket in another region than `region`.
    pub other_region_bucket: String,
    /// The region of `other_region_bucket`.
    pub other_region: String,
    /// The name of a bucket that does not exist.
    pub gone_bucket: String,
}

impl AwsCard {
    /// The External ID in the trust policy of `drift_role_arn` until someone edits it.
    pub const PLACEHOLDER_EXTERNAL_ID: &'static str = "REPLACE-WITH-EXTERNAL-ID";
}

/// Users, roles and the card that names them.
pub(crate) struct Standard {
    pub(crate) card: AwsCard,
    pub(crate) users: Vec<Arc<User>>,
    pub(crate) roles: Vec<Role>,
}

/// Makes the standard contents; `endpoint_url` is where they will be served.
pub(crate) fn standard(
    setup: &AwsWorldBuilder,
    seed: u64,
    store: &Store,
    endpoint_url: String,
) -> Result<Standard, Malformed> {
    let mint = Mint::new(seed);
    let (account, edgegate) = (&setup.account_id, &setup.edgegate_account_id);
    let user = |name: &str, account: &str, policy: Value| {
        let key =
            AccessKey { access_key_id: mint.unique_id("AKIA"), secret_access_key: SecretString::from(mint.secret()) };
        let policy = Document::parse(&policy.to_string(), Kind::Identity)?;
        let id = mint.unique_id("AIDA");
        Ok::<_, Malformed>(Arc::new(User { name: name.to_owned(), account: account.to_owned(), id, key, policy }))
    };
    let admin = user("admin", account, statement("*", "*"))?;
    let worker = user("edgegate-worker", edgegate, statement("sts:AssumeRole", "*"))?;
    let principal_arn = worker.arn();
    let other_region = if setup.region == "us-west-2" { "us-east-2" } else { "us-west-2" };
    let kms_key_arn = format!("arn:aws:kms:{}:{account}:key/{}", setup.region, mint.uuid());
    let bucket = "acme-edge-models".to_owned();
    let model = Object::bytes(onnx::model(seed)).content_type("application/octet-stream").with_checksum();
    let role_arn = |name: &str| format!("arn:aws:iam::{account}:role/{name}");
    let card = AwsCard {
        endpoint_url,
        region: setup.region.clone(),
        account_id: account.clone(),
        edgegate_account_id: edgegate.clone(),
        worker: worker.key.clone(),
        principal_arn,
        admin: admin.key.clone(),
        object_key: "vision/projection.onnx".to_owned(),
        object_size: model.size(),
        object_sha256: model.sha256(),
        large_key: "bench/weights-256m.bin".to_owned(),
        large_size: LARGE,
        missing_key: "vision/not-there.onnx".to_owned(),
        denied_key: "denied/net.onnx".to_owned(),
        kms_denied_key: "encrypted/net.onnx".to_owned(),
        kms_key_arn,
        role_arn: role_arn("edgegate-byo-read"),
        kms_role_arn: role_arn("edgegate-byo-read-kms"),
        no_list_role_arn: role_arn("edgegate-byo-read-no-list"),
        bad_role_arn: role_arn("edgegate-byo-read-closed"),
        drift_role_arn: role_arn("edgegate-byo-read-drift"),
        other_region_bucket: format!("{bucket}-elsewhere"),
        other_region: other_region.to_owned(),
        gone_bucket: format!("{bucket}-gone"),
        bucket,
    };
    fill(&card, model, seed, store)?;
    let roles = roles(&card, &mint)?;
    Ok(Standard { card, users: vec![admin, worker], roles })
}

fn fill(card: &AwsCard, model: Object, seed: u64, store: &Store) -> Result<(), Malformed> {
    let denied = json!({ "Version": "2012-10-17", "Statement": [{
        "Sid": "NobodyReadsThis",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": format!("arn:aws:s3:::{}/{}", card.bucket, card.denied_key),
    }] });
    let mut home = Bucket::new(&card.region);
    home.policy = Some(Arc::new(Document::parse(&denied.to_string(), Kind::Resource)?));
    store.buckets().insert(card.bucket.clone(), home);
    store.buckets().insert(card.other_region_bucket.clone(), Bucket::new(&card.other_region));
    let now = jiff::Timestamp::now();
    let small = |salt: u64| Object::generated(seed.wrapping_add(salt), 64 * 1024);
    store.put(&card.other_region_bucket, &card.object_key, model.clone(), now, false);
    store.put(&card.bucket, &card.object_key, model, now, false);
    store.put(&card.bucket, &card.large_key, Object::generated(seed, card.large_size), now, false);
    store.put(&card.bucket, &card.denied_key, small(101), now, false);
    store.put(&card.bucket, &card.kms_denied_key, small(202).kms_key(&card.kms_key_arn), now, false);
    Ok(())
}

fn roles(card: &AwsCard, mint: &Mint) -> Result<Vec<Role>, Malformed> {
    let read = json!({ "Sid": "ReadObjects", "Effect": "Allow", "Action": ["s3:GetObject"],
        "Resource": format!("arn:aws:s3:::{}/*", card.bucket) });
    let list = json!({ "Sid": "ListBucket", "Effect": "Allow", "Action": ["s3:ListBucket"],
        "Resource": format!("arn:aws:s3:::{}", card.bucket) });
    let decrypt =
        json!({ "Sid": "DecryptModels", "Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": card.kms_key_arn });
    let any = json!({ "StringLike": { "sts:ExternalId": "*" } });
    let placeholder = json!({ "StringEquals": { "sts:ExternalId": AwsCard::PLACEHOLDER_EXTERNAL_ID } });
    let stranger = "arn:aws:iam::999988887777:root";
    let worker = card.principal_arn.as_str();
    [
        (&card.role_arn, worker, &any, json!([read, list])),
        (&card.kms_role_arn, worker, &any, json!([read, list, decrypt])),
        (&card.no_list_role_arn, worker, &any, json!([read])),
        (&card.bad_role_arn, stranger, &any, json!([read, list])),
        (&card.drift_role_arn, worker, &placeholder, json!([read, list])),
    ]
    .into_iter()
    .map(|(arn, principal, condition, permissions)| {
        let trust = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": { "AWS": principal }, "Action": "sts:AssumeRole", "Condition": condition }] });
        let permissions = json!({ "Version": "2012-10-17", "Statement": permissions });
        let name = arn.rsplit('/').next().unwrap_or_default();
        let inline = Arc::new(Document::parse(&permissions.to_string(), Kind::Identity)?);
        Ok(Role {
            name: name.to_owned(),
            path: "/".to_owned(),
            id: mint.unique_id("AROA"),
            arn: arn.clone(),
            created: jiff::Timestamp::now(),
            description: Some("EdgeGate read access to the model bucket".to_owned()),
            max_session: 3_600,
            tags: Vec::new(),
            trust: Arc::new(Document::parse(&trust.to_string(), Kind::Trust)?),
            inline: [("EdgeGateReadModels".to_owned(), inline)].into(),
        })
    })
    .collect()
}

fn statement(action: &str, resource: &str) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": action, "Resource": resource }] })
}
