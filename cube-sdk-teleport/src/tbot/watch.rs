//! The credentials of all apps under one root, and a handle that keeps looking at them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cube_sdk_core::{Result, Timestamp};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::directory::{IdentityDirectory, ReadPolicy};
use super::identity::Identity;
use super::layout::OutputRoot;
use crate::app_fault::{AppErrorExt, AppFault};

/// The shortest time between two looks.
const SHORTEST: Duration = Duration::from_millis(10);

/// The credentials of every app that has an output directory. Cheap to clone; clones share what was read.
///
/// ```
/// use cube_sdk_teleport::tbot::{Identities, OutputRoot, ReadPolicy};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use cube_sdk_testkit::teleport::{AppKind as Kind, Cluster, TbotDirectory};
/// # let app = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let cluster = Cluster::new("cube.teleport.sh")?;
/// # cluster.add_app("db", Kind::Tcp, app.local_addr()?);
/// # let outputs = tempfile::tempdir()?;
/// # TbotDirectory::new(&cluster, "db", outputs.path().join("app-db")).rotate().await?;
/// let identities = Identities::new(OutputRoot::new(outputs.path()), ReadPolicy::default());
/// let identity = identities.current("db").await?;
/// assert_eq!(identity.subject().app.as_deref(), Some("db"));
/// for (app, state) in identities.survey().await? {
///     println!("{app}: {state:?}");
///     assert!(state.is_ready());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Identities {
    root: OutputRoot,
    policy: ReadPolicy,
    directories: Arc<Mutex<HashMap<String, Arc<IdentityDirectory>>>>,
}

impl Identities {
    /// The outputs under `root`. Reads nothing yet.
    pub fn new(root: OutputRoot, policy: ReadPolicy) -> Self {
        Self { root, policy, directories: Arc::default() }
    }

    /// Where the outputs are.
    pub fn root(&self) -> &OutputRoot {
        &self.root
    }

    /// How the directories are read.
    pub fn policy(&self) -> &ReadPolicy {
        &self.policy
    }

    /// The credential for an app, as [`IdentityDirectory::current`].
    ///
    /// # Errors
    /// As there; a name that is no DNS label is [`AppFault::AppNotProvisioned`] and touches no file.
    pub async fn current(&self, app: &str) -> Result<Arc<Identity>> {
        let Some(path) = self.root.app(app) else {
            return Err(AppFault::AppNotProvisioned
                .error(format_args!("`{}` is no DNS label, so Teleport has no such app", app.escape_debug())));
        };
        let directory = {
            let mut directories = self.directories.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(
                directories
                    .entry(app.to_owned())
                    .or_insert_with(|| Arc::new(IdentityDirectory::new(app, path, self.policy))),
            )
        };
        let outcome = directory.current().await;
        if outcome.as_ref().err().and_then(AppErrorExt::app_fault) == Some(&AppFault::AppNotProvisioned) {
            // Names come from outside: without this the map would grow with every wrong one.
            self.directories.lock().unwrap_or_else(PoisonError::into_inner).remove(app);
        }
        outcome
    }

    /// Looks at every directory once: the state of each app, by name.
    ///
    /// # Errors
    /// `Io` when the root cannot be listed. A broken directory is a state, not an error.
    pub async fn survey(&self) -> Result<BTreeMap<String, WatchState>> {
        let looks = self.root.apps().await?.into_iter().map(|(app, _)| async move {
            let state = match self.current(&app).await {
                Ok(identity) => WatchState::ready(&identity, self.policy.clock.now()),
                Err(error) => WatchState::Failed {
                    fault: error.app_fault().copied().unwrap_or(AppFault::CredentialUnreadable),
                    reason: error.to_string(),
                },
            };
            (app, state)
        });
        // At once: a torn directory is read again for a while, and must not hold up the others.
        Ok(futures_util::future::join_all(looks).await.into_iter().collect())
    }

    /// Starts looking at every directory now and then every `interval` (30 s is a good one, 10 ms the least), so that a
    /// renewal is read before the next dial needs it and a stale directory is noticed without one.
    /// Must be called within a tokio runtime; the task ends with the handle.
    pub fn watch(&self, interval: Duration) -> IdentityWatch {
        let (sender, states) = watch::channel(BTreeMap::new());
        let identities = self.clone();
        let task = tokio::spawn(async move {
            loop {
                match identities.survey().await {
                    Ok(states) => {
                        sender.send_if_modified(|old| {
                            let changed = *old != states;
                            *old = states;
                            changed
                        });
                    }
                    Err(error) => tracing::warn!(%error, "the tbot outputs cannot be listed"),
                }
                tokio::time::sleep(interval.max(SHORTEST)).await;
            }
        });
        IdentityWatch { states, task }
    }
}

/// What is known about one app's credential.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum WatchState {
    /// It can be used.
    Ready {
        /// End of the certificate's life.
        not_after: Timestamp,
        /// True when less than a third of its life is left: with tbot's defaults two renewals were missed.
        stale: bool,
    },
    /// It cannot.
    Failed {
        /// Why.
        fault: AppFault,
        /// Why, in a line.
        reason: String,
    },
}

impl WatchState {
    fn ready(identity: &Identity, now: Timestamp) -> Self {
        let subject = identity.subject();
        Self::Ready { not_after: subject.not_after, stale: subject.left(now) < subject.lifetime() / 3 }
    }

    /// Can the app be dialled?
    pub const fn is_ready(&self) -> bool {
        matches!(self, Self::Ready { .. })
    }
}

/// Keeps looking at the directories until dropped.
///
/// ```
/// use std::time::Duration;
///
/// use cube_sdk_teleport::tbot::{Identities, OutputRoot, ReadPolicy};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use cube_sdk_testkit::teleport::{AppKind as Kind, Cluster, TbotDirectory};
/// # let app = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let cluster = Cluster::new("cube.teleport.sh")?;
/// # cluster.add_app("db", Kind::Tcp, app.local_addr()?);
/// # let outputs = tempfile::tempdir()?;
/// # TbotDirectory::new(&cluster, "db", outputs.path().join("app-db")).rotate().await?;
/// let identities = Identities::new(OutputRoot::new(outputs.path()), ReadPolicy::default());
/// let mut watch = identities.watch(Duration::from_secs(30)); // looks at once, then every 30 s
/// let states = watch.changed().await;
/// assert!(states["db"].is_ready());
/// assert_eq!(watch.states(), states);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct IdentityWatch {
    states: watch::Receiver<BTreeMap<String, WatchState>>,
    task: JoinHandle<()>,
}

impl IdentityWatch {
    /// The states found last, by app.
    pub fn states(&self) -> BTreeMap<String, WatchState> {
        self.states.borrow().clone()
    }

    /// Waits for a change and gives the new states.
    ///
    /// # Cancel safety
    /// Safe: no change is lost, only the newest state counts.
    pub async fn changed(&mut self) -> BTreeMap<String, WatchState> {
        if self.states.changed().await.is_err() {
            // The task holds the sender for as long as it lives, and ends only with this handle.
            std::future::pending::<()>().await;
        }
        self.states.borrow_and_update().clone()
    }
}

impl Drop for IdentityWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}
