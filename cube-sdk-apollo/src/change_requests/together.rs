//! Reading many change requests of one environment again: one list serves all who wait.

use std::collections::BTreeMap;

use cube_sdk_core::{Error, Result};
use futures_util::lock::Mutex;

use super::all_of;
use crate::ids::{EnvironmentId, Rid};
use crate::listing::list_in;
use crate::mode::Mode;
use crate::model::{ChangeRequest, Environment};

/// The last list of one environment.
#[derive(Default)]
pub(crate) struct Together(Mutex<Last>);

#[derive(Default)]
struct Last {
    /// How many lists there have been.
    serial: u64,
    found: BTreeMap<Rid, ChangeRequest>,
    error: Option<Error>,
}

impl Together {
    /// Reads one of them again. A list that has come since the one that it saw last serves it; `seen` is its serial.
    pub(crate) async fn look(
        &self,
        change: &ChangeRequest,
        id: &EnvironmentId,
        seen: &mut u64,
    ) -> Result<ChangeRequest> {
        let mut last = self.0.lock().await;
        if last.serial <= *seen {
            *last = Last { serial: last.serial + 1, ..Last::read(change, id).await };
        }
        *seen = last.serial;
        match (last.found.get(&change.rid), &last.error) {
            (Some(now), _) => return Ok(change.seen_again(now.clone())),
            (None, Some(error)) if error.is_transient() => return Err(error.clone()),
            (None, _) => {}
        }
        drop(last);
        // What is missing or failed is told by its own look.
        change.look().await
    }
}

impl Last {
    async fn read(change: &ChangeRequest, id: &EnvironmentId) -> Self {
        let (mode, environment) = (Mode::strict(&change.apollo), Environment::by_id(id.clone()));
        let mut own = list_in(&mode, all_of(&change.apollo, &environment));
        let mut last = Self::default();
        loop {
            match own.try_next().await {
                Ok(Some(change)) => {
                    last.found.insert(change.rid.clone(), change);
                }
                Ok(None) => return last,
                Err(error) => {
                    last.error = Some(error);
                    return last;
                }
            }
        }
    }
}
