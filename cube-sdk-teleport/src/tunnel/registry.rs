//! Which tunnels run or are being opened, one for each app.
//!
//! Nothing is awaited while the table is held: an app that is being opened is a future in it, which everyone who asks
//! for the app drives.

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use cube_sdk_core::{Error, ErrorKind, Result};
use futures_util::future::{AbortHandle, BoxFuture, FutureExt as _, Shared, WeakShared, abortable};
use tokio::sync::watch;

use super::agent::{ShutdownReport, Tunnel};
use crate::app_name::AppName;

type Opening = Shared<BoxFuture<'static, Result<Tunnel>>>;

/// One app's place.
pub(super) enum Entry {
    /// Ends with those who wait for it.
    Opening(WeakShared<BoxFuture<'static, Result<Tunnel>>>, AbortHandle),
    Running(Tunnel),
}

impl Entry {
    fn is_over(&self) -> bool {
        match self {
            Self::Opening(opening, _) => opening.upgrade().is_none(),
            Self::Running(tunnel) => tunnel.state().is_over(),
        }
    }

    /// Stops what runs, gives up what is being opened.
    pub(super) async fn stop(self, grace: Duration) -> ShutdownReport {
        match self {
            Self::Opening(_, abort) => {
                abort.abort();
                ShutdownReport::default()
            }
            Self::Running(tunnel) => tunnel.shutdown(grace).await,
        }
    }
}

/// The table.
#[derive(Default)]
pub(super) struct Registry(watch::Sender<BTreeMap<AppName, Entry>>);

/// What a call for an app finds.
enum Found {
    Tunnel(Tunnel),
    Opening(Opening, AbortHandle),
}

impl Registry {
    /// The tunnels that run.
    pub(super) fn running(&self) -> Vec<Tunnel> {
        let mut running = Vec::new();
        self.0.send_modify(|table| {
            table.retain(|_, entry| !entry.is_over());
            running.extend(table.values().filter_map(|entry| match entry {
                Entry::Running(tunnel) => Some(tunnel.clone()),
                Entry::Opening(..) => None,
            }));
        });
        running
    }

    /// Takes an app out of the table.
    pub(super) fn remove(&self, app: &str) -> Option<Entry> {
        let mut removed = None;
        self.0.send_modify(|table| {
            let name = table.keys().find(|name| name.as_str() == app).cloned();
            removed = name.and_then(|name| table.remove(&name)).filter(|entry| !entry.is_over());
        });
        removed
    }

    /// Takes everything out of the table.
    pub(super) fn remove_all(&self) -> BTreeMap<AppName, Entry> {
        let mut removed = self.0.send_replace(BTreeMap::new());
        removed.retain(|_, entry| !entry.is_over());
        removed
    }

    /// The tunnel of an app: the one that runs, the one that is being opened, or what `open` makes.
    pub(super) async fn open(
        &self,
        app: AppName,
        open: impl Future<Output = Result<Tunnel>> + Send + 'static,
    ) -> Result<Tunnel> {
        let (opening, stopped) = match self.found(&app, open) {
            Found::Tunnel(tunnel) => return Ok(tunnel),
            Found::Opening(opening, stopped) => (opening, stopped),
        };
        let outcome = match opening.clone().await {
            // The stop came as it stood.
            Ok(tunnel) if stopped.is_aborted() => {
                tunnel.abort();
                Err(given_up())
            }
            outcome => outcome,
        };
        self.0.send_modify(|table| {
            let own = matches!(table.get(&app), Some(Entry::Opening(weak, _))
                if weak.upgrade().is_some_and(|known| known.ptr_eq(&opening)));
            match &outcome {
                _ if !own => {}
                Ok(tunnel) => drop(table.insert(app, Entry::Running(tunnel.clone()))),
                Err(_) => drop(table.remove(&app)),
            }
        });
        outcome
    }

    fn found(&self, app: &AppName, open: impl Future<Output = Result<Tunnel>> + Send + 'static) -> Found {
        let (open, abort) = abortable(AssertUnwindSafe(open).catch_unwind());
        let opening: Opening = open
            .map(|outcome| match outcome {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_)) => Err(Error::new(ErrorKind::Cancelled, "opening the tunnel panicked")),
                Err(_) => Err(given_up()),
            })
            .boxed()
            .shared();
        let mut found = None;
        self.0.send_modify(|table| {
            found = match table.get(app) {
                Some(Entry::Running(tunnel)) if !tunnel.state().is_over() => Some(Found::Tunnel(tunnel.clone())),
                Some(Entry::Opening(weak, abort)) => weak.upgrade().map(|known| Found::Opening(known, abort.clone())),
                _ => None,
            };
            if found.is_none()
                && let Some(weak) = opening.downgrade()
            {
                table.insert(app.clone(), Entry::Opening(weak, abort.clone()));
            }
        });
        found.unwrap_or(Found::Opening(opening, abort))
    }
}

fn given_up() -> Error {
    Error::new(ErrorKind::Closed, "the tunnel was stopped while it was being opened")
}
