//! Where audit rows go.

mod channel;
mod memory;
mod ndjson;

pub use channel::{AuditReceiver, ChannelSink};
pub use memory::MemorySink;
pub use ndjson::NdjsonSink;

use cube_sdk_core::Result;

use super::entry::AuditEntry;

/// Keeps audit rows. Commits come one at a time; a batch may repeat rows of a commit that was given up
/// half-way, with the same `attempt_id`.
#[async_trait::async_trait]
pub trait AuditSink: Send + Sync + 'static {
    /// Keeps all rows of the batch, in order, and returns once they are safe.
    async fn commit(&self, batch: &[AuditEntry]) -> Result<()>;
}
