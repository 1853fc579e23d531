//! The reader on a third party's S3, with static keys: whole, in ranges, seeking; an object overwritten under it, and
//! a server killed in the middle of a body. What is delivered is the object's bytes, or the read ends in a typed error.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::SeekFrom;
use std::time::Duration;

use cube_sdk::byo::{ByoCode, ByoErrorExt, ObjectReader, S3Uri, Session, Sha256, Storage, StorageBuilder};
use cube_sdk::core::retry::{Backoff, Retrier, RetryBudget, RetryPolicy};
use cube_sdk::{Error, ErrorKind};
use cube_sdk_tests::real::{AwsCli, SeaweedFs};
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

const MIB: usize = 1 << 20;
const REGION: &str = "us-east-1";

/// No two of its MiBs are alike.
fn bytes(mib: usize, seed: u64) -> Vec<u8> {
    let mut block = vec![0; MIB];
    fastrand::Rng::with_seed(seed).fill(&mut block);
    let mut all = Vec::with_capacity(mib * MIB);
    for number in 0..mib as u64 {
        block[..8].copy_from_slice(&number.to_be_bytes());
        all.extend_from_slice(&block);
    }
    all
}

/// A server with a bucket, and whoever puts objects into it.
struct Shelf {
    weed: SeaweedFs,
    aws: AwsCli,
    dir: tempfile::TempDir,
}

impl Shelf {
    fn start() -> Option<Self> {
        let weed = SeaweedFs::start()?;
        let aws = AwsCli::find(&weed.endpoint, REGION, SeaweedFs::KEY, SeaweedFs::SECRET)?;
        aws.run(&["s3api", "create-bucket", "--bucket", "models"]);
        Some(Self { weed, aws, dir: tempfile::tempdir().unwrap() })
    }

    fn put(&self, key: &str, bytes: &[u8]) -> S3Uri {
        let uri: S3Uri = format!("s3://models/{key}").parse().unwrap();
        let file = self.dir.path().join(key);
        std::fs::write(&file, bytes).unwrap();
        self.aws.run(&["s3", "cp", "--no-progress", file.to_str().unwrap(), &uri.to_string()]);
        std::fs::remove_file(file).unwrap();
        uri
    }

    fn storage(&self) -> StorageBuilder {
        self.with_keys(SeaweedFs::KEY, SeaweedFs::SECRET)
    }

    fn with_keys(&self, key: &str, secret: &str) -> StorageBuilder {
        Storage::builder().keys(key, secret.to_owned().into(), None).endpoint_url(self.weed.endpoint.parse().unwrap())
    }

    fn session(&self) -> Session {
        opened(self.storage())
    }
}

fn opened(storage: StorageBuilder) -> Session {
    storage.build().unwrap().own_session("models", REGION).unwrap()
}

/// Reads on until `until` bytes are there or the end comes; every chunk must be the object's own.
async fn read(reader: &mut ObjectReader, object: &[u8], at: &mut usize, until: usize) -> Result<(), Error> {
    while *at < until {
        let Some(chunk) = reader.next().await else { break };
        let chunk = chunk?;
        assert!(object[*at..].starts_with(&chunk), "other bytes than the object's at {at}");
        *at += chunk.len();
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_in_ranges_and_seeking() {
    let Some(shelf) = Shelf::start() else { return };
    let object = bytes(256, 1);
    let uri = shelf.put("large.onnx", &object);
    let (session, digest, size) = (shelf.session(), Sha256::of(&object), object.len() as u64);

    let mut at = 0;
    let mut reader = session.open(uri.clone()).expect_size(size).expect_sha256(digest).await.unwrap();
    read(&mut reader, &object, &mut at, object.len()).await.unwrap();
    assert!(reader.next().await.is_none());
    assert_eq!((at as u64, reader.sha256(), reader.stats().delivered), (size, Some(digest), size));
    assert!(reader.stats().requests > 8, "a large object comes in parts");
    let wrong = session.open(uri.clone()).expect_sha256(Sha256::of(b"")).read_to_file(shelf.dir.path().join("never"));
    assert_eq!(wrong.await.unwrap_err().byo().unwrap().code(), &ByoCode::IntegrityMismatch);
    assert!(!shelf.dir.path().join("never").exists());

    for range in [0..1, 7..8, (MIB - 3)..(9 * MIB + 5), (object.len() - 10)..object.len()] {
        let mut reader = session.open(uri.clone()).range(range.start as u64..range.end as u64).await.unwrap();
        let mut got = Vec::new();
        reader.read_to_end(&mut got).await.unwrap();
        assert!(got == object[range.clone()], "{range:?}");
    }

    let mut view = session.open(uri.clone()).seekable().await.unwrap();
    assert_eq!(view.size(), size);
    let ends =
        [(SeekFrom::Start(0), 0), (SeekFrom::End(-64), object.len() - 64), (SeekFrom::Start(77_777_777), 77_777_777)];
    for (seek, place) in ends {
        let mut got = [0; 64];
        view.seek(seek).await.unwrap();
        view.read_exact(&mut got).await.unwrap();
        assert!(got == object[place..place + 64], "{seek:?}");
    }
    assert!(view.stats().received < 8 * MIB as u64, "a view fetches where it looks");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_overwritten_during_a_read_is_an_integrity_error() {
    let Some(shelf) = Shelf::start() else { return };
    let object = bytes(64, 2);
    let uri = shelf.put("moving.onnx", &object);
    let session = shelf.session();
    let seen = session.inspect(&uri).await.unwrap();
    let (mib, mut at) = (MIB as u64, 0);
    let mut reader = session.open(uri.clone()).part_size(mib).budget(4 * mib).await.unwrap();
    read(&mut reader, &object, &mut at, 1).await.unwrap();
    shelf.put("moving.onnx", &bytes(64, 3));
    let error = read(&mut reader, &object, &mut at, object.len()).await.unwrap_err();
    assert_eq!((error.kind(), error.byo().unwrap().code()), (ErrorKind::Integrity, &ByoCode::IntegrityMismatch));
    assert!(at < object.len(), "it did not come to the end");
    assert!(reader.next().await.is_none(), "nothing follows the error");

    let late = session.open(uri.clone()).if_match(seen.etag).await.unwrap_err();
    assert_eq!(late.byo().unwrap().code(), &ByoCode::IntegrityMismatch);

    // What is not there, and whom the server does not know.
    let missing = session.open("s3://models/no/such").await.unwrap_err();
    assert_eq!((missing.kind(), missing.byo().unwrap().code()), (ErrorKind::NotFound, &ByoCode::ObjectNotFound));
    for (key, secret) in [("stranger", SeaweedFs::SECRET), (SeaweedFs::KEY, "another secret")] {
        let refused = opened(shelf.with_keys(key, secret)).open(uri.clone()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unauthenticated, "{key}: {refused}");
    }
}

/// Kills the server once that many bytes came, starts it again and reads on; how far it came and how it ended.
async fn killed(shelf: &mut Shelf, session: &Session, object: &[u8], uri: &S3Uri, received: usize) -> Killed {
    // Large parts, so that some are on their way; what a budget is filled with (three quarters) is less than the
    // object, so that some are still to be asked for.
    let open = session.open(uri.clone()).part_size(64 * MIB as u64).budget(192 * MIB as u64);
    let (mut reader, mut at) = (open.await.unwrap(), 0);
    while reader.stats().received < received as u64 {
        tokio::task::yield_now().await;
    }
    // The reader's tasks go on meanwhile, on the other threads.
    tokio::task::block_in_place(|| shelf.weed.kill_and_restart());
    let end = read(&mut reader, object, &mut at, object.len()).await;
    assert!(at == object.len() || end.is_err(), "{at} bytes and no error");
    Killed { end, at, broken: reader.stats().resumed }
}

struct Killed {
    end: Result<(), Error>,
    at: usize,
    broken: u64,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_in_the_middle_costs_time_or_an_error_and_never_a_byte() {
    let Some(mut shelf) = Shelf::start() else { return };
    let object = bytes(192, 4);
    let uri = shelf.put("model.onnx", &object);

    let backoff = Backoff::new(Duration::from_millis(200), Duration::from_millis(500));
    let patient = opened(
        shelf
            .storage()
            .retrier(Retrier::new(RetryPolicy::default().max_attempts(60).backoff(backoff), RetryBudget::default())),
    );
    let (mut broken, mut whole) = (0, 0);
    for received in [4 * MIB, 16 * MIB, 48 * MIB] {
        let outcome = killed(&mut shelf, &patient, &object, &uri, received).await;
        broken += outcome.broken;
        match outcome.end {
            Ok(()) => whole += 1,
            Err(error) => assert!(error.is_transient(), "at {}: {error}", outcome.at),
        }
    }
    assert!(broken > 0, "no body broke: the server was always killed between two of them");
    assert!(whole > 0, "patience brought no read to its end");

    let hasty = opened(shelf.storage().retrier(Retrier::never()));
    let error = killed(&mut shelf, &hasty, &object, &uri, 4 * MIB).await.end.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Connect | ErrorKind::Transport), "{error}");
}
