//! The `object_store` crate's own tests, on the double and on a third party's S3: writes by the administrator, reads by our
//! session.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod shelf;

use cube_sdk::byo::{GrantRef, Scope, SessionStore, Storage};
use cube_sdk::core::secret::ExposeSecret;
use cube_sdk_server::local::World;
use cube_sdk_tests::real::{AwsCli, SeaweedFs};
use object_store::aws::{AmazonS3Builder, S3ConditionalPut, S3CopyIfNotExists};
use shelf::Shelf;

const REGION: &str = "us-east-1";
const BUCKET: &str = "shelf";

fn shelf(weed: &SeaweedFs, aws: &AwsCli, bucket: &str) -> Shelf<SessionStore> {
    aws.run(&["s3api", "create-bucket", "--bucket", bucket]);
    let writes = AmazonS3Builder::new()
        .with_endpoint(&weed.endpoint)
        .with_allow_http(true)
        .with_region(REGION)
        .with_bucket_name(bucket)
        .with_access_key_id(SeaweedFs::KEY)
        .with_secret_access_key(SeaweedFs::SECRET)
        .build()
        .unwrap();
    let storage = Storage::builder()
        .keys(SeaweedFs::KEY, SeaweedFs::SECRET.to_owned().into(), None)
        .endpoint_url(weed.endpoint.parse().unwrap())
        .build()
        .unwrap();
    let reads = storage.own_session(bucket, REGION).unwrap().object_store();
    Shelf { reads, writes }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_crates_own_tests_pass_on_seaweedfs() {
    let Some(weed) = SeaweedFs::start() else { return };
    let Some(aws) = AwsCli::find(&weed.endpoint, REGION, SeaweedFs::KEY, SeaweedFs::SECRET) else { return };
    // SeaweedFS skips the whole folder `a/` behind the name `a`, and has a word of its own for copies of nothing; it lists
    // folders of which nothing is left, so that lists by pages want a bucket of their own.
    shelf(&weed, &aws, "pages").pass_in_pages().await;
    shelf(&weed, &aws, BUCKET).pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_crates_own_tests_pass_on_the_double() {
    let world = World::start().await.unwrap();
    let (aws, card) = (world.aws(), &world.card().aws);
    aws.create_bucket(BUCKET, &card.region);
    let writes = AmazonS3Builder::new()
        .with_endpoint(&card.endpoint_url)
        .with_allow_http(true)
        .with_region(&card.region)
        .with_bucket_name(BUCKET)
        .with_access_key_id(&card.admin_access_key_id)
        .with_secret_access_key(card.admin_secret_access_key.expose_secret())
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_copy_if_not_exists(S3CopyIfNotExists::Multipart)
        .build()
        .unwrap();
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"sts:AssumeRole"}}]}}"#,
        card.principal_arn
    );
    let reading = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":"*"}]}"#;
    let role = aws.put_role("shelf-reader", &trust, Some(reading)).unwrap();
    let external_id = "c2b7a6d4-93e1-4f0a-b1d8-6a1e5d2f7c90".parse().unwrap();
    let region = card.region.parse().unwrap();
    let grant = GrantRef::new(role.parse().unwrap(), external_id, BUCKET.parse().unwrap(), region);
    let storage = Storage::builder()
        .keys(&card.access_key_id, card.secret_access_key.clone(), None)
        .endpoint_url(card.endpoint_url.parse().unwrap())
        .build()
        .unwrap();
    let shelf = Shelf { reads: storage.session(&grant, Scope::Bucket).object_store(), writes };
    shelf.pass_as_aws().await;
    shelf.pass().await;
    shelf.pass_in_pages().await;
}
