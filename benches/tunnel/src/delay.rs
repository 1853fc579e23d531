//! A long line in userspace: 50 ms each way, a rate, and a buffer of one bandwidth-delay product before it.
//!
//! A chunk leaves the line once all before it have passed at the rate, and arrives 50 ms later. What waits for its
//! turn is bounded: beyond the buffer nothing is read, as a sender's window would stop it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;

use crate::ends::announce;

/// One way.
pub const DELAY: Duration = Duration::from_millis(50);

/// What the line's own sockets may hold besides: little, or it would be the line's buffer.
const SOCKET: u32 = 128 * 1024;

#[derive(Clone, Copy)]
struct Line {
    /// Bytes per second.
    rate: f64,
    /// One bandwidth-delay product, of both ways.
    buffer: usize,
    /// Bytes that pass in about a millisecond.
    chunk: usize,
}

impl Line {
    fn new(mbit: u32) -> Self {
        let rate = f64::from(mbit) * 1e6 / 8.0;
        let buffer = (rate * 2.0 * DELAY.as_secs_f64()) as usize;
        Self { rate, buffer, chunk: ((rate / 1000.0) as usize).clamp(4096, 128 * 1024) }
    }

    fn time_for(&self, bytes: usize) -> Duration {
        Duration::from_secs_f64(bytes as f64 / self.rate)
    }
}

struct Chunk {
    bytes: Vec<u8>,
    arrives: Instant,
    _place: OwnedSemaphorePermit,
}

/// Listens on a free port and leads every connection to `target` over a line of `mbit` Mbit/s each way.
///
/// # Errors
/// When no port can be bound.
pub async fn serve(target: &str, mbit: u32) -> Result<()> {
    let line = Line::new(mbit);
    let target: std::net::SocketAddr = target.parse()?;
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(SOCKET)?;
    socket.bind("127.0.0.1:0".parse()?)?;
    let listener = socket.listen(1024)?;
    announce(listener.local_addr()?);
    loop {
        let (near, _) = listener.accept().await?;
        tokio::spawn(async move { join(near, target, line).await.ok() });
    }
}

async fn join(near: TcpStream, target: std::net::SocketAddr, line: Line) -> Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(SOCKET)?;
    let far = socket.connect(target).await.context("the target is away")?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    tokio::join!(carry(near_read, far_write, line), carry(far_read, near_write, line));
    Ok(())
}

/// One direction. An end of file or an error ends it, after what is under way.
async fn carry(mut read: impl AsyncRead + Unpin, mut write: impl AsyncWrite + Unpin, line: Line) {
    // What waits for its turn, and what is on its way.
    let room = line.buffer + line.buffer / 2 + line.chunk;
    let places = Arc::new(Semaphore::new(room));
    let (onto, mut from) = mpsc::channel::<Chunk>(room / 1024);
    let entrance = async move {
        let mut free_at = Instant::now();
        loop {
            tokio::time::sleep_until(free_at.checked_sub(line.time_for(line.buffer)).unwrap_or(free_at)).await;
            let mut bytes = vec![0; line.chunk];
            let Ok(n @ 1..) = read.read(&mut bytes).await else { return };
            bytes.truncate(n);
            let Ok(place) = Arc::clone(&places).acquire_many_owned(n as u32).await else { return };
            free_at = free_at.max(Instant::now()) + line.time_for(n);
            let chunk = Chunk { bytes, arrives: free_at + DELAY, _place: place };
            if onto.send(chunk).await.is_err() {
                return;
            }
        }
    };
    let exit = async move {
        while let Some(chunk) = from.recv().await {
            tokio::time::sleep_until(chunk.arrives).await;
            if write.write_all(&chunk.bytes).await.is_err() {
                return;
            }
        }
        write.shutdown().await.ok();
    };
    tokio::join!(entrance, exit);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The clock is paused: the times are those of the line alone.
    #[tokio::test(start_paused = true)]
    async fn bytes_take_the_delay_and_pass_at_the_rate() {
        let line = Line::new(100);
        assert_eq!(line.buffer, 1_250_000);
        let (mut sender, entrance) = tokio::io::duplex(1 << 20);
        let (exit, mut receiver) = tokio::io::duplex(1 << 20);
        let carried = tokio::spawn(carry(entrance, exit, line));
        let started = Instant::now();
        let sent = tokio::spawn(async move {
            for n in 0..50u8 {
                sender.write_all(&[n; 100_000]).await.unwrap();
            }
        });
        assert_eq!(receiver.read_u8().await.unwrap(), 0);
        let first = started.elapsed();
        assert!(first >= DELAY && first < DELAY + Duration::from_millis(5), "{first:?}");
        let mut got = vec![0];
        receiver.read_to_end(&mut got).await.unwrap();
        // 5 MB at 12.5 MB/s.
        let took = started.elapsed();
        let least = DELAY + Duration::from_millis(400);
        assert!(took >= least && took < least + Duration::from_millis(10), "{took:?}");
        assert!(got.len() == 5_000_000 && got.iter().enumerate().all(|(at, byte)| *byte as usize == at / 100_000));
        sent.await.unwrap();
        carried.await.unwrap();
    }
}
