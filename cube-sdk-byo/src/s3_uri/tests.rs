#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;

use super::*;

#[test]
fn buckets() {
    for text in ["abc", "m.odels-1", "9bucket"] {
        assert_eq!(text.parse::<Bucket>().unwrap().as_str(), text);
    }
    let most = "a".repeat(254);
    assert!(most.parse::<Bucket>().is_ok());
    assert!(!most.parse::<Bucket>().unwrap().fits_aws());
    let over = "a".repeat(255);
    for text in ["ab", "-abc", ".abc", "Abc", "a_bc", "s3://abc", over.as_str(), ""] {
        assert!(text.parse::<Bucket>().is_err(), "{text}");
    }
}

#[test]
fn uris() {
    for (text, bucket, key) in [
        ("s3://abc/k", "abc", "k"),
        ("s3://abc/dir/M odel.onnx", "abc", "dir/M odel.onnx"),
        ("s3://ab/k", "ab", "k"),
        ("s3://abc/a%20b", "abc", "a%20b"),
        ("s3://abc//k", "abc", "/k"),
        ("s3://abc/../k", "abc", "../k"),
    ] {
        let uri: S3Uri = text.parse().unwrap();
        assert_eq!((uri.bucket().as_str(), uri.key().as_str()), (bucket, key));
        assert_eq!(uri.to_string(), text);
    }
    for text in ["s3://abc", "s3://abc/", "s3://Abc/k", "https://abc/k", "byo-s3://abc/k", "s3://a/k", "s3:///k", ""] {
        assert!(text.parse::<S3Uri>().is_err(), "{text}");
    }
}

#[test]
fn storage_urls() {
    let uri = S3Uri::from_storage_url("byo-s3://acme-edge-models/vision/net.onnx").unwrap();
    assert_eq!(uri.to_string(), "s3://acme-edge-models/vision/net.onnx");
    assert_eq!(uri.storage_url(), "byo-s3://acme-edge-models/vision/net.onnx");
    assert_eq!(uri.arn(), "arn:aws:s3:::acme-edge-models/vision/net.onnx");
    assert!(S3Uri::from_storage_url("s3://managed/k").unwrap_err().to_string().contains("byo-s3://"));
}

#[test]
fn keys_keep_to_the_limits_of_s3() {
    assert!("k".repeat(1024).parse::<ObjectKey>().is_ok());
    assert!("k".repeat(1025).parse::<ObjectKey>().is_err());
    assert!("ä".repeat(513).parse::<ObjectKey>().is_err(), "the limit counts bytes");
    assert!("a\nb".parse::<ObjectKey>().is_err());
}

proptest! {
    #[test]
    fn what_passes_prints_as_it_was_read(text in "(s3://)?\\PC{0,60}") {
        if let Ok(uri) = text.parse::<S3Uri>() {
            prop_assert_eq!(uri.to_string(), text);
            prop_assert_eq!(S3Uri::from_storage_url(&uri.storage_url()).unwrap(), uri);
        }
    }

    #[test]
    fn good_parts_make_a_good_uri(bucket in "[a-z0-9][a-z0-9.-]{2,62}", key in "[^\\p{Cc}]{1,200}") {
        let uri: S3Uri = format!("s3://{bucket}/{key}").parse().unwrap();
        prop_assert!(uri.bucket().fits_aws());
        prop_assert_eq!(uri.key().as_str(), key);
    }
}
