//! Choices out of a fuzzer's bytes; past their end every choice is 0.

use crate::Error;

pub(super) struct Input<'a>(pub(super) &'a [u8]);

impl<'a> Input<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> u8 {
        let [first, rest @ ..] = self.0 else { return 0 };
        self.0 = rest;
        *first
    }

    pub(super) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// Less than `limit`, which is at most 256.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        usize::from(self.byte()) % limit
    }

    /// Three bytes, big endian.
    pub(super) fn size(&mut self) -> u64 {
        (0..3).fold(0, |sum, _| sum << 8 | u64::from(self.byte()))
    }

    /// Up to `length` bytes.
    pub(super) fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

/// What an error shows is one line of printable characters and not longer than a reader bears.
pub(super) fn check_words(error: &Error) {
    let (shown, debug) = (error.to_string(), format!("{error:?}"));
    assert!(!shown.contains(char::is_control), "control characters in {shown:?}");
    assert!(shown.chars().count() <= 2000, "{} characters: {shown}", shown.chars().count());
    assert!(debug.len() <= 20_000, "{} bytes of Debug", debug.len());
}
