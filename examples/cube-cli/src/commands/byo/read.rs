//! `cube byo read`: bytes of an object, with the grant's role.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use clap::Args;
use cube_sdk::byo::audit::{NdjsonSink, Recorder};
use cube_sdk::byo::reader::ReaderEvent;
use cube_sdk::byo::{GrantRef, OpenObject, S3Uri, Scope};
use schemars::JsonSchema;
use serde::Serialize;

use super::Workspace;
use crate::context::{Context, given};
use crate::failure::refused;
use crate::progress::Progress;

/// Read an object of the customer's bucket with the grant's role
///
/// With --to it goes into a file, which is there only once it is whole and right; else to standard output. The keys are
/// found as AWS's own tools find them; they are those of the principal that the role trusts.
#[derive(Args)]
#[command(after_help = "Examples:\n  cube byo read s3://acme-models/resnet.onnx --to resnet.onnx --sha256 9f86…\n  \
                        cube byo read s3://acme-models/labels.txt | head\n  \
                        cube byo read s3://acme-models/resnet.onnx --to /tmp/m --audit calls.ndjson")]
pub(crate) struct Read {
    #[command(flatten)]
    workspace: Workspace,
    /// The object, s3://BUCKET/KEY
    object: S3Uri,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// The SHA-256 that the object must have, 64 hex digits
    #[arg(long, value_name = "HEX")]
    sha256: Option<String>,
    /// File to add a line to for each call to AWS
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
}

/// What was read.
#[derive(JsonSchema, Serialize)]
pub(crate) struct ReadDone {
    bytes: u64,
    /// Lower-case hex.
    sha256: Option<String>,
    etag: String,
    seconds: f64,
    /// Requests to S3, repetitions included.
    requests: u64,
    file: String,
}

impl Read {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let grant = self.workspace.byo(context)?.grant().await?;
        let session = context.cube().storage()?.session(&GrantRef::try_from(&grant)?, Scope::Bucket);
        let recorder = self.audit.map(NdjsonSink::open).transpose()?.map(Recorder::new);
        let progress = Arc::new(Progress::bytes(context.output(), 0, &self.object.to_string()));
        let open = given!(session.open(self.object), expect_sha256 = self.sha256, audit = recorder);
        let open = watched(open, &progress);
        let Some(path) = self.to else { return to_stdout(open, context, &progress).await };
        let report = open.read_to_file(&path).await?;
        drop(progress);
        let done = ReadDone {
            bytes: report.bytes,
            sha256: Some(report.sha256.to_string()),
            etag: report.etag,
            seconds: report.elapsed.as_secs_f64(),
            requests: report.stats.requests,
            file: path.display().to_string(),
        };
        context.output().show("byo read", &done, || {
            let rate = indicatif::HumanBytes((done.bytes as f64 / done.seconds.max(1e-9)) as u64);
            let size = indicatif::HumanBytes(done.bytes);
            format!("{}: {size} in {:.1} s ({rate}/s)\nsha256 {}", done.file, done.seconds, report.sha256)
        })
    }
}

fn watched(open: OpenObject, progress: &Arc<Progress>) -> OpenObject {
    let progress = Arc::clone(progress);
    open.progress(move |event| match event {
        ReaderEvent::Opened { wanted, .. } => progress.of(wanted),
        ReaderEvent::Progress(stats) => progress.at(stats.delivered),
        _ => {}
    })
}

async fn to_stdout(open: OpenObject, context: &Context, progress: &Progress) -> Result<()> {
    if std::io::stdout().is_terminal() {
        return Err(refused("the bytes would go to the terminal").advice("give --to FILE, or pipe them on").into());
    }
    if context.output().is_for_programs() {
        return Err(refused("standard output is for the bytes").advice("give --to FILE beside --output").into());
    }
    let mut reader = open.await?;
    let (send, mut chunks) = tokio::sync::mpsc::channel::<bytes::Bytes>(8);
    // A slow reader of the pipe must not hold up the network.
    let written = tokio::task::spawn_blocking(move || {
        let mut out = std::io::stdout().lock();
        while let Some(chunk) = chunks.blocking_recv() {
            out.write_all(&chunk)?;
        }
        out.flush()
    });
    while let Some(chunk) = reader.try_next().await? {
        if send.send(chunk).await.is_err() {
            break;
        }
    }
    drop(send);
    written.await??;
    progress.at(reader.stats().delivered);
    Ok(())
}
