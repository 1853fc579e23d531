//! Keys as customers have them, under a session for that one object: to the letter in the request, in the session policy
//! and in the audit row, and no other object with them.
#![cfg(feature = "s3")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod world;

use cube_sdk_byo::{ObjectKey, S3Uri, Scope};
use cube_sdk_core::ErrorKind;
use cube_sdk_testkit::aws::Object;
use futures_util::TryStreamExt;
use world::account;

#[tokio::test]
async fn any_key_is_read_to_the_letter_and_no_other() {
    let account = account().await;
    let bucket = account.world.card().bucket.clone();
    let long = "k".repeat(1024);
    // (the key, another that it must not stand for)
    for (key, other) in [
        ("/leading", "leading"),
        ("//two", "/two"),
        ("a//b", "a/b"),
        ("a/", "a"),
        ("a/./b", "a/b"),
        ("a/../b", "b"),
        ("..", "..."),
        (".", ".."),
        ("../../etc/passwd", "etc/passwd"),
        ("100%", "100%25"),
        ("x%2Fy", "x/y"),
        ("%41", "A"),
        ("a+b", "a b"),
        ("a b", "a+b"),
        ("q?list-type=2", "q"),
        ("q?versionId=x", "q?versionid=x"),
        ("h#fragment", "h"),
        ("a&b=c;d,e", "a&b=c;d"),
        ("star*", "starfish"),
        ("one?", "ones"),
        ("${aws:username}", "worker"),
        ("${*}", "*"),
        ("${none, 'all'}", "all"),
        ("$", "$$"),
        ("{}[]^`|\\", "{}[]^`|/"),
        ("\"quoted\" 'single' <b>", "\"quoted\""),
        ("emoji 😀👩‍👩‍👧", "emoji 😀"),
        ("caf\u{e9}", "cafe\u{301}"),
        ("cafe\u{301}", "caf\u{e9}"),
        ("\u{feff}bom", "bom"),
        ("модель – v2.onnx", "модель - v2.onnx"),
        (" lead and trail ", "lead and trail"),
        ("a\u{a0}b", "a b"),
        (long.as_str(), &long[..1023]),
    ] {
        account.world.put_object(&bucket, key, Object::bytes(key.to_owned())).unwrap();
        account.world.put_object(&bucket, other, Object::bytes("another")).unwrap();
        let parsed: ObjectKey = key.parse().unwrap();
        let uri = S3Uri::new(bucket.parse().unwrap(), parsed.clone());
        assert_eq!(format!("s3://{bucket}/{key}").parse::<S3Uri>().unwrap(), uri);
        let session = account.storage.session(&account.grant(), Scope::Object(parsed));
        let before = account.audit.entries().len();
        let info = session.inspect(&uri).await.unwrap_or_else(|error| panic!("{key}: {error}"));
        assert_eq!(info.size, key.len() as u64, "{key}");
        let reader = session.open(&uri).await.unwrap_or_else(|error| panic!("{key}: {error}"));
        let chunks: Vec<_> = reader.try_collect().await.unwrap();
        assert_eq!(chunks.concat(), key.as_bytes(), "{key}");
        for row in &account.audit.entries()[before..] {
            assert!(row.s3_key.as_deref().is_none_or(|shown| shown == key), "{key}: {row:?}");
        }
        let elsewhere = S3Uri::new(bucket.parse().unwrap(), other.parse().unwrap());
        let error = session.open(&elsewhere).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{key} opens {other}: {error}");
        account.world.delete_object(&bucket, other);
    }
}

#[tokio::test]
async fn what_is_no_key_is_refused_before_sending() {
    let long = "k".repeat(1025);
    for bad in ["", "bell\u{7}", "line\nbreak", "nul\0", "del\u{7f}", "c1\u{85}", long.as_str()] {
        assert_eq!(bad.parse::<ObjectKey>().unwrap_err().kind(), ErrorKind::InvalidInput, "{bad:?}");
    }
}
