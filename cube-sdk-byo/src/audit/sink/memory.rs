//! Rows in memory.

use std::sync::{Arc, Mutex, PoisonError};

use cube_sdk_core::Result;

use super::AuditSink;
use crate::audit::entry::AuditEntry;

/// Keeps rows in memory, for tests and short programs. Clones share the rows.
#[derive(Clone, Debug, Default)]
pub struct MemorySink(Arc<Mutex<Vec<AuditEntry>>>);

impl MemorySink {
    /// The rows so far, in order.
    pub fn entries(&self) -> Vec<AuditEntry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait::async_trait]
impl AuditSink for MemorySink {
    async fn commit(&self, batch: &[AuditEntry]) -> Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(batch);
        Ok(())
    }
}
