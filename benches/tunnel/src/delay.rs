//! A long line in userspace that all connections of a peer share: 50 ms each way, a rate, and room for one
//! bandwidth-delay product per direction.
//!
//! A chunk leaves the line once all before it, of whatever connection, have passed at the rate, and arrives 50 ms later.
//! What waits and what is on its way is bounded together: beyond that nothing is read, as a sender's window would stop
//! it. The line's own sockets are small, so that what is measured is what the peers hold.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use socket2::SockRef;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;

use crate::ends::announce;

/// One way.
pub const DELAY: Duration = Duration::from_millis(50);

/// What a segment holds on Ethernet. Loopback's own of 64 KiB are larger than the sockets here: the system then waits for
/// a window that no small socket ever opens, and goes on by its probes alone, 200 ms later.
const SEGMENT: u32 = 1448;

/// What a socket of the line holds at rates at which that is some milliseconds' worth; a tenth of the buffer above.
const SOCKET: usize = 16 * 1024;

/// One direction of the line.
struct Line {
    /// Bytes per second.
    rate: f64,
    /// One bandwidth-delay product, of both ways.
    buffer: usize,
    /// Bytes that pass in about a millisecond.
    chunk: usize,
    /// Bytes of the buffer that are free.
    room: Arc<Semaphore>,
    /// When the last byte that waits will have passed.
    free_at: Mutex<Instant>,
}

impl Line {
    fn new(mbit: u32) -> Self {
        let rate = f64::from(mbit) * 1e6 / 8.0;
        let buffer = (rate * 2.0 * DELAY.as_secs_f64()) as usize;
        Self {
            rate,
            buffer,
            chunk: ((rate / 1000.0) as usize).clamp(1460, 64 * 1024),
            room: Arc::new(Semaphore::new(buffer)),
            free_at: Mutex::new(Instant::now()),
        }
    }

    fn socket(&self) -> usize {
        if self.buffer / 10 > 8 * SOCKET { self.buffer / 10 } else { SOCKET }
    }

    /// Takes bytes onto the line; tells when they arrive.
    fn enter(&self, bytes: usize) -> Instant {
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        *free_at = (*free_at).max(Instant::now()) + Duration::from_secs_f64(bytes as f64 / self.rate);
        *free_at + DELAY
    }
}

struct Chunk {
    bytes: Vec<u8>,
    arrives: Instant,
    _room: OwnedSemaphorePermit,
}

/// Listens on a free port and leads every connection to `target` over one line of `mbit` Mbit/s each way.
///
/// # Errors
/// When no port can be bound.
pub async fn serve(target: &str, mbit: u32) -> Result<()> {
    let (up, down) = (Arc::new(Line::new(mbit)), Arc::new(Line::new(mbit)));
    let target: SocketAddr = target.parse()?;
    let socket = TcpSocket::new_v4()?;
    // The accepted ones have the same.
    small(&socket, up.socket())?;
    socket.bind("127.0.0.1:0".parse()?)?;
    let listener = socket.listen(1024)?;
    announce(listener.local_addr()?);
    loop {
        let (near, _) = listener.accept().await?;
        let (up, down) = (Arc::clone(&up), Arc::clone(&down));
        tokio::spawn(async move { join(near, target, up, down).await.ok() });
    }
}

/// The system doubles what it is asked for, for its own needs.
fn small<'s>(socket: impl Into<SockRef<'s>>, bytes: usize) -> io::Result<()> {
    let socket = socket.into();
    socket.set_tcp_mss(SEGMENT)?;
    socket.set_recv_buffer_size(bytes)?;
    socket.set_send_buffer_size(bytes)
}

async fn join(near: TcpStream, target: SocketAddr, up: Arc<Line>, down: Arc<Line>) -> Result<()> {
    let socket = TcpSocket::new_v4()?;
    small(&socket, up.socket())?;
    let far = socket.connect(target).await.context("the target is away")?;
    small(&near, up.socket())?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    // Each way is a task of its own, with a core of its own where there are two: a peer that has one connection for all must
    // not find a slower line than one with many.
    let way = tokio::spawn(async move { carry(near_read, far_write, &up).await });
    carry(far_read, near_write, &down).await;
    way.await.context("one way of the line panicked")
}

/// One direction of a connection. An end of file or an error ends it, after what is under way.
async fn carry(read: OwnedReadHalf, mut write: impl AsyncWrite + Unpin, line: &Line) {
    // Bounded by the line's room.
    let (onto, mut from) = mpsc::unbounded_channel::<Chunk>();
    let entrance = async move {
        loop {
            // Who has nothing to send keeps no room from the others.
            if read.readable().await.is_err() {
                return;
            }
            let room = Arc::clone(&line.room).acquire_many_owned(line.chunk as u32).await;
            let Ok(mut room) = room else { return };
            let mut bytes = vec![0; line.chunk];
            match read.try_read(&mut bytes) {
                Ok(0) => return,
                Ok(n) => {
                    bytes.truncate(n);
                    drop(room.split(line.chunk - n));
                    let arrives = line.enter(n);
                    if onto.send(Chunk { bytes, arrives, _room: room }).is_err() {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return,
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
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (near, far) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        (near.unwrap(), far.unwrap().0)
    }

    #[tokio::test(start_paused = true)]
    async fn all_connections_pass_one_after_the_other() {
        let line = Line::new(100);
        assert_eq!((line.buffer, line.chunk, line.socket()), (1_250_000, 12_500, SOCKET));
        let begun = Instant::now();
        let millis = |at: Instant| at.duration_since(begun).as_millis();
        // 125 000 bytes take 10 ms, whoever sends them.
        assert_eq!(millis(line.enter(125_000)), 60);
        assert_eq!(millis(line.enter(125_000)), 70);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(millis(line.enter(125_000)), 1_060, "what was not used is gone");
        assert_eq!(Line::new(1_000).socket(), 1_250_000);
    }

    /// Real sockets: no time is too long here, only too short.
    #[tokio::test]
    async fn bytes_arrive_in_order_after_their_delay_and_give_their_room_back() {
        let line = Line::new(10);
        let (mut sender, entrance) = pair().await;
        let (exit, mut receiver) = pair().await;
        let begun = Instant::now();
        let sent = tokio::spawn(async move {
            for n in 0..40u8 {
                sender.write_all(&[n; 10_000]).await.unwrap();
            }
        });
        let received = async {
            let mut got = Vec::new();
            receiver.read_to_end(&mut got).await.unwrap();
            got
        };
        let (read, write) = (entrance.into_split().0, exit.into_split().1);
        let ((), got) = tokio::join!(carry(read, write, &line), received);
        // 400 kB at 1.25 MB/s.
        assert!(begun.elapsed() >= DELAY + Duration::from_millis(319), "{:?}", begun.elapsed());
        assert!(got.len() == 400_000 && got.iter().enumerate().all(|(at, byte)| *byte as usize == at / 10_000));
        assert_eq!(line.room.available_permits(), line.buffer);
        sent.await.unwrap();
    }
}
