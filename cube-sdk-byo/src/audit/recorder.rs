//! Hands rows to a sink and waits for its acknowledgement; rows of concurrent calls go together.

use std::fmt;
use std::sync::Arc;

use cube_sdk_core::Result;

use super::committer::Committer;
#[cfg(feature = "s3")]
use super::committer::OpenCall;
use super::entry::AuditEntry;
use super::sink::AuditSink;
use crate::ids::{ArtifactId, RunId};

/// Writes audit rows to one sink. Cheap to clone; clones share the sink and may carry other labels.
///
/// Rows are committed by a task of the recorder's own, which outlives whoever recorded or noted them: a row that was
/// noted reaches the sink whatever becomes of its caller. While one commit runs, rows of other calls gather and go with
/// the next: a sink that needs a disk sync per commit serves many parallel parts.
///
/// ```
/// use cube_sdk_byo::audit::{AuditEntry, AuditEvent, AuditOutcome, MemorySink, Recorder};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// let kept = MemorySink::default(); // NdjsonSink for a file
/// let recorder = Recorder::new(kept.clone()).on_host("worker-3").with_field("rack", 7);
/// recorder.record(AuditEntry::new(AuditEvent::GetObject, "acme-models", AuditOutcome::Success)).await?;
/// let row = kept.entries().remove(0);
/// assert_eq!(recorder.queued(), 0);
/// assert_eq!((row.worker_hostname.as_deref(), &row.extra["rack"]), (Some("worker-3"), &7.into()));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Recorder {
    committer: Arc<Committer>,
    labels: Labels,
}

#[derive(Clone, Debug, Default)]
struct Labels {
    worker_hostname: Option<Arc<str>>,
    artifact_id: Option<ArtifactId>,
    run_id: Option<RunId>,
    extra: Vec<(Arc<str>, serde_json::Value)>,
}

impl Recorder {
    /// A recorder in front of a sink.
    pub fn new(sink: impl AuditSink) -> Self {
        Self { committer: Arc::new(Committer::new(Box::new(sink))), labels: Labels::default() }
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

    /// The same sink, with rows that carry one more field: [`AuditEntry::extra`].
    #[must_use]
    pub fn with_field(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.labels.extra.push((name.into(), value.into()));
        self
    }

    /// Queues a row without waiting; it is committed in the background, within a tokio runtime, else with the next
    /// [`Recorder::record`] or [`Recorder::flush`].
    pub fn note(&self, entry: AuditEntry) {
        self.committer.push(self.labelled(entry));
        self.committer.start();
    }

    /// Writes a row and returns once the sink has acknowledged it.
    ///
    /// # Errors
    /// The sink's error; the row stays queued and goes with the next commit.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the row to the recorder, which commits it.
    pub async fn record(&self, entry: AuditEntry) -> Result<()> {
        let ticket = self.committer.push(self.labelled(entry));
        self.committer.start();
        self.committer.acknowledged(ticket).await
    }

    /// Waits for the calls that are under way now to leave their rows, calls that were given up among them, and until
    /// every row is acknowledged. Each call ends with its first-byte clock.
    ///
    /// # Errors
    /// The sink's error.
    pub async fn flush(&self) -> Result<()> {
        self.committer.calls_ended().await;
        let ticket = self.committer.newest();
        self.committer.start();
        self.committer.acknowledged(ticket).await
    }

    /// How many rows no commit has acknowledged yet: of a sink that keeps up few, and none for long.
    pub fn queued(&self) -> usize {
        self.committer.queued()
    }

    /// A call to AWS begins, whose row will follow.
    #[cfg(feature = "s3")]
    pub(crate) fn begin_call(&self) -> OpenCall {
        OpenCall::begin(&self.committer)
    }

    fn labelled(&self, mut entry: AuditEntry) -> AuditEntry {
        let labels = &self.labels;
        entry.worker_hostname = entry.worker_hostname.or_else(|| labels.worker_hostname.as_deref().map(str::to_owned));
        entry.artifact_id = entry.artifact_id.or(labels.artifact_id);
        entry.run_id = entry.run_id.or(labels.run_id);
        for (name, value) in &labels.extra {
            entry.extra.entry(name.as_ref()).or_insert_with(|| value.clone());
        }
        entry
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

    use cube_sdk_core::{Error, ErrorKind};

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
        recorder.note(row("second"));
        drop(recorder);
        // Nobody is left who would ask for the rows.
        tokio::time::sleep(Duration::from_millis(30)).await;
        let buckets: Vec<_> = memory.entries().into_iter().map(|entry| entry.bucket).collect();
        assert_eq!(buckets, ["first", "second"]);
    }

    #[test]
    fn a_runtime_that_ends_takes_no_row_along() {
        let memory = MemorySink::default();
        let recorder = Recorder::new(Slow(memory.clone(), Arc::default()));
        recorder.note(row("outside"));
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime().block_on(async { recorder.note(row("begun")) });
        assert!(memory.entries().is_empty());
        runtime().block_on(recorder.flush()).unwrap();
        assert_eq!(memory.entries().len(), 2);
    }

    /// A task that is busy while its runtime ends, and then has a row: whatever it spawns is dropped at once.
    #[test]
    fn a_runtime_ends_though_a_row_is_waited_for() {
        let recorder = Recorder::new(Slow(MemorySink::default(), Arc::default()));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
        let (busy, is_busy) = std::sync::mpsc::channel();
        let (ended, has_ended) = std::sync::mpsc::channel();
        runtime.spawn(async move {
            busy.send(()).unwrap();
            // Beside it the runtime is told to end.
            std::thread::sleep(Duration::from_millis(300));
            let _ = recorder.record(row("late")).await;
        });
        is_busy.recv().unwrap();
        std::thread::spawn(move || {
            drop(runtime);
            ended.send(()).unwrap();
        });
        has_ended.recv_timeout(Duration::from_secs(60)).expect("it ends");
    }

    /// Fails twice, then keeps what it gets; the first time by a panic.
    struct Mended(MemorySink, Arc<AtomicUsize>);

    #[async_trait::async_trait]
    impl AuditSink for Mended {
        async fn commit(&self, batch: &[AuditEntry]) -> Result<()> {
            match self.1.fetch_add(1, Ordering::SeqCst) {
                0 => panic!("a sink of the user's"),
                1 => Err(Error::new(ErrorKind::Io, "disk full")),
                _ => self.0.commit(batch).await,
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn rows_that_a_sink_refused_are_offered_again() {
        let memory = MemorySink::default();
        let recorder = Recorder::new(Mended(memory.clone(), Arc::default()));
        assert!(recorder.record(row("x")).await.unwrap_err().to_string().contains("panicked"));
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(memory.entries().len(), 1, "without anybody asking");
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
