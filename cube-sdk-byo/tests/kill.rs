//! Kill anywhere: a reader killed with -9 has no byte handed on whose call has no row, and no row without a call.
//!
//! The reader is this test binary itself, started again with an environment of its own.
#![cfg(feature = "s3")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod world;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use cube_sdk_byo::audit::{AuditEntry, AuditEvent, NdjsonSink, Recorder};
use cube_sdk_byo::{GrantRef, S3Uri, Scope, Storage};
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_testkit::aws::{AwsWorld, Object};
use futures_util::StreamExt;
use world::{Account, EXTERNAL_ID, account_with};

const KILLS: u64 = 30;
/// Parts in flight at most, and the calls of a sample.
const IN_FLIGHT: usize = 4;

fn told(name: &str) -> Option<String> {
    std::env::var(format!("CUBE_TEST_KILL_{name}")).ok()
}

#[test]
fn child_reads() {
    let (Some(file), Some(uri), Some(role)) = (told("FILE"), told("URI"), told("ROLE")) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let recorder = Recorder::new(NdjsonSink::open(file).unwrap());
        let storage = Storage::builder()
            .keys(told("ID").unwrap(), told("SECRET").unwrap().into(), None)
            .endpoint_url(told("ENDPOINT").unwrap().parse().unwrap())
            .audit(recorder.clone())
            .build()
            .unwrap();
        let uri: S3Uri = uri.parse().unwrap();
        let (id, region) = (EXTERNAL_ID.parse().unwrap(), told("REGION").unwrap().parse().unwrap());
        let grant = GrantRef::new(role.parse().unwrap(), id, uri.bucket().clone(), region);
        println!("\nready");
        for _ in 0..told("READS").unwrap().parse::<u64>().unwrap() {
            let session = storage.fresh_session(&grant, Scope::Bucket);
            session.inspect(&uri).await.unwrap();
            println!("\nlooked");
            let mut reader = session.open(uri.clone()).part_size(64 << 10).concurrency(IN_FLIGHT).await.unwrap();
            while let Some(chunk) = reader.next().await {
                println!("got {}", chunk.unwrap().len());
                std::io::stdout().flush().unwrap();
            }
        }
        recorder.flush().await.unwrap();
    });
}

/// What a reader had in hand.
#[derive(Debug, Default)]
struct InHand {
    bytes: u64,
    looks: usize,
}

/// Lets a reader live until it ends or `moment` after its start.
async fn live(account: &Account, file: &Path, reads: u64, moment: Option<Duration>) -> InHand {
    let card = account.world.card();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child_reads", "--nocapture", "--test-threads=1"]);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    for (name, value) in [
        ("FILE", file.to_str().unwrap()),
        ("URI", &account.uri(world::KEY).to_string()),
        ("ROLE", &card.role_arn),
        ("ID", &card.worker.access_key_id),
        ("SECRET", card.worker.secret_access_key.expose_secret()),
        ("ENDPOINT", account.world.endpoint_url()),
        ("REGION", &card.region),
        ("READS", &reads.to_string()),
    ] {
        command.env(format!("CUBE_TEST_KILL_{name}"), value);
    }
    let mut child = command.spawn().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut lines = tokio::task::spawn_blocking(move || {
        let mut hand = InHand::default();
        for line in output.lines().map_while(Result::ok) {
            hand.looks += usize::from(line == "looked");
            hand.bytes += line.strip_prefix("got ").and_then(|length| length.parse::<u64>().ok()).unwrap_or_default();
        }
        hand
    });
    let hand = match moment {
        Some(moment) => {
            tokio::time::sleep(moment).await;
            child.kill().unwrap();
            lines.await.unwrap()
        }
        None => (&mut lines).await.unwrap(),
    };
    let status = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
    assert!(moment.is_some() || status.success(), "{status}");
    hand
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_kills_leave_no_byte_without_its_row_and_no_row_without_its_call() {
    let account = account_with(AwsWorld::builder().request_log(), |storage| storage).await;
    account.put(Object::generated(80, 3 << 20));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("audit.ndjson");
    let mut dice = fastrand::Rng::with_seed(80);
    let (mut rows_before, mut served_before, mut killed_at_work) = (0, 0, 0);
    for life in 0..=KILLS {
        let moment = (life < KILLS).then(|| Duration::from_millis(dice.u64(20..400)));
        let hand = live(&account, &file, if life < KILLS { 1_000 } else { 3 }, moment).await;
        // Opening cuts off what the kill tore.
        drop(NdjsonSink::open(&file).unwrap());
        let text = std::fs::read_to_string(&file).unwrap();
        let all: Vec<AuditEntry> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let mut attempts = BTreeSet::new();
        let rows: Vec<_> =
            all[rows_before..].iter().filter(|row| attempts.insert(row.attempt_id.clone())).cloned().collect();
        let requests = account.world.requests();
        let served: BTreeSet<_> = requests[served_before..]
            .iter()
            .filter(|request| request.was_served())
            .map(|request| request.request_id.clone())
            .collect();
        (rows_before, served_before) = (all.len(), requests.len());

        let ids: Vec<_> = rows.iter().filter_map(|row| row.aws_request_id.clone()).collect();
        let known: BTreeSet<_> = ids.iter().cloned().collect();
        assert_eq!(known.len(), ids.len(), "life {life}: a call has two rows");
        assert!(known.is_subset(&served), "life {life}: rows without a call: {:?}", known.difference(&served));
        let of = |event: &AuditEvent| rows.iter().filter(|row| row.event_type == *event).count();
        let promised: u64 = rows
            .iter()
            .filter(|row| row.event_type == AuditEvent::GetObject)
            .map(|row| row.bytes_read.unwrap_or_default())
            .sum();
        assert!(hand.bytes <= promised, "life {life}: {hand:?}, but the rows tell of {promised} bytes");
        assert!(hand.looks <= of(&AuditEvent::HeadObject), "life {life}: {hand:?}");
        let missing: Vec<_> = served.difference(&known).collect();
        match moment {
            // Calls under way at the kill: their answers were in nobody's hand.
            Some(_) => assert!(missing.len() <= IN_FLIGHT, "life {life}: {missing:?}"),
            None => assert_eq!(missing, Vec::<&String>::new(), "an end in order leaves every row"),
        }
        killed_at_work += u64::from(moment.is_some() && hand.bytes > 0);
    }
    assert!(killed_at_work > 0, "some were killed in the middle of a read");
}
