//! What a journal keeps of a text in place of the text.

use sha2::{Digest, Sha256};

/// SHA-256 in hex.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
