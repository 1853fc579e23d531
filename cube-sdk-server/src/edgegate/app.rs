//! What every handler shares.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use cube_sdk_byo::Storage;
use cube_sdk_byo::audit::Recorder;
use cube_sdk_core::Clock;
use tokio::sync::{Notify, watch};

use super::executor::CellExecutor;
use super::limits::WorkspaceLimits;
use super::probes::Probes;
use super::settings::OperatorSettings;
use crate::store::{EdgeGateStore, Id, Time};

pub(crate) struct App {
    pub(crate) store: EdgeGateStore,
    pub(crate) clock: Clock,
    pub(crate) settings: OperatorSettings,
    /// Acts with EdgeGate's own keys.
    pub(crate) aws: Storage,
    pub(crate) executor: Arc<dyn CellExecutor>,
    /// Writes the audit rows of every call; flushed at the end.
    pub(crate) recorder: Recorder,
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
