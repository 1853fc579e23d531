//! The `object_store` crate's own integration tests, its writes and reads by the customer's administrator.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use cube_sdk_testkit::aws::AwsWorld;
use object_store::aws::{AmazonS3, AmazonS3Builder, Checksum, S3ConditionalPut, S3CopyIfNotExists};
use object_store::integration::*;
use secrecy::ExposeSecret as _;

/// A world with an empty bucket, and a store over it.
async fn store() -> (AwsWorld, AmazonS3) {
    store_with(|builder| builder).await
}

async fn store_with(setup: impl FnOnce(AmazonS3Builder) -> AmazonS3Builder) -> (AwsWorld, AmazonS3) {
    let world = AwsWorld::builder().start().await.unwrap();
    world.create_bucket("shelf", world.region());
    let admin = &world.card().admin;
    let store = AmazonS3Builder::new()
        .with_endpoint(world.endpoint_url())
        .with_allow_http(true)
        .with_region(world.region())
        .with_bucket_name("shelf")
        .with_access_key_id(&admin.access_key_id)
        .with_secret_access_key(admin.secret_access_key.expose_secret())
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_copy_if_not_exists(S3CopyIfNotExists::Multipart);
    let store = setup(store).build().unwrap();
    (world, store)
}

#[tokio::test]
async fn reads_and_lists() {
    let (_world, store) = store().await;
    put_get_delete_list(&store).await;
    list_with_offset_exclusivity(&store).await;
    get_opts(&store).await;
    list_uses_directories_correctly(&store).await;
    list_with_delimiter(&store).await;
    stream_get(&store).await;
    let missing = get_nonexistent_object(&store, None).await.unwrap_err();
    assert!(matches!(missing, object_store::Error::NotFound { .. }), "{missing}");
    // Leaves its objects behind.
    list_paginated(&store, &store).await;
}

#[tokio::test]
async fn writes_and_copies() {
    let (_world, store) = store().await;
    put_opts(&store, true).await;
    put_get_attributes(&store).await;
    rename_and_copy(&store).await;
    copy_if_not_exists(&store).await;
    copy_rename_nonexistent_object(&store).await;
}

#[tokio::test]
async fn uploads_in_parts() {
    let (_world, store) = store().await;
    multipart(&store, &store).await;
    multipart_with_opts(&store, &store).await;
    multipart_put_part_out_of_order(&store, &store).await;
    multipart_race_condition(&store, true).await;
    multipart_out_of_order(&store).await;
}

#[tokio::test]
async fn unsigned_payloads_and_checksums() {
    let (_world, unsigned) = store_with(|builder| builder.with_unsigned_payload(true)).await;
    put_get_delete_list(&unsigned).await;
    for algorithm in [Checksum::SHA256, Checksum::CRC64NVME] {
        let (_world, store) = store_with(|builder| builder.with_checksum_algorithm(algorithm)).await;
        put_get_delete_list(&store).await;
        multipart(&store, &store).await;
    }
}
