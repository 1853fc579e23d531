//! What an answer means: success, or which error.

use std::fmt;

use super::Reply;
use crate::error::Result;
use crate::operation::Operation;

/// Turns an answer into success or a typed error. HTTP 200 is not success by itself.
pub trait Classify: fmt::Debug + Send + Sync + 'static {
    /// Accepts the answer or says what is wrong with it.
    ///
    /// # Errors
    /// The domain's error for this answer, without operation and target: the engine adds them.
    fn classify(&self, operation: Operation, reply: &Reply) -> Result<()>;
}

/// Success is 2xx, all else is told by its status.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByStatus;

impl Classify for ByStatus {
    fn classify(&self, _: Operation, reply: &Reply) -> Result<()> {
        if reply.status.is_success() { Ok(()) } else { Err(reply.refusal()) }
    }
}
