//! A client that is made when it is first asked for, and kept.

use std::sync::OnceLock;

use cube_sdk_core::Result;

pub(super) struct Door<T>(OnceLock<T>);

impl<T> Default for Door<T> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<T: Clone> Door<T> {
    /// The client that was made before, or a new one. A failure is not kept. Two threads may both make one; the first is
    /// kept.
    pub(super) fn open(&self, make: impl FnOnce() -> Result<T>) -> Result<T> {
        if let Some(client) = self.0.get() {
            return Ok(client.clone());
        }
        let client = make()?;
        Ok(self.0.get_or_init(|| client).clone())
    }
}
