//! What EdgeGate counts.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use cube_sdk_byo::audit::{AuditEntry, Recorder};
use cube_sdk_byo::reader::ReaderEvent;
use cube_sdk_byo::session::{ASSUME_ROLE, GET_CALLER_IDENTITY};
use cube_sdk_core::{Operation, Timestamp};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

use crate::metrics::{Metrics, seconds};

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Called {
    call: &'static str,
    outcome: &'static str,
}

/// Runs, cells, bytes, calls to STS and audit rows. Clones are the same figures.
#[derive(Clone)]
pub(crate) struct Counted(Arc<Figures>);

struct Figures {
    runs: Family<Outcome, Counter>,
    running: Gauge,
    queued: Gauge,
    cells: Family<Outcome, Counter>,
    bytes: Counter,
    throughput: Histogram,
    sts: Family<Called, Counter>,
    rows: Family<Outcome, Counter>,
    lag: Histogram,
}

impl Counted {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let figures = Figures {
            runs: Family::default(),
            running: Gauge::default(),
            queued: Gauge::default(),
            cells: Family::default(),
            bytes: Counter::default(),
            // From 1 MiB/s to 2 GiB/s.
            throughput: Histogram::new(exponential_buckets(1_048_576.0, 2.0, 12)),
            sts: Family::default(),
            rows: Family::default(),
            lag: seconds(),
        };
        metrics.register(|registry| {
            registry.register("runs", "Runs that this process ended", figures.runs.clone());
            registry.register("runs_running", "Runs that this process executes", figures.running.clone());
            registry.register("runs_queued", "Runs that wait, in all processes together", figures.queued.clone());
            registry.register("cells", "Cells that this process executed to their end", figures.cells.clone());
            registry.register("reader_bytes", "Bytes of models that came from buckets", figures.bytes.clone());
            registry.register("reader_bytes_per_second", "Speed of whole reads", figures.throughput.clone());
            registry.register("sts_calls", "Calls to STS that were answered or failed", figures.sts.clone());
            registry.register("audit_rows", "Audit rows that were committed", figures.rows.clone());
            registry.register("audit_seconds", "From a call's end to the commit of its audit row", figures.lag.clone());
        });
        Self(Arc::new(figures))
    }

    pub(crate) fn run_ended(&self, status: &'static str) {
        self.0.runs.get_or_create(&Outcome { outcome: status }).inc();
    }

    /// A run is executed until the value is dropped.
    pub(crate) fn running(&self) -> Running {
        self.0.running.inc();
        Running(self.0.running.clone())
    }

    pub(crate) fn queued(&self, runs: i64) {
        self.0.queued.set(runs);
    }

    pub(crate) fn cell_ended(&self, outcome: &'static str) {
        self.0.cells.get_or_create(&Outcome { outcome }).inc();
    }

    /// A call of the service's own, which has no audit row.
    pub(crate) fn asked_who(&self, good: bool) {
        let outcome = if good { "success" } else { "error" };
        self.0.sts.get_or_create(&Called { call: GET_CALLER_IDENTITY.name(), outcome }).inc();
    }

    /// Rows that are safe now.
    pub(crate) fn committed(&self, rows: &[AuditEntry], at: Timestamp) {
        for row in rows {
            let outcome = known(row.outcome.as_str());
            self.0.rows.get_or_create(&Outcome { outcome }).inc();
            self.0.lag.observe(at.since(row.ts).as_secs_f64());
            if is_of(ASSUME_ROLE, row) {
                self.0.sts.get_or_create(&Called { call: ASSUME_ROLE.name(), outcome }).inc();
            }
        }
    }

    /// Counts a read by what it tells of itself.
    pub(crate) fn read(&self) -> impl Fn(ReaderEvent) + Send + Sync + 'static {
        let (figures, began) = (Arc::clone(&self.0), Instant::now());
        let (size, seen) = (AtomicU64::new(0), AtomicU64::new(0));
        move |event| match event {
            ReaderEvent::Opened { wanted, .. } => size.store(wanted, Ordering::Relaxed),
            ReaderEvent::Progress(stats) => {
                let before = seen.fetch_max(stats.received, Ordering::Relaxed);
                figures.bytes.inc_by(stats.received.saturating_sub(before));
            }
            ReaderEvent::Verified { .. } => {
                let speed = size.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64().max(1e-9);
                figures.throughput.observe(speed);
            }
            _ => {}
        }
    }
}

/// Whatever a probe's rows are called, their operation tells.
fn is_of(operation: Operation, row: &AuditEntry) -> bool {
    row.operation.as_deref() == Some(operation.to_string().as_str())
}

/// Of the words that are counted by.
fn known(outcome: &str) -> &'static str {
    match outcome {
        "success" => "success",
        "denied" => "denied",
        _ => "error",
    }
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counted")
    }
}

/// A run that is executed.
pub(crate) struct Running(Gauge);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// How many rows wait, read when it is asked for.
#[derive(Debug)]
pub(crate) struct OfAudit(pub(crate) Recorder);

impl Collector for OfAudit {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let gauge = ConstGauge::new(i64::try_from(self.0.queued()).unwrap_or(i64::MAX));
        let help = "Audit rows that wait to be committed";
        gauge.encode(encoder.encode_descriptor("audit_rows_queued", help, None, gauge.metric_type())?)
    }
}
