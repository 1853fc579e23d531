//! Masking: XOR with a key of four bytes.

use cube_sdk_core::{Error, ErrorKind};

/// XORs `bytes` with `key`; returns the key as it applies to the byte after them.
pub(crate) fn apply(bytes: &mut [u8], key: [u8; 4]) -> [u8; 4] {
    let wide = u64::from_ne_bytes([key[0], key[1], key[2], key[3], key[0], key[1], key[2], key[3]]);
    let (blocks, rest) = bytes.as_chunks_mut::<8>();
    for block in blocks {
        *block = (u64::from_ne_bytes(*block) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
    let mut after = key;
    after.rotate_left(rest.len() % 4);
    after
}

/// Unpredictable keys, drawn from the generator in batches.
pub(crate) struct Keys {
    pool: [u8; 1024],
    used: usize,
}

impl Keys {
    pub(crate) fn new() -> Self {
        Self { pool: [0; 1024], used: 1024 }
    }

    /// The next key.
    ///
    /// # Errors
    /// `Io` when the system gives no randomness.
    pub(crate) fn draw(&mut self) -> Result<[u8; 4], Error> {
        if self.used == self.pool.len() {
            aws_lc_rs::rand::fill(&mut self.pool)
                .map_err(|_| Error::new(ErrorKind::Io, "the system gave no random bytes for websocket masks"))?;
            self.used = 0;
        }
        let at = self.used;
        self.used += 4;
        Ok([self.pool[at], self.pool[at + 1], self.pool[at + 2], self.pool[at + 3]])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pieces_mask_like_the_whole(
            bytes in proptest::collection::vec(any::<u8>(), 0..100), key: [u8; 4], cut in 0usize..100,
        ) {
            let plain: Vec<u8> = bytes.iter().enumerate().map(|(at, byte)| byte ^ key[at % 4]).collect();
            let mut pieces = bytes.clone();
            let cut = cut.min(pieces.len());
            let (front, back) = pieces.split_at_mut(cut);
            let next = apply(front, key);
            apply(back, next);
            prop_assert_eq!(pieces, plain);
        }
    }
}
