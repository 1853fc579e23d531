//! Objects by storage class: what can be read is read, what cannot says so in S3's own code, and no grant is blamed.
#![cfg(feature = "object_store")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::single_range_in_vec_init)]

mod world;

use std::time::{Duration, SystemTime};

use cube_sdk_byo::ByoErrorExt;
use cube_sdk_byo::audit::AuditOutcome;
use cube_sdk_byo::probe::{CheckName, CheckStatus};
use cube_sdk_core::ErrorKind;
use cube_sdk_core::error::Sent;
use cube_sdk_testkit::aws::{Effect, Fault, Object, Restore};
use futures_util::StreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use world::account;

const MIB: u64 = 1 << 20;

/// Every class and state: its name, the object, and whether it can be read.
fn all() -> Vec<(&'static str, Object, bool)> {
    let object = || Object::generated(90, 3 * MIB);
    let of = |class: &str| object().storage_class(class);
    let at = |hours: i64| {
        let hour = Duration::from_secs(3_600 * hours.unsigned_abs());
        let now = SystemTime::now();
        Restore::Until(if hours < 0 { now - hour } else { now + hour }.try_into().unwrap())
    };
    vec![
        ("STANDARD", object(), true),
        ("STANDARD_IA", of("STANDARD_IA"), true),
        ("ONEZONE_IA", of("ONEZONE_IA"), true),
        ("REDUCED_REDUNDANCY", of("REDUCED_REDUNDANCY"), true),
        ("GLACIER_IR", of("GLACIER_IR"), true),
        ("INTELLIGENT_TIERING", of("INTELLIGENT_TIERING"), true),
        ("EXPRESS_ONEZONE", of("EXPRESS_ONEZONE"), true),
        ("GLACIER", of("GLACIER"), false),
        ("DEEP_ARCHIVE", of("DEEP_ARCHIVE"), false),
        ("GLACIER, restoring", of("GLACIER").restore(Restore::InProgress), false),
        ("GLACIER, restored", of("GLACIER").restore(at(24)), true),
        ("DEEP_ARCHIVE, restored", of("DEEP_ARCHIVE").restore(at(24)), true),
        ("DEEP_ARCHIVE, its copy gone again", of("DEEP_ARCHIVE").restore(at(-24)), false),
        ("ARCHIVE_ACCESS", object().archive_tier("ARCHIVE_ACCESS"), false),
        ("DEEP_ARCHIVE_ACCESS", object().archive_tier("DEEP_ARCHIVE_ACCESS"), false),
        ("ARCHIVE_ACCESS, restoring", object().archive_tier("ARCHIVE_ACCESS").restore(Restore::InProgress), false),
    ]
}

#[tokio::test]
async fn every_class_in_probe_reader_and_store() {
    let account = account().await;
    let folder = tempfile::tempdir().unwrap();
    for (name, object, readable) in all() {
        let uri = account.put(object.clone());
        let session = account.session();
        let info = session.inspect(&uri).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(info.size, 3 * MIB, "{name}");
        let report = account.storage.probe(&account.grant()).sample_key(world::KEY).await.unwrap();
        assert!(report.is_ready(), "{name}: {report}");
        let read = report.check(CheckName::Read).unwrap();
        assert_eq!(read.status == CheckStatus::Passed, readable, "{name}: {report}");
        assert_eq!(read.status == CheckStatus::NotChecked, !readable, "{name}: {report}");

        let (store, path) = (session.object_store(), Path::from(world::KEY));
        assert_eq!(store.head(&path).await.unwrap().size, 3 * MIB, "{name}");
        let listed: Vec<_> = store.list(None).collect().await;
        assert!(listed.iter().any(|line| line.as_ref().is_ok_and(|line| line.location == path)), "{name}");
        let open = || session.open(&uri).part_size(256 << 10);
        let file = folder.path().join("object");
        if readable {
            assert_eq!(open().read_to_file(&file).await.unwrap().bytes, 3 * MIB, "{name}");
            assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), object.read(0..u64::MAX), "{name}");
            continue;
        }
        let before = account.world.traffic().served("GetObject");
        let errors = [
            open().await.unwrap_err(),
            open().seekable().await.unwrap_err(),
            open().range(5..9).await.unwrap_err(),
            open().read_ranges(&[5..9]).await.unwrap_err(),
            open().read_to_file(&file).await.unwrap_err(),
            open().verify_stored_checksum().await.unwrap_err(),
        ];
        assert_eq!(account.world.traffic().served("GetObject"), before + 6, "{name}: no refusal is tried again");
        for error in errors {
            assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidInput, Some("InvalidObjectState")), "{name}");
            assert!(error.byo().is_none() && error.sent() == Sent::Yes && error.request_id().is_some(), "{error}");
            assert!(format!("{error:?}").contains("restore the object"), "the next step: {error:?}");
        }
        let refused = store.get(&path).await.unwrap_err();
        assert!(matches!(refused, object_store::Error::Generic { .. }), "{name}: {refused}");
        assert!(refused.to_string().contains("InvalidObjectState"), "{name}: {refused}");
        let row = account.audit.entries().pop().unwrap();
        assert_eq!((row.outcome, row.error_code.as_deref()), (AuditOutcome::Error, Some("InvalidObjectState")));
    }
}

/// A lifecycle rule does not wait for readers, and a restored copy does not outlive its day.
#[tokio::test]
async fn an_object_that_is_archived_in_the_middle_of_a_read() {
    let account = account().await;
    let object = Object::generated(91, 3 * MIB);
    for cold in [object.clone().storage_class("DEEP_ARCHIVE"), object.clone().archive_tier("ARCHIVE_ACCESS")] {
        let uri = account.put(object.clone());
        account.world.faults().clear();
        account.world.faults().add(Fault::new(Effect::Overwrite(cold)).on("GetObject").nth(4));
        let mut reader = account.session().open(&uri).part_size(256 << 10).await.unwrap();
        let error = loop {
            match reader.next().await.expect("it cannot end well") {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidInput, Some("InvalidObjectState")), "{error}");
        assert_eq!(reader.next().await.map(|item| item.is_ok()), None, "nothing follows an error");
    }
}
