//! The `object_store` crate's own tests on a third party's S3: writes by its administrator, reads by our session.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../cube-sdk-byo/tests/shelf/mod.rs"]
mod shelf;

use cube_sdk::byo::{SessionStore, Storage};
use cube_sdk_tests::real::{AwsCli, SeaweedFs};
use object_store::aws::AmazonS3Builder;
use shelf::Shelf;

const REGION: &str = "us-east-1";

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
    shelf(&weed, &aws, "shelf").pass().await;
}
