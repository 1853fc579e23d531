//! Version labels.

use std::cmp::Ordering;

/// Is this a version label that may be written? First `0-9A-Za-z`, then also `.`, `+`, `_`, `-`.
pub(super) fn is_label(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'+' | b'_' | b'-'))
}

/// Is one version older than another? Compared by the numbers that both begin with; false where these do not tell.
pub(crate) fn is_older(label: &str, than: &str) -> bool {
    let (ours, theirs) = (numbers(label), numbers(than));
    if ours.is_empty() || theirs.is_empty() {
        return false;
    }
    let longest = ours.len().max(theirs.len());
    let padded = |numbers: &[u64]| (0..longest).map(|at| numbers.get(at).copied().unwrap_or(0)).collect::<Vec<_>>();
    padded(&ours).cmp(&padded(&theirs)) == Ordering::Less
}

/// The dotted numbers that a version begins with.
fn numbers(version: &str) -> Vec<u64> {
    let version = version.split(['-', '+', '_']).next().unwrap_or_default();
    version.split('.').map_while(|part| part.parse().ok()).collect()
}
