//! Hands rows to a sink and waits for its acknowledgement; rows of concurrent calls go together.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use cube_sdk_core::{Error, Result};

use super::entry::AuditEntry;
use super::sink::AuditSink;
use crate::ids::{ArtifactId, RunId};

/// Writes audit rows to one sink. Cheap to clone; clones share the sink and may carry other labels.
///
/// While one commit runs, rows of other calls gather and go with the next: a sink that needs a disk sync
/// per commit serves many parallel parts.
#[derive(Clone)]
pub struct Recorder {
    shared: Arc<Shared>,
    labels: Labels,
}

#[derive(Clone, Debug, Default)]
struct Labels {
    worker_hostname: Option<Arc<str>>,
    artifact_id: Option<ArtifactId>,
    run_id: Option<RunId>,
}

struct Shared {
    sink: Box<dyn AuditSink>,
    queue: Mutex<Queue>,
    /// Held by whoever commits; the number is the sequence up to which rows are acknowledged.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Queue {
    pending: VecDeque<AuditEntry>,
    pushed: u64,
    acknowledged: u64,
}

impl Recorder {
    /// A recorder in front of a sink.
    pub fn new(sink: impl AuditSink) -> Self {
        let shared = Shared { sink: Box::new(sink), queue: Mutex::default(), turn: tokio::sync::Mutex::default() };
        Self { shared: Arc::new(shared), labels: Labels::default() }
    }

    /// The same sink, with rows that name the host.
    #[must_use]
    pub fn on_host(mut self, hostname: &str) -> Self {
        self.labels.worker_hostname = Some(hostname.into());
        self
    }

    /// The same sink, with rows that name the artifact.
    #[must_use]
    pub fn for_artifact(mut self, artifact_id: ArtifactId) -> Self {
        self.labels.artifact_id = Some(artifact_id);
        self
    }

    /// The same sink, with rows that name the run.
    #[must_use]
    pub fn for_run(mut self, run_id: RunId) -> Self {
        self.labels.run_id = Some(run_id);
        self
    }

    /// Queues a row without waiting: for calls that are given up. It goes with the next commit or
    /// [`Recorder::flush`].
    pub fn note(&self, entry: AuditEntry) {
        self.push(entry);
    }

    /// Writes a row and returns once the sink has acknowledged it.
    ///
    /// # Errors
    /// The sink's error; the row stays queued and goes with the next commit.
    ///
    /// # Cancel safety
    /// Dropping the future keeps the row queued.
    pub async fn record(&self, entry: AuditEntry) -> Result<()> {
        let number = self.push(entry);
        self.commit_through(number).await
    }

    /// Writes whatever is queued.
    ///
    /// # Errors
    /// The sink's error.
    pub async fn flush(&self) -> Result<()> {
        let number = self.shared.lock().pushed;
        self.commit_through(number).await
    }

    fn push(&self, mut entry: AuditEntry) -> u64 {
        entry.worker_hostname =
            entry.worker_hostname.or_else(|| self.labels.worker_hostname.as_deref().map(str::to_owned));
        entry.artifact_id = entry.artifact_id.or(self.labels.artifact_id);
        entry.run_id = entry.run_id.or(self.labels.run_id);
        let mut queue = self.shared.lock();
        queue.pending.push_back(entry);
        queue.pushed += 1;
        queue.pushed
    }

    async fn commit_through(&self, number: u64) -> Result<()> {
        let _turn = self.shared.turn.lock().await;
        if self.shared.lock().acknowledged >= number {
            return Ok(());
        }
        let batch: Vec<AuditEntry> = self.shared.lock().pending.iter().cloned().collect();
        self.shared.sink.commit(&batch).await.map_err(|error| unwritten(error, batch.len()))?;
        // Rows leave the queue only now: a commit that is dropped half-way is made again, at least once.
        let mut queue = self.shared.lock();
        queue.pending.drain(..batch.len());
        queue.acknowledged += batch.len() as u64;
        Ok(())
    }
}

fn unwritten(error: Error, rows: usize) -> Error {
    let message = format!("{rows} audit rows could not be written: {}", error.message());
    let kind = error.kind();
    Error::new(kind, message)
        .advice("repair the audit sink: reads stop while their calls cannot be recorded")
        .cause(error)
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("labels", &self.labels).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use cube_sdk_core::ErrorKind;

    use super::super::entry::{AuditEvent, AuditOutcome};
    use super::super::sink::MemorySink;
    use super::*;

    fn row(name: &str) -> AuditEntry {
        AuditEntry::new(AuditEvent::GetObject, name, AuditOutcome::Success)
    }

    struct Slow(MemorySink, Arc<AtomicUsize>);

    #[async_trait::async_trait]
    impl AuditSink for Slow {
        async fn commit(&self, batch: &[AuditEntry]) -> Result<()> {
            tokio::time::sleep(Duration::from_millis(10)).await;
            self.1.fetch_add(1, Ordering::SeqCst);
            self.0.commit(batch).await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn concurrent_rows_share_commits() {
        let (memory, commits) = (MemorySink::default(), Arc::new(AtomicUsize::new(0)));
        let recorder = Recorder::new(Slow(memory.clone(), commits.clone()));
        let tasks: Vec<_> = (0..40)
            .map(|n| {
                let recorder = recorder.clone();
                tokio::spawn(async move { recorder.record(row(&n.to_string())).await })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert_eq!(memory.entries().len(), 40);
        assert!(commits.load(Ordering::SeqCst) <= 3, "{commits:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_commit_loses_nothing() {
        let memory = MemorySink::default();
        let recorder = Recorder::new(Slow(memory.clone(), Arc::default()));
        let dropped = tokio::time::timeout(Duration::from_millis(1), recorder.record(row("first"))).await;
        assert!(dropped.is_err() && memory.entries().is_empty());
        recorder.record(row("second")).await.unwrap();
        let buckets: Vec<_> = memory.entries().into_iter().map(|entry| entry.bucket).collect();
        assert_eq!(buckets, ["first", "second"]);
    }

    struct Broken;

    #[async_trait::async_trait]
    impl AuditSink for Broken {
        async fn commit(&self, _batch: &[AuditEntry]) -> Result<()> {
            Err(Error::new(ErrorKind::Io, "disk full"))
        }
    }

    #[tokio::test]
    async fn a_sink_that_fails_fails_the_call() {
        let error = Recorder::new(Broken).record(row("x")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.to_string().contains("disk full") && error.next_step().is_some());
    }

    #[tokio::test]
    async fn labels_fill_what_the_row_leaves_open() {
        let memory = MemorySink::default();
        let (run, artifact) = (RunId::from_u128(1), ArtifactId::from_u128(2));
        let recorder = Recorder::new(memory.clone()).on_host("worker-3").for_run(run).for_artifact(artifact);
        recorder.record(row("x")).await.unwrap();
        let entry = memory.entries().remove(0);
        assert_eq!((entry.run_id, entry.artifact_id), (Some(run), Some(artifact)));
        assert_eq!(entry.worker_hostname.as_deref(), Some("worker-3"));
    }
}
