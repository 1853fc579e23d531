//! The readers that run inside this program, one per process, each into a null sink.

mod object_store;
mod ours;
mod raw_tcp;
mod sdk;

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use clap::{Args, ValueEnum};

use crate::child::{self, Said};

/// Part size of the ranged peers.
pub(crate) const PART: u64 = 8 << 20;
/// Requests in flight of the ranged peers.
pub(crate) const REQUESTS: usize = 8;

/// Arguments of one reader.
#[derive(Args, Clone, Debug)]
pub(crate) struct Read {
    /// Which reader.
    #[arg(long)]
    pub(crate) reader: Inside,
    /// `http://HOST:PORT` or `https://HOST:PORT`; the CA of the latter is in the file of `SSL_CERT_FILE`.
    #[arg(long)]
    pub(crate) endpoint: String,
    /// Bucket.
    #[arg(long)]
    pub(crate) bucket: String,
    /// Key.
    #[arg(long)]
    pub(crate) key: String,
    /// Length of the object, which some peers must be told.
    #[arg(long)]
    pub(crate) size: u64,
    /// Its SHA-256, where the reader checks one.
    #[arg(long)]
    pub(crate) sha256: Option<String>,
    /// Connections of the raw TCP reader.
    #[arg(long, default_value_t = 1)]
    pub(crate) connections: usize,
    /// Ours: check the digest in the stream.
    #[arg(long)]
    pub(crate) digest: bool,
    /// Ours: memory budget in bytes.
    #[arg(long, value_parser = crate::object::length)]
    pub(crate) budget: Option<u64>,
    /// Ours: compare with the checksum that the store keeps.
    #[arg(long)]
    pub(crate) stored: bool,
    /// Part size in bytes. Ours: instead of what pays; raw TCP: instead of 8 MiB.
    #[arg(long, value_parser = crate::object::length)]
    pub(crate) part_size: Option<u64>,
    /// Ours: the most parts in flight.
    #[arg(long)]
    pub(crate) concurrency: Option<usize>,
    /// Ours: build runtime and client, and read nothing.
    #[arg(long)]
    pub(crate) idle: bool,
    /// Ours: sleep after the first chunk, then read on.
    #[arg(long)]
    pub(crate) stall: bool,
    /// Ours: prints what happens to stderr.
    #[arg(long)]
    trace: bool,
    /// Ours: take no more than this many MiB/s.
    #[arg(long)]
    pub(crate) pace: Option<u32>,
    /// First byte: repetitions.
    #[arg(long, default_value_t = 100)]
    pub(crate) repetitions: usize,
}

/// A reader of this program.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Inside {
    /// Our reader.
    Ours,
    /// Times to the first byte, ours and a plain GET's.
    FirstByte,
    /// aws-sdk-s3: one GetObject, chunk by chunk.
    SdkStream,
    /// aws-sdk-s3: ranged GETs, 8 in flight, 8 MiB each, in order.
    SdkRanged,
    /// The same, and SHA-256 in the task that receives the parts.
    SdkRangedSha,
    /// aws-sdk-s3: one GetObject and SHA-256 in the same task.
    SdkStreamSha,
    /// object_store: one get, chunk by chunk.
    StoreStream,
    /// object_store: ranged gets, 8 in flight, 8 MiB each, in order.
    StoreRanged,
    /// Raw TCP: ranged GETs over keep-alive connections, one thread each; the bytes are dropped as they come.
    Raw,
    /// The same, the parts handed in order to one thread that computes SHA-256.
    RawSha,
}

impl Read {
    /// The object's parts, as first and last byte.
    fn parts(&self) -> impl Iterator<Item = (u64, u64)> + use<> {
        let (size, length) = (self.size, self.part_size.unwrap_or(PART).max(1));
        (0..size.div_ceil(length)).map(move |part| (part * length, ((part + 1) * length).min(size) - 1))
    }
}

/// Where every reader's chunks end: counted, and not optimised away.
#[derive(Default)]
pub(crate) struct NullSink {
    bytes: u64,
}

impl NullSink {
    /// Takes one chunk.
    pub(crate) fn take(&mut self, chunk: Bytes) {
        self.bytes += black_box(chunk).len() as u64;
    }
}

/// Runs one reader and prints what it has to say as one JSON line.
pub(crate) fn run(read: &Read) -> anyhow::Result<()> {
    let said = match read.reader {
        Inside::Raw => raw_tcp::discard(read)?,
        Inside::RawSha => raw_tcp::digest(read)?,
        _ => tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(asynchronous(read))?,
    };
    let whole = !read.idle && read.reader != Inside::FirstByte;
    anyhow::ensure!(!whole || said.bytes == read.size, "{} of {} bytes came", said.bytes, read.size);
    println!("{}", serde_json::to_string(&Said { peak_rss: child::own_peak_rss(), ..said })?);
    Ok(())
}

async fn asynchronous(read: &Read) -> anyhow::Result<Said> {
    let mut sink = NullSink::default();
    let began = Instant::now();
    let mut said = Said::default();
    match read.reader {
        Inside::Ours => said = ours::stream(read, &mut sink).await?,
        Inside::FirstByte => said = ours::first_byte(read).await?,
        Inside::SdkStream => sdk::stream(read, &mut sink).await?,
        Inside::SdkStreamSha => sdk::stream_digest(read, &mut sink).await?,
        Inside::SdkRanged => sdk::ranged(read, &mut sink).await?,
        Inside::SdkRangedSha => sdk::ranged_digest(read, &mut sink).await?,
        Inside::StoreStream => object_store::stream(read, &mut sink).await?,
        Inside::StoreRanged => object_store::ranged(read, &mut sink).await?,
        Inside::Raw | Inside::RawSha => anyhow::bail!("raw readers run without a runtime"),
    }
    Ok(Said { bytes: sink.bytes, seconds: began.elapsed().as_secs_f64(), ..said })
}
