//! What a publish tells while it runs.

use std::sync::Arc;

use super::Sent;

/// Something happened on the way of a publish.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Progress {
    /// A step begins.
    Step {
        /// From 1.
        number: usize,
        /// All of them.
        of: usize,
        /// What it does.
        doing: String,
    },
    /// A line of a builder, without secrets.
    Line(String),
    /// The remote build is in another state.
    Build(String),
    /// The chart's archive is going out.
    Sent(Sent),
}

/// Who is told.
#[derive(Clone)]
pub(super) struct Listener(Arc<dyn Fn(Progress) + Send + Sync>);

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Listener")
    }
}

impl Default for Listener {
    fn default() -> Self {
        Self(Arc::new(|_| {}))
    }
}

impl Listener {
    pub(super) fn new(listen: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self(Arc::new(listen))
    }

    pub(super) fn tell(&self, progress: Progress) {
        (self.0)(progress);
    }
}
