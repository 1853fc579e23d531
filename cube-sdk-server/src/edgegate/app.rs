//! What every handler shares.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use cube_sdk_byo::audit::Recorder;
use cube_sdk_byo::{CallerIdentity, Storage};
use cube_sdk_core::cached::Cached;
use cube_sdk_core::{Clock, Result};
use tokio::sync::{Notify, watch};

use super::counted::Counted;
use super::executor::CellExecutor;
use super::limits::WorkspaceLimits;
use super::probes::Probes;
use super::settings::OperatorSettings;
use crate::store::{EdgeGateStore, Ender, Id, RunEnd, RunRow, Time};

pub(crate) struct App {
    pub(crate) store: EdgeGateStore,
    pub(crate) clock: Clock,
    pub(crate) settings: OperatorSettings,
    /// Acts with EdgeGate's own keys.
    pub(crate) aws: Storage,
    /// Whom those keys belong to, as AWS told.
    pub(crate) caller: Cached<CallerIdentity>,
    pub(crate) executor: Arc<dyn CellExecutor>,
    /// Writes the audit rows of every call; flushed at the end.
    pub(crate) recorder: Recorder,
    pub(crate) counted: Counted,
    /// The probes that run.
    pub(crate) probes: Probes,
    /// Tells the runner that a run was stored.
    pub(crate) wake: Notify,
    /// Tells those who wait for another process's probe.
    pub(crate) probed: Notify,
    /// This process, among those that claim runs.
    pub(crate) holder: Id,
    /// What one workspace may have under way.
    pub(crate) limits: WorkspaceLimits,
    /// How many runs are executed at once.
    pub(crate) concurrent_runs: usize,
    /// One switch per run in flight: true cancels it.
    pub(crate) switches: Mutex<HashMap<Id, watch::Sender<bool>>>,
}

impl App {
    pub(crate) fn now(&self) -> Time {
        Time::from(self.clock.now())
    }

    /// Ends a run; false when it had ended before, or is not this ender's to end.
    pub(crate) async fn end_run(&self, run: &RunRow, ender: Ender, end: &RunEnd, now: Time) -> Result<bool> {
        let ended = self.store.end_run(run.workspace_id, run.id, ender, end, now).await?;
        if ended {
            self.counted.run_ended(end.status);
        }
        Ok(ended)
    }

    /// Switches a run in flight off, if this process executes it.
    pub(crate) fn switch_off(&self, run: Id) {
        if let Some(switch) = self.switches().get(&run) {
            switch.send_replace(true);
        }
    }

    pub(crate) fn switches(&self) -> std::sync::MutexGuard<'_, HashMap<Id, watch::Sender<bool>>> {
        self.switches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
