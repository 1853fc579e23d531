//! Waiting for a change request to end.

use std::time::Duration;

use cube_sdk_core::waiter::{Progress, Waiter};
use cube_sdk_core::{Error, ErrorKind, Result};

use super::{all_of, all_of_fleet};
use crate::fault::SaysGone as _;
use crate::listing::list_in;
use crate::mode::Mode;
use crate::model::{ChangeRequest, Environment, Subject};
use crate::words::ChangeRequestStatus;

/// Time between two looks unless told otherwise.
pub(super) const INTERVAL: Duration = Duration::from_secs(5);

impl ChangeRequest {
    /// Waits until it is done, good or bad, looking every 5 s at the environment's change requests. One that deletes its
    /// environment is done once the environment is gone. A status that this version does not know ends the wait
    /// `Unsupported` when its limit comes, or after 10 min.
    pub fn wait(&self) -> Waiter<Self> {
        let this = self.clone();
        let what = format!("change request {}", self.rid);
        let look = move || {
            let this = this.clone();
            async move { this.look().await }
        };
        Waiter::new(what, INTERVAL, look, |change: &Self| match change.is_done() {
            true => Progress::Done,
            false => Progress::Running,
        })
        .unknown(Self::unknown_status)
    }

    /// The word of a status that this version does not know.
    pub(crate) fn unknown_status(&self) -> Option<String> {
        match self.status() {
            Some(ChangeRequestStatus::Unknown(word)) => Some(word.clone()),
            Some(_) => None,
            None => Some("(no status)".into()),
        }
    }

    /// Reads it again.
    pub(crate) async fn look(&self) -> Result<Self> {
        let id = self.environment.clone().ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "the environment of this change request is not known")
                .with_target(self.rid.to_string())
                .advice("take it from the list of its environment")
        })?;
        let mode = Mode::strict(&self.apollo);
        let mut own = list_in(&mode, all_of(&self.apollo, &Environment::by_id(id)));
        loop {
            match own.try_next().await {
                Ok(Some(change)) if change.rid == self.rid => return Ok(self.seen_again(change)),
                Ok(Some(_)) => {}
                Ok(None) => {
                    let words = "it is not among the change requests of its environment";
                    return Err(Error::new(ErrorKind::NotFound, words).with_target(self.rid.to_string()));
                }
                Err(error) if error.says_gone() => return self.without_environment(&mode).await,
                Err(error) => return Err(error),
            }
        }
    }

    /// The environment is gone: as it should be, or the fleet's list may still tell.
    async fn without_environment(&self, mode: &Mode) -> Result<Self> {
        if matches!(self.subject, Subject::Deletion) {
            return Ok(self.gone());
        }
        let mut fleet = list_in(mode, all_of_fleet(&self.apollo));
        while let Some(change) = fleet.try_next().await? {
            if change.rid == self.rid {
                return Ok(self.seen_again(change));
            }
        }
        Err(Error::new(ErrorKind::NotFound, "its environment is gone, and it with it")
            .with_target(self.rid.to_string()))
    }
}
