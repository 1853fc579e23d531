//! Ping framing, the server's end: `u32` big-endian length and payload; length 0 is a ping.
//!
//! Frames are deliberately cut across and joined within TLS records, since clients must not care.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The longest frame that the double accepts.
const MAX_FRAME: u32 = 16 * 1024 * 1024;

/// Copies the client's frames to the upstream until end of file.
pub(crate) async fn unframe(
    mut client: impl AsyncRead + Unpin,
    mut upstream: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let mut left = match client.read_u32().await {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(error),
        };
        if left > MAX_FRAME {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "frame too long"));
        }
        while left > 0 {
            let want = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let got = client.read(&mut buffer[..want]).await?;
            if got == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            upstream.write_all(&buffer[..got]).await?;
            left -= u32::try_from(got).unwrap_or(u32::MAX);
        }
    }
    upstream.shutdown().await
}

/// Copies the upstream's bytes to the client as frames, with a ping every `every`.
pub(crate) async fn frame(
    mut upstream: impl AsyncRead + Unpin,
    mut client: impl AsyncWrite + Unpin,
    every: Duration,
    pings: Arc<AtomicU64>,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    let mut tick = tokio::time::interval(every);
    tick.tick().await;
    for turn in 0u32.. {
        let got = tokio::select! {
            got = upstream.read(&mut buffer) => got?,
            _ = tick.tick() => {
                pings.fetch_add(1, Ordering::Relaxed);
                client.write_u32(0).await?;
                client.flush().await?;
                continue;
            }
        };
        if got == 0 {
            break;
        }
        write_oddly(&mut client, &buffer[..got], turn, &pings).await?;
    }
    client.shutdown().await
}

async fn write_oddly(
    client: &mut (impl AsyncWrite + Unpin),
    data: &[u8],
    turn: u32,
    pings: &AtomicU64,
) -> io::Result<()> {
    let head = |part: &[u8]| u32::try_from(part.len()).unwrap_or(0).to_be_bytes();
    match turn % 3 {
        // One frame over four records: the header itself is cut.
        0 => {
            let (first, rest) = data.split_at(data.len() / 3);
            let header = head(data);
            for part in [&header[..1], &header[1..], first, rest] {
                client.write_all(part).await?;
                client.flush().await?;
            }
        }
        // Two frames in one record.
        1 => {
            let (first, rest) = data.split_at(data.len() / 2);
            let mut joined = Vec::with_capacity(data.len() + 8);
            for part in [first, rest].into_iter().filter(|part| !part.is_empty()) {
                joined.extend_from_slice(&head(part));
                joined.extend_from_slice(part);
            }
            client.write_all(&joined).await?;
            client.flush().await?;
        }
        // A ping and a frame in one record.
        _ => {
            pings.fetch_add(1, Ordering::Relaxed);
            let joined = [&[0; 4], &head(data)[..], data].concat();
            client.write_all(&joined).await?;
            client.flush().await?;
        }
    }
    Ok(())
}
