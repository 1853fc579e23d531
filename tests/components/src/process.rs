//! A child process that ends with its owner.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A started component; killed by pid when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a command with its output in `log`.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(mut command: Command, log: &Path) -> Self {
        let file = File::create(log).expect("the log file can be made");
        let second = file.try_clone().expect("the log file can be shared");
        let child = command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(second)
            .spawn()
            .unwrap_or_else(|error| panic!("starting {command:?}: {error}"));
        Self { child, log: log.to_path_buf() }
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// What it wrote.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// True while it runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A loopback port that was free a moment ago, below 50 000: some components add 10 000 for a second port.
pub fn free_port() -> u16 {
    let ports = std::iter::repeat_with(|| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        listener.local_addr().expect("a bound socket has an address").port()
    });
    ports.take(10_000).find(|port| *port < 50_000).expect("a free port below 50 000")
}

/// Asks `GET path` until the answer is 200.
///
/// # Panics
/// After `limit`, or when the process ends, with what it wrote.
pub fn wait_until_ready(process: &mut Process, port: u16, path: &str, limit: Duration) {
    wait_until(process, limit, |_| answers(port, path));
}

/// Asks a component whether it is ready until it is.
///
/// # Panics
/// After `limit`, or when the process ends, with what it wrote.
pub fn wait_until(process: &mut Process, limit: Duration, mut ready: impl FnMut(&Process) -> bool) {
    let started = Instant::now();
    while !ready(process) {
        assert!(process.is_running(), "the component ended:\n{}", process.log());
        assert!(started.elapsed() < limit, "not ready within {limit:?}:\n{}", process.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn answers(port: u16, path: &str) -> bool {
    let Ok(mut socket) = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))) else { return false };
    let _ = socket.set_read_timeout(Some(Duration::from_secs(2)));
    let asked = write!(socket, "GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n\r\n");
    let mut head = [0; 12];
    asked.is_ok() && socket.read_exact(&mut head).is_ok() && head.ends_with(b" 200")
}
