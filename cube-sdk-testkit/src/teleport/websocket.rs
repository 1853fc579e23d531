//! The server's end of the connection upgrade: TLS records inside WebSocket frames (RFC 6455), carried
//! between an upgraded connection and the proxy's inner TLS.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::sync::Mutex;

const CONTINUATION: u8 = 0;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
/// How long the client's own close frame is waited for.
const LINGER: Duration = Duration::from_secs(1);
const MAX_FRAME: u64 = 16 * 1024 * 1024;

/// `Sec-WebSocket-Accept` for a key.
pub(crate) fn accept_key(key: &str) -> String {
    let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()))
}

/// Carries bytes both ways until one side ends; with `ping_every`, sends WebSocket pings and counts the
/// pongs that come back.
pub(crate) async fn bridge<S: AsyncRead + AsyncWrite + Send + Unpin>(
    socket: S,
    inner: DuplexStream,
    ping_every: Option<Duration>,
    pongs: Arc<AtomicU64>,
) -> io::Result<()> {
    let (read, write) = tokio::io::split(socket);
    let (inner_read, inner_write) = tokio::io::split(inner);
    let write = Mutex::new(write);
    let inbound = inbound(read, inner_write, &write, &pongs);
    tokio::pin!(inbound);
    tokio::select! {
        outcome = &mut inbound => outcome,
        outcome = outbound(inner_read, &write, ping_every) => {
            // A socket that is closed with unread bytes resets, and takes what was just sent with it.
            tokio::time::timeout(LINGER, inbound).await.ok();
            outcome
        }
    }
}

async fn inbound(
    mut read: impl AsyncRead + Unpin,
    mut inner: impl AsyncWrite + Unpin,
    write: &Mutex<impl AsyncWrite + Unpin>,
    pongs: &AtomicU64,
) -> io::Result<()> {
    let bad = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
    loop {
        let (first, second) = (read.read_u8().await?, read.read_u8().await?);
        if first & 0x70 != 0 || second & 0x80 == 0 {
            return Err(bad("reserved bits set, or a client's frame without a mask"));
        }
        let length = match second & 0x7f {
            126 => u64::from(read.read_u16().await?),
            127 => read.read_u64().await?,
            short => u64::from(short),
        };
        if length > MAX_FRAME {
            return Err(bad("frame too long"));
        }
        let mut mask = [0; 4];
        read.read_exact(&mut mask).await?;
        let mut payload = vec![0; usize::try_from(length).unwrap_or(0)];
        read.read_exact(&mut payload).await?;
        payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        match first & 0x0f {
            BINARY | CONTINUATION => {
                inner.write_all(&payload).await?;
                inner.flush().await?;
            }
            PING => frame(&mut *write.lock().await, true, PONG, &payload).await?,
            PONG => {
                pongs.fetch_add(1, Ordering::Relaxed);
            }
            CLOSE => {
                frame(&mut *write.lock().await, true, CLOSE, &payload).await?;
                return inner.shutdown().await;
            }
            _ => return Err(bad("unknown opcode")),
        }
    }
}

async fn outbound(
    mut inner: impl AsyncRead + Unpin,
    write: &Mutex<impl AsyncWrite + Unpin>,
    ping_every: Option<Duration>,
) -> io::Result<()> {
    let mut buffer = vec![0; 8 * 1024];
    let mut tick = tokio::time::interval(ping_every.unwrap_or(Duration::from_secs(3600)));
    tick.tick().await;
    loop {
        let got = tokio::select! {
            got = inner.read(&mut buffer) => got?,
            _ = tick.tick() => {
                frame(&mut *write.lock().await, true, PING, b"tick").await?;
                continue;
            }
        };
        let mut write = write.lock().await;
        if got == 0 {
            frame(&mut *write, true, CLOSE, &1000u16.to_be_bytes()).await?;
            return write.shutdown().await;
        }
        // Odd fragments: a message of up to three frames, cut without regard to TLS records.
        let parts: Vec<&[u8]> = buffer[..got].chunks(got / 3 + 1).collect();
        for (index, part) in parts.iter().enumerate() {
            let opcode = if index == 0 { BINARY } else { CONTINUATION };
            frame(&mut *write, index + 1 == parts.len(), opcode, part).await?;
        }
    }
}

async fn frame(write: &mut (impl AsyncWrite + Unpin), fin: bool, opcode: u8, payload: &[u8]) -> io::Result<()> {
    let mut out = vec![if fin { 0x80 | opcode } else { opcode }];
    match payload.len() {
        short @ 0..=125 => out.push(u8::try_from(short).unwrap_or(0)),
        medium @ 126..=0xffff => {
            out.push(126);
            out.extend_from_slice(&u16::try_from(medium).unwrap_or(0).to_be_bytes());
        }
        long => {
            out.push(127);
            out.extend_from_slice(&u64::try_from(long).unwrap_or(0).to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
    write.write_all(&out).await?;
    write.flush().await
}

#[cfg(test)]
mod tests {
    #[test]
    fn accept_key_of_the_rfc() {
        assert_eq!(super::accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
