//! One column of a parquet file: the footer, then that column's pages, and nothing of the others.

use std::sync::Arc;

use anyhow::Context as _;
use arrow_array::cast::AsArray as _;
use arrow_array::types::Float32Type;
use arrow_array::{ArrayRef, Float32Array, Int64Array, RecordBatch, StringArray};
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::ObjectStore;
use object_store::path::Path;
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::file::properties::WriterProperties;

use crate::file::StoredFile;

/// A column of 32-bit floats.
///
/// # Errors
/// When there is no such column of floats, the file is no parquet file, or it cannot be read; then the session's own
/// error is among the sources.
pub async fn read(store: Arc<dyn ObjectStore>, path: Path, column: &str) -> anyhow::Result<Vec<f32>> {
    let builder = ParquetRecordBatchStreamBuilder::new(StoredFile::new(store, path)).await?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), [column]);
    let mut batches = builder.with_projection(mask).build()?;
    let mut values = Vec::new();
    while let Some(batch) = batches.try_next().await? {
        let found = batch.column_by_name(column).with_context(|| format!("there is no column {column}"))?;
        let floats = found.as_primitive_opt::<Float32Type>().with_context(|| format!("{column} holds no floats"))?;
        values.extend_from_slice(floats.values());
    }
    Ok(values)
}

/// A file with a number, a score and a long note in each row.
///
/// # Errors
/// When the file cannot be written.
pub fn sample(rows: u16) -> anyhow::Result<Bytes> {
    let mut file = Vec::new();
    let group = usize::from(rows.div_ceil(4)).max(1);
    let properties =
        WriterProperties::builder().set_max_row_group_row_count(Some(group)).set_dictionary_enabled(false).build();
    let notes = (0..rows).map(|row| format!("{row:05} {}", "a long note about the calibration ".repeat(8)));
    let columns: [(&str, ArrayRef); 3] = [
        ("number", Arc::new((0..i64::from(rows)).collect::<Int64Array>())),
        ("score", Arc::new((0..rows).map(|row| Some(score(row))).collect::<Float32Array>())),
        ("note", Arc::new(notes.map(Some).collect::<StringArray>())),
    ];
    let batch = RecordBatch::try_from_iter(columns)?;
    let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), Some(properties))?;
    writer.write(&batch)?;
    writer.close()?;
    Ok(file.into())
}

/// The score of a row.
pub fn score(row: u16) -> f32 {
    f32::from(row) / 8.0
}
