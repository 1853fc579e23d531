//! Processes that stand between the load and the target: starting them, their CPU time and memory.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

/// How long a process may take until it listens.
const READY: Duration = Duration::from_secs(20);

/// Something to connect to, with the processes behind it.
pub struct Peer {
    /// Where the load connects.
    pub address: SocketAddr,
    /// Their CPU time and memory are measured.
    counted: Vec<Child>,
    /// They are only kept alive, as are these files.
    _others: Vec<Child>,
    _files: Option<tempfile::TempDir>,
}

impl Peer {
    /// A peer whose processes all count.
    pub fn new(address: SocketAddr, counted: Vec<Child>) -> Self {
        Self { address, counted, _others: Vec::new(), _files: None }
    }

    /// Keeps processes that are not measured.
    #[must_use]
    pub fn beside(mut self, others: Vec<Child>) -> Self {
        self._others = others;
        self
    }

    /// Keeps files until it is dropped.
    #[must_use]
    pub fn with_files(mut self, files: tempfile::TempDir) -> Self {
        self._files = Some(files);
        self
    }

    /// CPU seconds of the counted processes and of their children, user and system.
    ///
    /// # Errors
    /// When one has ended.
    pub fn cpu(&self) -> Result<f64> {
        let ids: Vec<u32> =
            self.counted.iter().map(|child| child.id().context("a peer has ended")).collect::<Result<_>>()?;
        let mut ticks = 0;
        for entry in std::fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let Some(id) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            // A process may end meanwhile; its parent has its time then.
            let Ok(stat) = std::fs::read_to_string(format!("/proc/{id}/stat")) else { continue };
            let fields: Vec<&str> = stat.rsplit_once(')').context("odd stat line")?.1.split_whitespace().collect();
            let (Some(parent), Some(times)) = (fields.get(1), fields.get(11..15)) else { bail!("odd stat line") };
            if ids.contains(&id) || ids.contains(&parent.parse()?) {
                ticks += times.iter().map(|time| time.parse::<u64>()).sum::<Result<u64, _>>()?;
            }
        }
        // Linux reports in units of 1/100 s to every program.
        Ok(ticks as f64 / 100.0)
    }

    /// Most memory that they ever had, in MiB.
    ///
    /// # Errors
    /// When one has ended.
    pub fn peak_mib(&self) -> Result<f64> {
        self.status_mib("VmHWM:")
    }

    /// Memory now, in MiB.
    ///
    /// # Errors
    /// When one has ended.
    pub fn rss_mib(&self) -> Result<f64> {
        self.status_mib("VmRSS:")
    }

    fn status_mib(&self, field: &str) -> Result<f64> {
        let mut kib = 0u64;
        for child in &self.counted {
            let id = child.id().context("a peer has ended")?;
            let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
            let line = status.lines().find_map(|line| line.strip_prefix(field)).context("no such memory figure")?;
            kib += line.trim().trim_end_matches(" kB").trim().parse::<u64>()?;
        }
        Ok(kib as f64 / 1024.0)
    }
}

/// The first line that a command prints. It is killed when dropped.
///
/// # Errors
/// When it cannot be started or says nothing.
pub async fn first_line(mut command: Command) -> Result<(Child, String)> {
    let shown = format!("{:?}", command.as_std());
    let mut child = command
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("could not start {shown}"))?;
    let stdout = child.stdout.take().context("no stdout")?;
    let mut lines = BufReader::new(stdout).lines();
    let line = tokio::time::timeout(READY, lines.next_line()).await.with_context(|| format!("{shown} is mute"))??;
    Ok((child, line.with_context(|| format!("{shown} said nothing"))?))
}

/// One of our own processes, as the subcommand `args`.
///
/// # Errors
/// As [`first_line`], or when it does not say where it listens.
pub async fn own(args: &[&str]) -> Result<(Child, SocketAddr)> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(args);
    let (child, line) = first_line(command).await?;
    let address = line.strip_prefix("listening ").context("unexpected first line")?.parse()?;
    Ok((child, address))
}

/// A process of somebody else, once it listens on `address`.
///
/// # Errors
/// When it cannot be started, ends, or does not listen in time.
pub async fn listening(mut command: Command, address: SocketAddr) -> Result<Child> {
    let shown = format!("{:?}", command.as_std());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().with_context(|| format!("could not start {shown}"))?;
    for _ in 0..READY.as_millis() / 20 {
        if let Some(status) = child.try_wait()? {
            bail!("{shown} ended with {status}");
        }
        if TcpStream::connect(address).await.is_ok() {
            return Ok(child);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bail!("{shown} does not listen on {address}")
}

/// A loopback port that nobody uses.
///
/// # Errors
/// When none is left.
pub async fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0").await?.local_addr()?)
}
