//! Pieces of DATA on their way to a consumer.

use std::io::IoSlice;
use std::ops::Range;
use std::task::{Context, Poll};

use super::{Driver, SLOTS};
use crate::tunnel::mux::Slot;

/// The most that are handed over in one call.
const MOST: usize = 16;

/// Pieces in a row for the same consumer: where they lie in the decoder, until it reads on.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    slot: Slot,
    ranges: [Range<usize>; MOST],
    count: usize,
}

impl Pieces {
    /// Takes one more, unless it is for another consumer or there is no room.
    pub(super) fn take(&mut self, slot: Slot, range: &Range<usize>) -> bool {
        if self.count > 0 && self.slot != slot {
            return false;
        }
        let Some(place) = self.ranges.get_mut(self.count) else { return false };
        *place = range.clone();
        self.slot = slot;
        self.count += 1;
        true
    }
}

impl Driver {
    /// Writes them straight to the consumer; what it does not take is queued.
    pub(super) fn deliver(&mut self, pieces: &mut Pieces) {
        let Pieces { slot, ranges, count } = std::mem::take(pieces);
        let Some(ranges) = ranges.get(..count).filter(|ranges| !ranges.is_empty()) else { return };
        self.socket(slot);
        let mut taken = 0;
        let socket = &mut self.sockets[slot];
        if socket.queue.is_empty() && socket.writable && socket.local.is_connected() {
            let mut cx = Context::from_waker(self.ready.waker(SLOTS + slot));
            let mut slices = [IoSlice::new(&[]); MOST];
            for (slice, range) in slices.iter_mut().zip(ranges) {
                *slice = IoSlice::new(self.decoder.bytes(range));
            }
            match socket.local.poll_write_vectored(&mut cx, &slices[..count]) {
                Poll::Ready(Ok(n)) => {
                    taken = n;
                    socket.untouched = false;
                    socket.unflushed = true;
                    socket.progress = None;
                    self.mux.written(self.now, slot, n as u64);
                }
                Poll::Ready(Err(error)) => {
                    self.local_failed(slot, &error);
                    return;
                }
                Poll::Pending => socket.writable = false,
            }
        }
        let socket = &mut self.sockets[slot];
        for range in ranges {
            let gone = taken.min(range.len());
            taken -= gone;
            let rest = &self.decoder.bytes(range)[gone..];
            socket.queue.extend(rest);
            self.counters.queued(rest.len() as u64);
        }
        if socket.queue.is_empty() {
            if !matches!(socket.local, super::socket::Local::Tcp(_)) {
                self.schedule(slot);
            }
            return;
        }
        socket.progress.get_or_insert(self.now);
        if self.mux.terms().brake.is_some_and(|brake| socket.queue.len() > brake.full) {
            self.full = Some(slot);
        }
        self.schedule(slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_for_one_consumer_are_taken_until_there_is_no_room() {
        let mut pieces = Pieces::default();
        for at in 0..MOST {
            assert!(pieces.take(3, &(at..at + 1)), "{at}");
            assert!(!pieces.take(4, &(0..1)), "for another");
        }
        assert!(!pieces.take(3, &(0..1)), "no room");
        let mut pieces = Pieces::default();
        assert!(pieces.take(4, &(0..1)), "the first may be for anybody");
    }
}
