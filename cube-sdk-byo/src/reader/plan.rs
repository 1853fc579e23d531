//! Which bytes are asked for next.

use std::ops::Range;

/// Parts are cut at multiples of this, and no smaller but for the last.
pub(crate) const GRAIN: u64 = 64 * 1024;

/// Parts are no larger than this: the part in front holds up all behind it, so it must not take long.
pub(crate) const LARGEST_PART: u64 = 4 * 1024 * 1024;

/// Parts are no smaller than this when the reader chooses and memory allows: each costs a request and a round trip.
pub(crate) const SMALLEST_PART: u64 = 2 * 1024 * 1024;

/// With a small budget the parts are smaller, so that as many are in flight as with a large one: a round trip costs
/// more where there is little behind it. Never below this.
const SMALLEST_OF_FEW: u64 = 256 * 1024;

/// Parts that a budget is to hold.
const HELD: u64 = 32;

/// The bytes still to be asked for, in order.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    next: u64,
    end: u64,
    fixed: Option<u64>,
    budget: u64,
}

impl Plan {
    /// The bytes of `rest`; `fixed` is the caller's part size.
    pub(crate) fn new(rest: Range<u64>, fixed: Option<u64>, budget: u64) -> Self {
        Self { next: rest.start, end: rest.end.max(rest.start), fixed, budget }
    }

    /// The part that comes next when `target` parts are to be in flight: the more parts, the smaller they
    /// are, so that all fit into three quarters of the budget.
    pub(crate) fn peek(&self, target: usize) -> Option<Range<u64>> {
        if self.is_done() {
            return None;
        }
        let size = part_size(self.fixed, self.budget, target);
        Some(self.next..self.end.min(self.next.saturating_add(size)))
    }

    /// Notes that the bytes up to `end` are asked for.
    pub(crate) fn advance(&mut self, end: u64) {
        self.next = end;
    }

    pub(crate) fn is_done(&self) -> bool {
        self.next >= self.end
    }

    /// Asks for nothing more.
    pub(crate) fn stop(&mut self) {
        self.next = self.end;
    }
}

/// The size of a part: fixed by the caller, or what the budget allows for so many in flight.
pub(crate) fn part_size(fixed: Option<u64>, budget: u64, target: usize) -> u64 {
    let most = (budget / 2).max(GRAIN);
    if let Some(size) = fixed {
        return size.min(most);
    }
    let share = budget / 4 * 3 / target.max(1) as u64;
    let least = (budget / HELD / GRAIN * GRAIN).clamp(SMALLEST_OF_FEW, SMALLEST_PART);
    (share / GRAIN * GRAIN).clamp(least.min(most), LARGEST_PART.min(most))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn more_parts_are_smaller_parts() {
        assert_eq!(part_size(None, 64 * MIB, 1), 4 * MIB);
        assert_eq!(part_size(None, 64 * MIB, 16), 3 * MIB);
        assert_eq!(part_size(None, 64 * MIB, 24), 2 * MIB);
        assert_eq!(part_size(None, 64 * MIB, 500), 2 * MIB);
        assert_eq!(part_size(None, 16 * MIB, 8), 3 * MIB / 2);
        assert_eq!(part_size(None, 16 * MIB, 32), MIB / 2, "as many as with a large budget");
        assert_eq!(part_size(None, MIB, 32), MIB / 4);
        assert_eq!(part_size(None, MIB / 4, 8), MIB / 8, "two parts must fit");
        assert_eq!(part_size(Some(256 * 1024), 64 * MIB, 8), 256 * 1024);
    }

    proptest! {
        #[test]
        fn parts_follow_each_other_to_the_end(start in 0u64..5_000_000, len in 0u64..50_000_000, targets in proptest::collection::vec(1usize..40, 1..50)) {
            let mut plan = Plan::new(start..start + len, None, 8 * MIB);
            let (mut at, mut turn) = (start, 0);
            while let Some(part) = plan.peek(targets[turn % targets.len()]) {
                prop_assert_eq!(part.start, at);
                prop_assert!(part.end > part.start && part.end - part.start <= 4 * MIB);
                at = part.end;
                turn += 1;
                plan.advance(part.end);
            }
            prop_assert_eq!(at, start + len);
        }
    }
}
