//! One output directory, read again whenever its files changed.

use std::io::ErrorKind as IoKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cube_sdk_core::cached::{Cached, Fresh};
use cube_sdk_core::clock::later;
use cube_sdk_core::{Clock, Error, Result};
use secrecy::zeroize::Zeroizing;
use tokio::time::Instant;

use super::bundle::{self, Bundle};
use super::identity::Identity;
use super::layout;
use super::torn::Torn;
use crate::app_fault::{AppErrorExt, AppFault};

/// How strictly and how patiently a directory is read.
///
/// ```
/// use std::time::Duration;
///
/// use cube_sdk_teleport::tbot::{Identities, OutputRoot, ReadPolicy};
///
/// // A certificate that is about to end is not used any more, and half-written files are waited for.
/// let policy = ReadPolicy::default().leeway(Duration::from_secs(120)).patience(Duration::from_secs(5));
/// let identities = Identities::new(OutputRoot::new("/opt/machine-id"), policy);
/// assert_eq!(identities.policy().leeway, Duration::from_secs(120));
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ReadPolicy {
    /// Life that a certificate must have left to be used: 45 s.
    pub leeway: Duration,
    /// How long a torn set is read again when no older credential is at hand: 2 s.
    pub patience: Duration,
    /// The clock that validity is held against.
    pub clock: Clock,
}

impl Default for ReadPolicy {
    fn default() -> Self {
        Self { leeway: Duration::from_secs(45), patience: Duration::from_secs(2), clock: Clock::system() }
    }
}

impl ReadPolicy {
    /// Sets the life that must be left.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Sets how long a torn set is read again.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Sets the clock.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }
}

/// One app's output directory and the credential last read from it.
///
/// Each [`current`](Self::current) compares modification times and lengths with those of the last good
/// read, and reads only when they differ. A set that cannot be used never replaces one that can: the old
/// credential serves while it is valid.
///
/// ```
/// use cube_sdk_teleport::tbot::{IdentityDirectory, ReadPolicy};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use cube_sdk_testkit::teleport::{AppKind as Kind, Cluster, TbotDirectory};
/// # let app = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let cluster = Cluster::new("cube.teleport.sh")?;
/// # cluster.add_app("db", Kind::Tcp, app.local_addr()?);
/// # let outputs = tempfile::tempdir()?;
/// # TbotDirectory::new(&cluster, "db", outputs.path().join("app-db")).rotate().await?;
/// let directory = IdentityDirectory::new("db", outputs.path().join("app-db"), ReadPolicy::default());
/// let identity = directory.current().await?; // read again whenever tbot renewed it
/// println!("good until {}", identity.subject().not_after);
/// # assert_eq!(identity.subject().app.as_deref(), Some("db"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct IdentityDirectory {
    place: Arc<Place>,
    loaded: Cached<Arc<Loaded>>,
}

/// Where to look, and for what.
#[derive(Debug)]
struct Place {
    app: String,
    path: PathBuf,
    policy: ReadPolicy,
}

#[derive(Debug)]
struct Loaded {
    prints: Prints,
    identity: Arc<Identity>,
}

/// The files that can hold (part of) a credential, as they looked: modification time, length, inode.
type Prints = [Option<(SystemTime, u64, u64)>; 6];

const WATCHED: [&str; 6] =
    [layout::IDENTITY, layout::TLS_CERT, layout::KEY, layout::TLS_CRT, layout::TLS_KEY, layout::HOST_CA];

impl IdentityDirectory {
    /// The directory of `app`. Reads nothing yet.
    pub fn new(app: impl Into<String>, path: impl Into<PathBuf>, policy: ReadPolicy) -> Self {
        // One look takes as long as a torn set is read again, and a little for the disk.
        let patience = policy.patience.saturating_add(Duration::from_secs(30));
        let loaded = Cached::new(policy.clock).pause(Duration::ZERO).patience(patience);
        Self { place: Arc::new(Place { app: app.into(), path: path.into(), policy }), loaded }
    }

    /// The app that the directory must be for.
    pub fn app(&self) -> &str {
        &self.place.app
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.place.path
    }

    /// The credential to use now: re-read if the files changed, proved whole, valid, and for this app.
    ///
    /// Concurrent calls share one look and what comes of it. While no usable credential is at hand, a torn set is read again
    /// after 50, 100, 200 … ms until [`ReadPolicy::patience`] ends.
    ///
    /// # Errors
    /// `NotFound` with [`AppFault::AppNotProvisioned`] without a directory; `Credentials` with
    /// [`AppFault::CredentialMissing`], [`AppFault::CredentialUnreadable`] or
    /// [`AppFault::CredentialTorn`]; and those of [`Identity::check`].
    ///
    /// # Cancel safety
    /// Safe: the look goes on for the others.
    pub async fn current(&self) -> Result<Arc<Identity>> {
        let (place, known) = (Arc::clone(&self.place), self.loaded.peek());
        let look = || async move { Ok(Fresh::new(place.look(known).await?, None)) };
        self.loaded.renew(look).await.map(|loaded| Arc::clone(&loaded.identity))
    }
}

impl Place {
    /// What to use now; `known` is what was used last.
    async fn look(&self, known: Option<Arc<Loaded>>) -> Result<Arc<Loaded>> {
        let until = later(Instant::now(), self.policy.patience);
        let mut pause = Duration::from_millis(50);
        loop {
            let outcome = match self.read(known.as_ref().map(|known| known.prints)).await {
                // Nothing changed: only time may have passed.
                Ok(None) => known.clone().ok_or_else(missing),
                Ok(Some(fresh)) => Ok(Arc::new(fresh)),
                Err(error) => Err(error),
            };
            let error = match outcome.and_then(|found| self.usable(&found.identity).map(|()| found)) {
                Ok(found) => {
                    if known.as_ref().is_none_or(|known| !Arc::ptr_eq(known, &found)) {
                        let until = found.identity.subject().not_after;
                        tracing::debug!(app = %self.app, %until, "credential read");
                    }
                    return Ok(found);
                }
                Err(error) => error.with_target(self.target()),
            };
            if let Some(kept) = known.as_ref().filter(|known| self.usable(&known.identity).is_ok()) {
                tracing::warn!(app = %self.app, %error, "the directory is unusable, the credential read before serves on");
                return Ok(Arc::clone(kept));
            }
            if error.app_fault() != Some(&AppFault::CredentialTorn) || later(Instant::now(), pause) > until {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(200));
        }
    }

    fn usable(&self, identity: &Identity) -> Result<()> {
        identity.check(&self.app, self.policy.clock.now(), self.policy.leeway)
    }

    fn target(&self) -> String {
        format!("app {} in {}", self.app, self.path.display())
    }

    /// Reads the directory unless its files look as they did; none when they do.
    async fn read(&self, known: Option<Prints>) -> Result<Option<Loaded>> {
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || read_directory(&path, known))
            .await
            .map_err(|_| AppFault::CredentialUnreadable.error("reading was interrupted"))?
    }
}

fn missing() -> Error {
    AppFault::CredentialMissing.error("the directory holds no credential")
}

fn read_directory(path: &Path, known: Option<Prints>) -> Result<Option<Loaded>> {
    let prints = fingerprints(path)?;
    if known == Some(prints) {
        return Ok(None);
    }
    let mut torn = None;
    for (certificate, key) in layout::FORMS {
        match read_form(path, certificate, key, &prints) {
            Ok(Some(identity)) => return Ok(Some(Loaded { prints, identity: Arc::new(identity) })),
            Ok(None) => {}
            // The first form is the newest, so its state is the one to report.
            Err(error) if torn.is_none() => torn = Some(error),
            Err(_) => {}
        }
    }
    Err(torn.unwrap_or_else(missing))
}

/// One form of the credential: whole, absent (none), or why it cannot be used.
fn read_form(path: &Path, certificate: &str, key: Option<&str>, before: &Prints) -> Result<Option<Identity>> {
    let Some(text) = read_file(path, certificate)? else { return Ok(None) };
    let torn = |why: Torn| AppFault::CredentialTorn.error(format_args!("`{certificate}`: {why}")).cause(why);
    let bundle = match key {
        None => Bundle::from_identity(&text),
        Some(key) => match read_file(path, key)? {
            Some(key) => Bundle::from_pair(&text, &key),
            None => Err(Torn::NoKey),
        },
    };
    let bundle = bundle.map_err(torn)?;
    let host = match read_file(path, layout::HOST_CA)? {
        // The authorities of `identity` serve while the separate file is being written.
        Some(text) => bundle::authorities(&text)
            .or_else(|why| if bundle.authorities().is_empty() { Err(torn(why)) } else { Ok(Vec::new()) })?,
        None => Vec::new(),
    };
    let identity = Identity::new(&bundle, &host).map_err(torn)?;
    let after = fingerprints(path)?;
    let moved = WATCHED
        .iter()
        .zip(before.iter().zip(&after))
        .any(|(name, (before, after))| (*name == certificate || Some(*name) == key) && before != after);
    if moved { Err(torn(Torn::Moving)) } else { Ok(Some(identity)) }
}

fn fingerprints(path: &Path) -> Result<Prints> {
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_dir() => {}
        Ok(_) => return Err(AppFault::AppNotProvisioned.error("the output is no directory")),
        Err(error) if error.kind() == IoKind::NotFound => {
            return Err(AppFault::AppNotProvisioned.error("there is no output directory").cause(error));
        }
        Err(error) => return Err(unreadable(&path.display(), error)),
    }
    let mut prints = Prints::default();
    for (print, name) in prints.iter_mut().zip(WATCHED) {
        *print = match std::fs::metadata(path.join(name)) {
            Ok(meta) => Some((meta.modified().unwrap_or(SystemTime::UNIX_EPOCH), meta.len(), inode(&meta))),
            Err(error) if error.kind() == IoKind::NotFound => None,
            Err(error) => return Err(unreadable(&name, error)),
        };
    }
    Ok(prints)
}

/// Tells a file from another that took its place.
#[cfg(unix)]
fn inode(meta: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(meta)
}

#[cfg(not(unix))]
fn inode(_: &std::fs::Metadata) -> u64 {
    0
}

fn read_file(directory: &Path, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
    match std::fs::read(directory.join(name)) {
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(error) if error.kind() == IoKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(&name, error)),
    }
}

fn unreadable(what: &dyn std::fmt::Display, error: std::io::Error) -> Error {
    AppFault::CredentialUnreadable.error(format_args!("reading `{what}`: {}", error.kind())).cause(error)
}
