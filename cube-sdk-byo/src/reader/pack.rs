//! Keeps what waits in memory close to what is accounted for.

use bytes::{Bytes, BytesMut};

use crate::session::READ_SIZE;

/// A chunk at least this long fills its allocation well enough to wait as it is. A shorter one keeps
/// [`READ_SIZE`] bytes alive whatever its length, so it is copied behind its predecessors instead. On a fast
/// connection reads are full and nothing is copied.
const FULL: usize = READ_SIZE / 8 * 7;

/// Collects short chunks of one part.
#[derive(Debug, Default)]
pub(crate) struct Pack(BytesMut);

impl Pack {
    /// Takes a chunk, and hands on what need not or cannot wait any longer: all of it when `hungry`.
    pub(crate) fn put(&mut self, chunk: Bytes, hungry: bool, mut hand_on: impl FnMut(Bytes)) {
        if hungry || chunk.len() >= FULL {
            self.flush(&mut hand_on);
            return hand_on(chunk);
        }
        // Blocks are filled to the brim: allocations of one size leave no holes in the heap when they are freed.
        let mut rest = &chunk[..];
        while !rest.is_empty() {
            if self.0.capacity() == 0 {
                self.0.reserve(READ_SIZE);
            }
            let (head, tail) = rest.split_at(rest.len().min(READ_SIZE - self.0.len()));
            self.0.extend_from_slice(head);
            rest = tail;
            if self.0.len() == READ_SIZE {
                self.flush(&mut hand_on);
            }
        }
    }

    /// Hands on what is left, in an allocation of its own size when it is short.
    pub(crate) fn flush(&mut self, mut hand_on: impl FnMut(Bytes)) {
        if self.0.is_empty() {
            return;
        }
        let packed = std::mem::take(&mut self.0);
        hand_on(if packed.len() >= FULL { packed.freeze() } else { Bytes::copy_from_slice(&packed) });
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn order_and_content_stay(sizes in proptest::collection::vec((1usize..READ_SIZE, any::<bool>()), 1..40)) {
            let (mut pack, mut out, mut all) = (Pack::default(), Vec::new(), Vec::new());
            let mut alive = 0usize;
            for (turn, (size, hungry)) in sizes.into_iter().enumerate() {
                let chunk = Bytes::from(vec![turn as u8; size]);
                all.extend_from_slice(&chunk);
                pack.put(chunk, hungry, |chunk| {
                    alive += if hungry { chunk.len() } else { READ_SIZE.min(chunk.len() * 8 / 7 + 1) };
                    out.extend_from_slice(&chunk);
                });
            }
            pack.flush(|chunk| out.extend_from_slice(&chunk));
            prop_assert_eq!(pack.len(), 0);
            prop_assert!(alive <= all.len() * 8 / 7 + 40);
            prop_assert_eq!(out, all);
        }
    }
}
