//! What a run does with a model in each cell. A company plugs its device cloud in here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use cube_sdk_byo::{ObjectReader, S3Uri, Session, Sha256};
use cube_sdk_core::Result;
use futures_util::StreamExt;

use super::counted::Counted;
pub use crate::store::definition::{InputSpec, RunPolicy};

/// Executes cells. Cells of a run come one at a time; cells of runs in different workspaces come at once.
///
/// # Cancel safety
/// A run that is cancelled or out of time drops the future: clean up in `Drop`.
#[async_trait]
pub trait CellExecutor: Send + Sync + 'static {
    /// Executes one cell: read the model with [`Model::open`], measure, report.
    ///
    /// # Errors
    /// Pass errors of the model on unchanged: a `BYO_*` fault inside makes the run `failed` with that code. Any other
    /// error makes the cell fail with [`code()`](cube_sdk_core::Error::code), or `CELL_EXECUTION_ERROR` without one.
    async fn execute(&self, cell: &Cell, model: &Model) -> Result<CellReport>;
}

#[async_trait]
impl<T: CellExecutor + ?Sized> CellExecutor for Arc<T> {
    async fn execute(&self, cell: &Cell, model: &Model) -> Result<CellReport> {
        (**self).execute(cell, model).await
    }
}

/// One model on one device.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Cell {
    /// The run, a UUID.
    pub run_id: String,
    /// The workspace, a UUID.
    pub workspace_id: String,
    /// The pipeline's name.
    pub pipeline_name: String,
    /// Position in the run, from 0.
    pub position: usize,
    /// The device, as the pipeline names it.
    pub device: String,
    /// The model's label in the pipeline's matrix; none when the model was given with the run.
    pub model_label: Option<String>,
    /// The promptpack's own id.
    pub promptpack_id: String,
    /// The promptpack's version.
    pub promptpack_version: String,
    /// How often and how long to measure.
    pub run_policy: RunPolicy,
    /// Shapes and types of the inputs by name; empty: detect them.
    pub input_specs: BTreeMap<String, InputSpec>,
}

/// The model of a cell, behind a session taken for this cell alone.
///
/// ```
/// use std::time::Instant;
///
/// use async_trait::async_trait;
/// use cube_sdk_core::Result;
/// use cube_sdk_server::edgegate::{Cell, CellExecutor, CellReport, Model};
///
/// /// Measures how long the bytes take.
/// struct Timed;
///
/// #[async_trait]
/// impl CellExecutor for Timed {
///     async fn execute(&self, cell: &Cell, model: &Model) -> Result<CellReport> {
///         let began = Instant::now();
///         let mut bytes = model.open().await?; // from the customer's bucket, checked and audited
///         while let Some(chunk) = bytes.try_next().await? {
///             println!("{}: {} of {} bytes", cell.device, chunk.len(), model.size_bytes());
///         }
///         Ok(CellReport::default().metric("first_load_time_ms", began.elapsed().as_secs_f64() * 1e3))
///     }
/// }
/// # let _: Box<dyn CellExecutor> = Box::new(Timed); // EdgeGateService::builder(…).executor(Timed)
/// ```
#[derive(Debug)]
pub struct Model {
    pub(crate) artifact_id: String,
    pub(crate) size_bytes: u64,
    pub(crate) original_filename: Option<String>,
    pub(crate) expected_sha256: Option<Sha256>,
    pub(crate) session: Session,
    pub(crate) uri: S3Uri,
    pub(crate) etag: Option<String>,
    pub(crate) counted: Counted,
}

impl Model {
    /// The artifact, a UUID.
    pub fn artifact_id(&self) -> &str {
        &self.artifact_id
    }

    /// The size at registration, in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The file name given at registration.
    pub fn original_filename(&self) -> Option<&str> {
        self.original_filename.as_deref()
    }

    /// The digest given at registration, which a read to the end is checked against.
    pub fn expected_sha256(&self) -> Option<Sha256> {
        self.expected_sha256
    }

    /// Starts to read the bytes, straight from the customer's bucket. They arrive in order; a read to the end has
    /// checked size, ETag and the expected digest. Each call to AWS is in the audit before its bytes arrive here.
    ///
    /// # Errors
    /// A `BYO_*` fault for what AWS refused or what is not the registered object; transport errors after retries.
    pub async fn open(&self) -> Result<ObjectReader> {
        let open = self.session.open(self.uri.clone()).expect_size(self.size_bytes);
        let mut open = open.progress(self.counted.read());
        if let Some(etag) = &self.etag {
            open = open.if_match(etag);
        }
        match self.expected_sha256 {
            Some(digest) => open.expect_sha256(digest).await,
            None => open.compute_sha256().await,
        }
    }
}

/// What a cell measured.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CellReport {
    /// Values by metric. Gates see the names of `GET /v1/_contracts`; others are shown only.
    pub metrics: BTreeMap<String, f64>,
    /// Layers by operator and compute unit, which composition gates count; none when they are not known.
    pub layers: Option<Vec<Layer>>,
    /// SHA-256 of the bytes that were read.
    pub sha256: Option<Sha256>,
    /// How many bytes were read.
    pub size_bytes: Option<u64>,
}

impl CellReport {
    /// Adds a value.
    #[must_use]
    pub fn metric(mut self, name: &str, value: f64) -> Self {
        self.metrics.insert(name.to_owned(), value);
        self
    }
}

/// How many layers of one operator run on one compute unit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Layer {
    /// The ONNX operator, such as `Conv`.
    pub op_type: String,
    /// `NPU`, `GPU` or `CPU`.
    pub compute_unit: String,
    /// The number of layers.
    pub count: u32,
}

/// The default executor: reads the model whole and checks it. It reports digest and size, the time of the full read as
/// `first_load_time_ms`, and `model_bytes` and `read_mib_per_s`. Nothing is kept.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct StreamingExecutor;

#[async_trait]
impl CellExecutor for StreamingExecutor {
    async fn execute(&self, _cell: &Cell, model: &Model) -> Result<CellReport> {
        let started = Instant::now();
        let mut reader = model.open().await?;
        let mut size = 0_u64;
        while let Some(chunk) = reader.next().await {
            size += chunk?.len() as u64;
        }
        let elapsed = started.elapsed().as_secs_f64();
        let mib = size as f64 / f64::from(1 << 20);
        Ok(CellReport { sha256: reader.sha256(), size_bytes: Some(size), ..CellReport::default() }
            .metric("first_load_time_ms", elapsed * 1e3)
            .metric("model_bytes", size as f64)
            .metric("read_mib_per_s", if elapsed > 0.0 { mib / elapsed } else { 0.0 }))
    }
}
