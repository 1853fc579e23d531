//! Cancel anywhere: calls dropped at random polls and moments leave exactly the rows of the calls that AWS served.
#![cfg(feature = "s3")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod world;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use cube_sdk_byo::audit::Recorder;
use cube_sdk_byo::{S3Uri, Scope};
use cube_sdk_core::Result;
use cube_sdk_testkit::aws::{AwsWorld, Effect, Fault, Object};
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use world::{Account, KEY, account_with};

const KIB: u64 = 1024;
const SIZE: u64 = 300 * KIB;
const CANCELLATIONS: u64 = 1_000;
/// Calls at once.
const CROWD: u64 = 20;

type Work = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// Work that is dropped when it has been polled so often, or when its moment has come.
struct Doomed {
    work: Work,
    polls: u64,
    moment: Pin<Box<tokio::time::Sleep>>,
}

impl Future for Doomed {
    /// Whether it was dropped before its end.
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        if self.polls == 0 || self.moment.as_mut().poll(cx).is_ready() {
            return Poll::Ready(true);
        }
        self.polls -= 1;
        let ended = self.work.as_mut().poll(cx).map(|_| false);
        if ended.is_pending() && self.polls == 0 {
            // It would not be polled again before something else wakes it.
            return Poll::Ready(true);
        }
        ended
    }
}

/// One call of the library's, in one of its forms.
fn work(account: &Account, dice: &mut fastrand::Rng, folder: &std::path::Path, number: u64) -> Work {
    let (storage, grant, uri) = (account.storage.clone(), account.grant(), account.uri(KEY));
    let scope = if dice.bool() { Scope::Bucket } else { Scope::Object(KEY.parse().unwrap()) };
    let session =
        if dice.u8(0..4) == 0 { storage.fresh_session(&grant, scope) } else { storage.session(&grant, scope) };
    let open = session.open(uri.clone()).part_size(64 * KIB).budget(256 * KIB);
    match dice.u8(0..8) {
        0 | 1 => Box::pin(async move {
            let mut reader = open.compute_sha256().await?;
            while let Some(chunk) = reader.next().await {
                chunk?;
            }
            Ok(())
        }),
        2 => Box::pin(async move { open.await?.shutdown(Duration::from_secs(30)).await.map(drop) }),
        3 => {
            let path = folder.join(number.to_string());
            Box::pin(async move { open.read_to_file(path).await.map(drop) })
        }
        4 => Box::pin(async move {
            let mut view = open.seekable().await?;
            let mut bytes = [0; 64];
            for at in [SIZE - 64, 5] {
                view.seek(std::io::SeekFrom::Start(at)).await.ok();
                view.read_exact(&mut bytes).await.ok();
            }
            Ok(())
        }),
        5 => Box::pin(async move { session.inspect(&uri).await.map(drop) }),
        6 => {
            let probe = storage.probe(&grant).sample_key(KEY);
            Box::pin(async move { probe.await.map(drop) })
        }
        _ => Box::pin(async move { session.connect().await }),
    }
}

/// How often each request id stands in the double's log and in the audit, where both differ; and the attempts without
/// an answer in both.
fn difference(account: &Account) -> (BTreeMap<String, (u64, u64)>, u64, u64) {
    let (mut both, mut unanswered, mut without_id) = (BTreeMap::<String, (u64, u64)>::new(), 0, 0);
    for request in account.world.requests() {
        match request.was_served() {
            true => both.entry(request.request_id).or_default().0 += 1,
            false => unanswered += 1,
        }
    }
    let mut attempts = std::collections::BTreeSet::new();
    for row in account.audit.entries() {
        // A body that broke leaves a second row under the same attempt.
        if !attempts.insert(row.attempt_id.unwrap()) {
            assert!(row.aws_request_id.is_some());
            continue;
        }
        match row.aws_request_id {
            Some(id) => both.entry(id).or_default().1 += 1,
            None => without_id += 1,
        }
    }
    both.retain(|_, (served, rows)| (*served, *rows) != (1, 1));
    (both, unanswered, without_id)
}

/// Waits until audit and log agree: tasks of dropped readers need a moment to end.
async fn settled(account: &Account, recorder: &Recorder, seed: u64) {
    for _ in 0..600 {
        recorder.flush().await.unwrap();
        let (odd, unanswered, without_id) = difference(account);
        if odd.is_empty() && unanswered == without_id {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (odd, unanswered, without_id) = difference(account);
    panic!("seed {seed}: (served, rows) {odd:#?}; {unanswered} requests without an answer, {without_id} rows of such");
}

fn trouble(account: &Account, seed: u64) {
    let faults = account.world.faults();
    faults.clear();
    for (number, (effect, probability)) in [
        (Effect::Latency(Duration::from_micros(300)), 0.3),
        (Effect::Latency(Duration::from_millis(3)), 0.2),
        (Effect::SlowDown { retry_after: None }, 0.04),
        (Effect::InternalError, 0.04),
        (Effect::ExpireSessions, 0.02),
        (Effect::ResetBody { after: 20 * KIB }, 0.04),
        (Effect::DropConnection, 0.03),
    ]
    .into_iter()
    .enumerate()
    {
        faults.add(Fault::new(effect).probability(probability, seed.wrapping_mul(31).wrapping_add(number as u64)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_cancellations_leave_a_row_for_each_call_that_was_served() {
    let audit = std::sync::OnceLock::new();
    let account = account_with(AwsWorld::builder().request_log(), |storage| {
        let sink = cube_sdk_byo::audit::MemorySink::default();
        let recorder = Recorder::new(sink.clone());
        let storage = storage.audit(recorder.clone());
        audit.set((sink, recorder)).unwrap();
        storage
    })
    .await;
    let (sink, recorder) = audit.into_inner().unwrap();
    let account = Account { audit: sink, ..account };
    let _: S3Uri = account.put(Object::generated(40, SIZE));
    let folder = tempfile::tempdir().unwrap();
    let (mut cancelled, mut seed) = (0, 0);
    while cancelled < CANCELLATIONS {
        trouble(&account, seed);
        let mut dice = fastrand::Rng::with_seed(seed);
        let crowd = (0..CROWD).map(|number| {
            let work = work(&account, &mut dice, folder.path(), seed * CROWD + number);
            let (polls, moment) = match dice.bool() {
                true => (dice.u64(1..30), Duration::from_secs(600)),
                false => (u64::MAX, Duration::from_micros(dice.u64(0..30_000))),
            };
            tokio::spawn(Doomed { work, polls, moment: Box::pin(tokio::time::sleep(moment)) })
        });
        for call in crowd.collect::<Vec<_>>() {
            cancelled += u64::from(call.await.unwrap());
        }
        settled(&account, &recorder, seed).await;
        seed += 1;
        assert!(seed < 1_000, "too few were cancelled: {cancelled}");
    }
    let served = account.world.requests().iter().filter(|request| request.was_served()).count();
    assert!(served as u64 > CANCELLATIONS, "the calls must reach AWS: {served}");
}
