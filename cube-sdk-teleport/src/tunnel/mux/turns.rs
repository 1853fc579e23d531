//! Whose bytes go next: small before large, then each in its turn, as many bytes as the others (deficit round robin).
//!
//! A turn is not cut short in the middle of what can be read at once, which would make a frame of the rest: who says
//! more than its turn allows has less of the next one.
//!
//! A stream that has little to say overtakes those that take turns, until it had what they have in one round: then it
//! takes turns itself. So nobody starves, however many small ones there are.

use std::collections::VecDeque;

use super::Slot;

/// What is known of one slot.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// Takes turns.
    waits: bool,
    /// Bytes that are left of its turn; below zero, what it said too much.
    left: i64,
    /// Bytes with which it overtook, since that many turns were over.
    overtook: usize,
    since: u64,
}

/// The turns of one connection.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    ring: VecDeque<Slot>,
    places: Vec<Place>,
    /// Turns that are over.
    over: u64,
}

impl Turns {
    fn place(&mut self, slot: Slot) -> &mut Place {
        if self.places.len() <= slot {
            self.places.resize_with(slot + 1, Place::default);
        }
        &mut self.places[slot]
    }

    /// Does it take turns?
    pub(crate) fn waits(&self, slot: Slot) -> bool {
        self.places.get(slot).is_some_and(|place| place.waits)
    }

    /// It has much to say: it takes turns, behind all others.
    pub(crate) fn wait(&mut self, slot: Slot) {
        if !std::mem::replace(&mut self.place(slot).waits, true) {
            self.ring.push_back(slot);
        }
    }

    /// Whose turn it is, for at most `quantum` bytes at once; a whole turn is as much.
    pub(crate) fn next(&mut self, quantum: usize) -> Option<Slot> {
        loop {
            let slot = *self.ring.front()?;
            let place = self.place(slot);
            if place.left > 0 {
                return Some(slot);
            }
            place.left = place.left.saturating_add_unsigned(quantum.max(1) as u64);
            if place.left <= 0 {
                self.pass();
            }
        }
    }

    /// It said so many bytes and has more: the next one's turn once its own is used up.
    pub(crate) fn took(&mut self, slot: Slot, bytes: usize) {
        let place = self.place(slot);
        place.left = place.left.saturating_sub_unsigned(bytes as u64);
        if place.left <= 0 && self.ring.front() == Some(&slot) {
            self.pass();
        }
    }

    /// The turn of the one in front is over.
    fn pass(&mut self) {
        self.ring.rotate_left(1);
        self.over += 1;
    }

    /// It has no more to say, or may not: what is left of its turn is lost, what it said too much is not forgotten.
    pub(crate) fn leave(&mut self, slot: Slot) {
        if !self.waits(slot) {
            return;
        }
        if self.ring.front() == Some(&slot) {
            self.ring.pop_front();
            self.over += 1;
        } else {
            self.ring.retain(|other| *other != slot);
        }
        let place = self.place(slot);
        (place.waits, place.left) = (false, place.left.min(0));
    }

    /// Another stream has the slot from now on.
    pub(crate) fn vacate(&mut self, slot: Slot) {
        self.leave(slot);
        *self.place(slot) = Place::default();
    }

    /// May it overtake with what little it has to say?
    pub(crate) fn may_overtake(&mut self, slot: Slot, quantum: usize) -> bool {
        let (over, waiting) = (self.over, self.ring.len() as u64);
        let place = self.place(slot);
        if waiting == 0 || over.saturating_sub(place.since) > waiting {
            (place.overtook, place.since) = (0, over);
        }
        place.overtook < quantum
    }

    /// It overtook with so many bytes.
    pub(crate) fn overtook(&mut self, slot: Slot, bytes: usize) {
        self.place(slot).overtook += bytes;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Serves turns until `total` bytes went out. A stream gives at most `most[slot]` bytes at once.
    fn serve(turns: &mut Turns, most: &[usize], quantum: usize, total: usize) -> Vec<usize> {
        let mut got = vec![0; most.len()];
        while got.iter().sum::<usize>() < total {
            let Some(slot) = turns.next(quantum) else { break };
            let bytes = quantum.min(most[slot]);
            got[slot] += bytes;
            turns.took(slot, bytes);
        }
        got
    }

    #[test]
    fn who_gives_little_at_once_gets_as_much_as_who_gives_much() {
        let mut turns = Turns::default();
        (0..3).for_each(|slot| turns.wait(slot));
        assert_eq!(serve(&mut turns, &[100, 1_000, 999_999], 1_000, 30_000), [10_000; 3]);
    }

    #[test]
    fn who_leaves_loses_its_turn_and_nothing_else() {
        let mut turns = Turns::default();
        [4, 1, 2].into_iter().for_each(|slot| turns.wait(slot));
        turns.wait(4);
        assert_eq!(turns.next(10), Some(4));
        turns.took(4, 3);
        assert_eq!(turns.next(10), Some(4), "7 are left");
        turns.leave(4);
        assert!(!turns.waits(4) && turns.waits(1));
        assert_eq!(turns.next(10), Some(1));
        turns.wait(4);
        turns.leave(2);
        turns.took(1, 10);
        assert_eq!(turns.next(10), Some(4));
        turns.took(4, 9);
        assert_eq!(turns.next(10), Some(4), "a whole turn again");
    }

    #[test]
    fn who_says_too_much_has_less_of_the_next_turn() {
        let mut turns = Turns::default();
        [0, 1].into_iter().for_each(|slot| turns.wait(slot));
        for bytes in [1, 10] {
            assert_eq!(turns.next(10), Some(0), "it is not cut short");
            turns.took(0, bytes);
        }
        assert_eq!(turns.next(10), Some(1));
        turns.took(1, 10);
        assert_eq!(turns.next(10), Some(0));
        turns.took(0, 9);
        assert_eq!(turns.next(10), Some(1), "it had 20 in two turns");
        turns.took(1, 1_000);
        turns.leave(0);
        assert_eq!(turns.next(10), Some(1), "nobody else waits");
        // Of a slot whose stream ended, the next one owes nothing.
        turns.took(1, 1_000);
        turns.vacate(1);
        [1, 0].into_iter().for_each(|slot| turns.wait(slot));
        assert_eq!(turns.next(10), Some(1));
    }

    #[test]
    fn small_ones_overtake_until_they_had_their_share() {
        let mut turns = Turns::default();
        for _ in 0..1_000 {
            assert!(turns.may_overtake(7, 100), "nobody waits");
            turns.overtook(7, 64);
        }
        turns.wait(1);
        turns.wait(2);
        let mut overtook = 0;
        for _ in 0..300 {
            while turns.may_overtake(7, 100) {
                turns.overtook(7, 64);
                overtook += 64;
            }
            serve(&mut turns, &[0, 100, 100], 100, 100);
        }
        // A share of three, and what is over the edge of each.
        assert!((6_400..=14_000).contains(&overtook), "{overtook}");
    }

    proptest! {
        /// Whoever waits is served within one round, by no more than two turns of each other.
        #[test]
        fn nobody_starves(most in proptest::collection::vec(1usize..5_000, 2..20), quantum in 1usize..5_000) {
            let mut turns = Turns::default();
            (0..most.len()).for_each(|slot| turns.wait(slot));
            let got = serve(&mut turns, &most, quantum, quantum * most.len() * 5);
            let (least, greatest) = (got.iter().min().copied(), got.iter().max().copied());
            prop_assert!(greatest.unwrap_or(0) - least.unwrap_or(0) <= 2 * quantum, "{:?}", got);
        }

        /// Each stream stands in the ring at most once, and only while it waits.
        #[test]
        fn the_ring_holds_who_waits(steps in proptest::collection::vec((0u8..4, 0usize..5, 0usize..300), 0..200)) {
            let mut turns = Turns::default();
            for (step, slot, bytes) in steps {
                match step {
                    0 => turns.wait(slot),
                    1 => turns.leave(slot),
                    2 => turns.overtook(slot, bytes),
                    _ => {
                        if let Some(slot) = turns.next(100) {
                            prop_assert!(turns.waits(slot));
                            turns.took(slot, bytes.min(100));
                        }
                    }
                }
                for slot in 0..5 {
                    let times = turns.ring.iter().filter(|other| **other == slot).count();
                    prop_assert_eq!(times, usize::from(turns.waits(slot)));
                }
            }
        }
    }
}
