//! What ties audit rows together: the rows of one HTTP attempt, the rows of one probe.

use cube_sdk_core::text_id;

text_id! {
    /// One HTTP attempt: its row, and the row that follows when its body breaks.
    pub struct AttemptId;

    /// One readiness probe: the rows of its calls.
    pub struct ProbeId;
}

impl AttemptId {
    /// A new one. Ids minted later sort behind those minted before.
    pub fn mint() -> Self {
        Self::new(uuid::Uuid::now_v7())
    }
}

impl ProbeId {
    /// A new one. Ids minted later sort behind those minted before.
    pub fn mint() -> Self {
        Self::new(uuid::Uuid::now_v7())
    }
}
