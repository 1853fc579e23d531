//! Pulls the audit log into files for a SIEM: at least once, with a saved cursor.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use cube_sdk_core::listing::Listing;
use cube_sdk_core::whole_file::{self, Readers, WholeFile};
use cube_sdk_core::{Error, ErrorKind, Result, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where rows are pulled from: EdgeGate's audit endpoint ([`ListAudit`](crate::rest::ListAudit)), or a store of one's own.
pub trait AuditSource: Send + Sync {
    /// The rows newer than `since`, unchanged; each has `ts` and either `id` or `attempt_id`. A list that cannot be
    /// read to its end must end with an error: rows would be missing for ever.
    fn rows(&self, since: Option<Timestamp>) -> Listing<Value, i64>;
}

/// Exports an audit log into a folder: one new `audit-….ndjson` per pull that finds rows, and
/// `cursor.json`, which moves only after the rows are safe.
///
/// Killed at any point and run again, the files together hold every row; a row may then stand in two
/// files, with the same id.
///
/// ```
/// use cube_sdk_byo::EdgeGate;
/// use cube_sdk_byo::audit::AuditExport;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// # let server = wiremock::MockServer::start().await;
/// # let answer = wiremock::ResponseTemplate::new(200);
/// # let reply = serde_json::json!({"entries": [{"id": 7, "event_type": "get_object",
/// #     "bucket": "acme-models", "outcome": "success", "ts": "2026-07-01T09:15:30Z"}]});
/// # let answer = answer.set_body_json(reply);
/// # let asked = wiremock::matchers::path_regex("/audit$");
/// # wiremock::Mock::given(wiremock::matchers::method("GET")).and(asked).respond_with(answer).mount(&server).await;
/// # let url = server.uri();
/// # let folder = tempfile::tempdir().unwrap();
/// let edgegate = EdgeGate::builder().base_url(url).api_key("egk_live_example".into()).build()?;
/// let audit = edgegate.workspace("0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11").byo().audit();
/// let export = AuditExport::to(folder.path());
/// assert_eq!(export.pull(&audit).await?.rows, 1); // into a new audit-….ndjson
/// assert_eq!(export.pull(&audit).await?.file, None); // nothing new since
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct AuditExport {
    folder: PathBuf,
    overlap: Duration,
}

/// What is remembered between pulls.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ExportCursor {
    /// The newest time seen.
    pub last_ts: Option<Timestamp>,
    /// Rows that the next pull will see again and must drop: id to time.
    pub seen: BTreeMap<String, Timestamp>,
}

/// What one pull did.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ExportReport {
    /// Rows written.
    pub rows: u64,
    /// Rows dropped because an earlier pull wrote them.
    pub repeated: u64,
    /// The new file; none when there was nothing new.
    pub file: Option<PathBuf>,
}

impl AuditExport {
    /// Exports into a folder, which must exist.
    pub fn to(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), overlap: Duration::from_secs(300) }
    }

    /// How far back a pull looks behind the newest row seen, for rows that were written late. Default 5 min.
    #[must_use]
    pub fn overlap(mut self, overlap: Duration) -> Self {
        self.overlap = overlap;
        self
    }

    /// Pulls all pages once.
    ///
    /// # Errors
    /// The source's error, `Decode` for a row without time or id, `Io` for the folder. The cursor has then
    /// not moved: run it again.
    ///
    /// # Cancel safety
    /// Dropping the future is like a kill: the next pull gets the rows again.
    pub async fn pull(&self, source: &dyn AuditSource) -> Result<ExportReport> {
        let mut cursor = self.load()?;
        let since = cursor.last_ts.map(|last| last.saturating_sub(self.overlap));
        let mut report = ExportReport::default();
        let mut file = NewFile::in_folder(&self.folder);
        // A log has no natural bound; one that names a page twice is still noticed.
        let mut rows = source.rows(since).max_pages(usize::MAX);
        while let Some(row) = rows.try_next().await? {
            let (id, ts) = key_of(&row)?;
            if cursor.seen.insert(id, ts).is_some() {
                report.repeated += 1;
                continue;
            }
            file.write(&row)?;
            report.rows += 1;
            cursor.last_ts = cursor.last_ts.max(Some(ts));
        }
        report.file = file.finish()?;
        let oldest = cursor.last_ts.map(|last| last.saturating_sub(self.overlap));
        cursor.seen.retain(|_, ts| Some(*ts) >= oldest);
        self.save(&cursor)?;
        Ok(report)
    }

    /// The saved cursor; the default one before the first pull.
    ///
    /// # Errors
    /// `Io` when the file cannot be read, `Decode` when it is damaged.
    pub fn load(&self) -> Result<ExportCursor> {
        let path = self.cursor_path();
        match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|cause| {
                Error::new(ErrorKind::Decode, format!("export cursor {} cannot be read", path.display()))
                    .advice("delete it to export the whole log again")
                    .cause(cause)
            }),
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(ExportCursor::default()),
            Err(cause) => Err(Error::io(format!("could not read export cursor {}", path.display()), cause)),
        }
    }

    fn save(&self, cursor: &ExportCursor) -> Result<()> {
        let path = self.cursor_path();
        let failed = |cause| Error::io(format!("could not save export cursor {}", path.display()), cause);
        let text = serde_json::to_vec(cursor).map_err(|cause| failed(cause.into()))?;
        whole_file::write(&path, &text, Readers::Mask).map_err(failed)
    }

    fn cursor_path(&self) -> PathBuf {
        self.folder.join("cursor.json")
    }
}

fn key_of(row: &Value) -> Result<(String, Timestamp)> {
    let missing = |what: &str| Error::new(ErrorKind::Decode, format!("an audit row has no readable `{what}`"));
    let id = match (row.get("id").and_then(Value::as_i64), row.get("attempt_id").and_then(Value::as_str)) {
        (Some(id), _) => id.to_string(),
        // Two rows of one attempt share its id: the outcome tells them apart.
        (None, Some(id)) => format!("{id}/{}", row.get("outcome").and_then(Value::as_str).unwrap_or_default()),
        (None, None) => return Err(missing("id")),
    };
    let ts = row.get("ts").and_then(Value::as_str).and_then(|text| text.parse().ok());
    Ok((id, ts.ok_or_else(|| missing("ts"))?))
}

/// A file that appears under its name when it is complete, and not before; none where there is no row.
struct NewFile<'a> {
    folder: &'a Path,
    open: Option<(PathBuf, BufWriter<WholeFile>)>,
}

impl<'a> NewFile<'a> {
    fn in_folder(folder: &'a Path) -> Self {
        Self { folder, open: None }
    }

    fn write(&mut self, row: &Value) -> Result<()> {
        let failed = |cause| Error::io("could not write the export file", cause);
        if self.open.is_none() {
            // Version 7 ids sort by time, so the names of the files do.
            let path = self.folder.join(format!("audit-{}.ndjson", uuid::Uuid::now_v7()));
            let file = WholeFile::create(&path, Readers::Mask).map_err(failed)?;
            self.open = Some((path, BufWriter::new(file)));
        }
        let Some((_, writer)) = &mut self.open else { return Ok(()) };
        serde_json::to_writer(&mut *writer, row).map_err(|cause| failed(cause.into()))?;
        writer.write_all(b"\n").map_err(failed)
    }

    fn finish(self) -> Result<Option<PathBuf>> {
        let Some((path, writer)) = self.open else { return Ok(None) };
        let committed = writer.into_inner().map_err(|error| error.into_error()).and_then(WholeFile::commit);
        committed.map_err(|cause| Error::io(format!("could not finish export file {}", path.display()), cause))?;
        Ok(Some(path))
    }
}

#[cfg(test)]
mod tests;
