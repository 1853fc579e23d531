//! How processes of one user see each other's tunnels: a socket for each tunnel, in a folder of the user alone.

use std::path::PathBuf;

use anyhow::Result;
use cube_render::known;
use cube_sdk::auth::KeyFile;
use cube_sdk::core::config::Environment;
use cube_sdk::teleport::tunnel::Tunnel;
use cube_sdk::{Error, ErrorKind};
use tokio::sync::mpsc;

use super::Row;

/// The folder of the sockets.
fn folder() -> Result<PathBuf> {
    let file = KeyFile::of(&Environment::process())?;
    let folder = file.as_ref().and_then(|file| file.path().parent());
    let missing = || {
        Error::new(ErrorKind::Config, "there is no folder for the sockets of tunnels: the environment names no home")
            .advice("set CUBE_AGENT_CONFIG_DIR")
    };
    Ok(folder.ok_or_else(missing)?.join("tunnels"))
}

/// A tunnel of this process as it is now.
pub(super) fn row(tunnel: &Tunnel) -> Row {
    let traffic = tunnel.traffic();
    Row {
        app: tunnel.app().to_string(),
        address: tunnel.local_addr().to_string(),
        state: tunnel.state().to_string(),
        streams: traffic.streams,
        opened: traffic.opened,
        sent: traffic.sent,
        received: traffic.received,
        round_trip_ms: traffic.round_trip.map(|trip| trip.as_secs_f64() * 1_000.0),
        pid: std::process::id(),
        url: known::url(tunnel.app().as_str(), tunnel.local_addr()),
    }
}

#[cfg(unix)]
pub(super) use unix::{Held, ask, held};

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use anyhow::{Context as _, Result};
    use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
    use tokio::net::{UnixListener, UnixStream};

    use super::{Error, ErrorKind, Row, Tunnel, folder, mpsc, row};

    /// The longest answer, and the longest wait for one.
    const LONGEST: u64 = 64 * 1024;
    const PATIENCE: Duration = Duration::from_secs(2);

    /// A tunnel that other processes see; no longer when this is dropped.
    pub(in super::super) struct Held {
        path: PathBuf,
        task: tokio::task::JoinHandle<()>,
        stops: mpsc::Receiver<()>,
    }

    impl Held {
        /// Resolves when another process wants the tunnel to stop.
        pub(in super::super) async fn stop_asked(&mut self) {
            if self.stops.recv().await.is_none() {
                std::future::pending::<()>().await;
            }
        }
    }

    impl Drop for Held {
        fn drop(&mut self) {
            self.task.abort();
            // Whoever finds it later sees that nobody listens.
            let _ = std::fs::remove_file(&self.path);
        }
    }

    /// Lets other processes of this user see a tunnel and stop it.
    pub(in super::super) fn held(tunnel: &Tunnel) -> Result<Held> {
        let folder = private(folder()?)?;
        let path = folder.join(format!("{}-{}.sock", std::process::id(), tunnel.local_addr().port()));
        // A process of the same number left it behind.
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).with_context(|| format!("listening on {}", path.display()))?;
        let (stop, stops) = mpsc::channel(1);
        let task = tokio::spawn(serve(listener, tunnel.clone(), stop));
        Ok(Held { path, task, stops })
    }

    /// Made for its owner alone, or found like that.
    fn private(folder: PathBuf) -> Result<PathBuf> {
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.with_context(|| format!("making {}", folder.display()))?;
        let found = std::fs::metadata(&folder).with_context(|| format!("looking at {}", folder.display()))?;
        if found.permissions().mode() & 0o077 != 0 {
            let words = format!("{} is open to others (mode {:o})", folder.display(), found.mode() & 0o777);
            let advice = format!("chmod 700 {}", folder.display());
            return Err(Error::new(ErrorKind::Config, words).advice(advice).into());
        }
        Ok(folder)
    }

    async fn serve(listener: UnixListener, tunnel: Tunnel, stop: mpsc::Sender<()>) {
        while let Ok((stream, _)) = listener.accept().await {
            let (tunnel, stop) = (tunnel.clone(), stop.clone());
            tokio::spawn(async move { tokio::time::timeout(PATIENCE, answer(stream, tunnel, stop)).await });
        }
    }

    async fn answer(stream: UnixStream, tunnel: Tunnel, stop: mpsc::Sender<()>) -> Result<()> {
        let (read, mut write) = stream.into_split();
        let mut word = String::new();
        BufReader::new(read.take(64)).read_line(&mut word).await?;
        let answer = serde_json::to_string(&row(&tunnel))?;
        write.write_all(answer.as_bytes()).await?;
        write.shutdown().await?;
        if word.trim() == "stop" {
            // One wish is enough.
            let _ = stop.try_send(());
        }
        Ok(())
    }

    /// Says `word` to every tunnel that `wanted` names, and gives what they are; sockets that nobody listens to go
    /// away.
    pub(in super::super) async fn ask(word: &str, wanted: impl Fn(&Row) -> bool) -> Result<Vec<Row>> {
        let mut found = Vec::new();
        let Ok(entries) = std::fs::read_dir(folder()?) else { return Ok(found) };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            if path.extension().is_none_or(|extension| extension != "sock") {
                continue;
            }
            match said(&path, "status").await {
                Some(row) if wanted(&row) => {
                    if word != "status" {
                        said(&path, word).await;
                    }
                    found.push(row);
                }
                _ => {}
            }
        }
        found.sort_by(|a, b| (&a.app, a.pid).cmp(&(&b.app, b.pid)));
        Ok(found)
    }

    async fn said(path: &Path, word: &str) -> Option<Row> {
        let mut stream = match UnixStream::connect(path).await {
            Ok(stream) => stream,
            Err(cause) => {
                if cause.kind() == std::io::ErrorKind::ConnectionRefused {
                    let _ = std::fs::remove_file(path);
                }
                return None;
            }
        };
        let asked = async {
            stream.write_all(format!("{word}\n").as_bytes()).await?;
            let mut text = String::new();
            stream.take(LONGEST).read_to_string(&mut text).await?;
            Ok::<_, std::io::Error>(text)
        };
        let text = tokio::time::timeout(PATIENCE, asked).await.ok()?.ok()?;
        serde_json::from_str(&text).ok()
    }
}

#[cfg(not(unix))]
pub(super) use elsewhere::{Held, ask, held};

#[cfg(not(unix))]
mod elsewhere {
    use anyhow::Result;

    use super::{Error, ErrorKind, Row, Tunnel};

    pub(in super::super) struct Held;

    impl Held {
        pub(in super::super) async fn stop_asked(&mut self) {
            std::future::pending().await
        }
    }

    pub(in super::super) fn held(_: &Tunnel) -> Result<Held> {
        Ok(Held)
    }

    pub(in super::super) async fn ask(_: &str, _: impl Fn(&Row) -> bool) -> Result<Vec<Row>> {
        Err(Error::new(ErrorKind::Unsupported, "tunnels of other processes are seen on Unix systems only").into())
    }
}
