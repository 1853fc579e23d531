//! The target that all peers lead to, and the load.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const BUFFER: usize = 128 * 1024;

/// Serves `U` + length (take so many bytes, then answer one), `D` + length (give so many), `M` + time + length (take,
/// answer how long that length took after that time), `E` (echo).
///
/// # Errors
/// When no port can be bound.
pub async fn target() -> Result<SocketAddr> {
    metered(Arc::default()).await
}

/// The same, adding up the bytes that `U` brings.
///
/// # Errors
/// When no port can be bound.
pub async fn metered(taken: Arc<AtomicU64>) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let taken = Arc::clone(&taken);
            tokio::spawn(async move { serve(stream, &taken).await.ok() });
        }
    });
    Ok(address)
}

async fn serve(mut stream: TcpStream, taken: &AtomicU64) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; BUFFER];
    match stream.read_u8().await? {
        b'U' => {
            let mut left = stream.read_u64().await?;
            while left > 0 {
                match stream.read(&mut buffer).await? {
                    0 => return Ok(()),
                    n => {
                        taken.fetch_add(n as u64, Ordering::Relaxed);
                        left = left.saturating_sub(n as u64);
                    }
                }
            }
            stream.write_u8(1).await?;
        }
        b'D' => {
            let mut left = stream.read_u64().await?;
            while left > 0 {
                let n = left.min(BUFFER as u64) as usize;
                stream.write_all(&buffer[..n]).await?;
                left -= n as u64;
            }
        }
        b'M' => {
            let (skip, bytes) = (Duration::from_millis(stream.read_u64().await?), stream.read_u64().await?);
            let took = after(&mut stream, &mut buffer, skip, bytes).await?;
            stream.write_u64(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)).await?;
            // Closing with bytes unread would reset the answer.
            while stream.read(&mut buffer).await? > 0 {}
        }
        _ => loop {
            match stream.read(&mut buffer).await? {
                0 => break,
                n => stream.write_all(&buffer[..n]).await?,
            }
        },
    }
    stream.shutdown().await
}

/// Reads for `skip`, then `bytes` more; how long those took.
async fn after(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut [u8],
    skip: Duration,
    bytes: u64,
) -> std::io::Result<Duration> {
    let begun = Instant::now();
    let mut counted: Option<(Instant, u64)> = None;
    loop {
        let n = stream.read(buffer).await?;
        if n == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        match &mut counted {
            None if begun.elapsed() >= skip => counted = Some((Instant::now(), 0)),
            None => {}
            Some((since, got)) => {
                *got += n as u64;
                if *got >= bytes {
                    return Ok(since.elapsed());
                }
            }
        }
    }
}

/// The rate in MB/s at which `bytes` pass one connection once it has run for `skip`, as the receiver sees it.
///
/// # Errors
/// When the connection ends before.
pub async fn steady(address: SocketAddr, way: Way, skip: Duration, bytes: u64) -> Result<f64> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut buffer = vec![7; BUFFER];
    let took = match way {
        Way::Down => {
            stream.write_u8(b'D').await?;
            stream.write_u64(u64::MAX).await?;
            after(&mut stream, &mut buffer, skip, bytes).await?
        }
        Way::Up => {
            stream.write_u8(b'M').await?;
            stream.write_u64(u64::try_from(skip.as_millis())?).await?;
            stream.write_u64(bytes).await?;
            let (mut read, mut write) = stream.split();
            let endless = async { while write.write_all(&buffer).await.is_ok() {} };
            tokio::select! {
                nanos = read.read_u64() => Duration::from_nanos(nanos?),
                () = endless => bail!("the connection broke"),
            }
        }
    };
    Ok(bytes as f64 / 1e6 / took.as_secs_f64())
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// To the target.
    Up,
    /// From the target.
    Down,
}

/// Moves `bytes` on one connection.
///
/// # Errors
/// When the connection fails or bytes are missing.
pub async fn bulk(address: SocketAddr, way: Way, bytes: u64) -> Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut buffer = vec![7; BUFFER];
    match way {
        Way::Up => {
            stream.write_u8(b'U').await?;
            stream.write_u64(bytes).await?;
            let mut left = bytes;
            while left > 0 {
                let n = left.min(BUFFER as u64) as usize;
                stream.write_all(&buffer[..n]).await?;
                left -= n as u64;
            }
            stream.read_u8().await.context("the target did not take everything")?;
        }
        Way::Down => {
            stream.write_u8(b'D').await?;
            stream.write_u64(bytes).await?;
            let mut got = 0;
            while got < bytes {
                match stream.read(&mut buffer).await? {
                    0 => break,
                    n => got += n as u64,
                }
            }
            ensure!(got == bytes, "got {got} of {bytes} bytes");
        }
    }
    Ok(())
}

/// The same total over several connections at once; gives the time.
///
/// # Errors
/// When the connection fails or bytes are missing.
pub async fn bulks(address: SocketAddr, way: Way, streams: u64, total: u64) -> Result<Duration> {
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..streams {
        tasks.spawn(bulk(address, way, total / streams));
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(started.elapsed())
}

/// Round trips of 64 bytes; gives the sorted times.
///
/// # Errors
/// When the connection fails or bytes are missing.
pub async fn echoes(address: SocketAddr, count: usize) -> Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    stream.write_u8(b'E').await?;
    let (sent, mut got) = ([5; 64], [0; 64]);
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let started = Instant::now();
        stream.write_all(&sent).await?;
        stream.read_exact(&mut got).await?;
        times.push(started.elapsed());
    }
    times.sort();
    Ok(times)
}

/// Echoes that a percentile of the tail needs.
const ECHOES: usize = 2000;

/// One bulk stream each way, over and over for at least two seconds and until `done`; gives the rate of both together
/// in MB/s.
///
/// # Errors
/// When a connection fails or bytes are missing.
pub async fn both(address: SocketAddr, done: impl Fn() -> bool) -> Result<f64> {
    let bytes = 256 << 20;
    let (started, mut moved) = (Instant::now(), 0u64);
    loop {
        let (up, down) = tokio::join!(bulk(address, Way::Up, bytes), bulk(address, Way::Down, bytes));
        up?;
        down?;
        moved += 2 * bytes;
        if done() && started.elapsed() > Duration::from_secs(2) {
            return Ok(moved as f64 / 1e6 / started.elapsed().as_secs_f64());
        }
    }
}

/// Echoes beside one bulk stream each way, as long as these run, which is until there are enough. Gives the times
/// and the bulk rate in MB/s.
///
/// # Errors
/// When a connection fails or bytes are missing.
pub async fn echoes_beside(address: SocketAddr) -> Result<(Vec<Duration>, f64)> {
    let enough = Arc::new(AtomicBool::new(false));
    let done = Arc::clone(&enough);
    let running = tokio::spawn(both(address, move || done.load(Ordering::Relaxed)));
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut times = Vec::new();
    while !running.is_finished() {
        times.extend(echoes(address, 100).await?);
        enough.store(times.len() >= ECHOES, Ordering::Relaxed);
    }
    let rate = running.await??;
    times.sort();
    Ok((times, rate))
}

/// Opens a connection, gets one byte echoed, and ends both directions.
async fn connection(address: SocketAddr) -> Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    stream.write_all(b"E1").await?;
    let mut byte = [0];
    stream.read_exact(&mut byte).await?;
    stream.shutdown().await?;
    ensure!(stream.read(&mut byte).await? == 0, "bytes after the end");
    Ok(())
}

/// New connections per second with 16 workers.
///
/// # Errors
/// When a connection fails.
pub async fn connections(address: SocketAddr, span: Duration) -> Result<f64> {
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..16 {
        tasks.spawn(async move {
            let mut done = 0u64;
            while started.elapsed() < span {
                connection(address).await?;
                done += 1;
            }
            anyhow::Ok(done)
        });
    }
    let mut done = 0;
    while let Some(worker) = tasks.join_next().await {
        done += worker??;
    }
    Ok(done as f64 / started.elapsed().as_secs_f64())
}

/// How long `count` new connections take with 16 workers.
///
/// # Errors
/// When a connection fails.
pub async fn connect_times(address: SocketAddr, count: u64) -> Result<Duration> {
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for worker in 0..16 {
        let share = count / 16 + u64::from(worker < count % 16);
        tasks.spawn(async move {
            for _ in 0..share {
                connection(address).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(worker) = tasks.join_next().await {
        worker??;
    }
    Ok(started.elapsed())
}
