//! What a storage and its sessions share: keys, connections, patience, clocks.

use std::sync::Arc;
use std::time::Duration;

use cube_sdk_core::Clock;
use cube_sdk_core::engine::Clocks;
use cube_sdk_core::retry::{Deadline, Retrier};
use cube_sdk_core::settings::Ground;

use super::base::Base;

/// One way into AWS. Cheap to clone; clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Account(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    base: Base,
    retrier: Retrier,
    clocks: Clocks,
    clock: Clock,
}

impl Account {
    pub(crate) fn new(base: Base, ground: &Ground) -> Self {
        let retrier = ground.retrier().clone();
        Self(Arc::new(Parts { base, retrier, clocks: ground.clocks(default_clocks()), clock: *ground.clock() }))
    }

    pub(crate) fn base(&self) -> &Base {
        &self.0.base
    }

    pub(crate) fn retrier(&self) -> &Retrier {
        &self.0.retrier
    }

    pub(crate) fn clocks(&self) -> Clocks {
        self.0.clocks
    }

    pub(crate) fn clock(&self) -> Clock {
        self.0.clock
    }

    /// When a call ends that is no read.
    pub(crate) fn deadline(&self) -> Deadline {
        Deadline::after(self.0.clocks.deadline)
    }
}

/// First byte 15 s, idle 15 s, 120 s for a call that is no read.
fn default_clocks() -> Clocks {
    let mut clocks = Clocks::default();
    clocks.first_byte = Duration::from_secs(15);
    clocks.idle = Duration::from_secs(15);
    clocks
}
