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

/// Parts from far away, of small budgets: their bytes are reserved only when their answers are there, so they need not
/// be so small that all of them fit.
const FAR_PART: u64 = 512 * 1024;
/// Parts that a budget is to hold.
const HELD: u64 = 32;

/// What is to be filled of small budgets is less.
const SMALL: u64 = 48 * 1024 * 1024;

/// Parts in flight at most from a store far away, when the caller does not say.
pub(crate) const MOST_FAR: usize = 64;

/// The bytes still to be asked for, in order.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    next: u64,
    end: u64,
    fixed: Option<u64>,
    budget: u64,
    far: bool,
}

impl Plan {
    /// The bytes of `rest`; `fixed` is the caller's part size.
    pub(crate) fn new(rest: Range<u64>, fixed: Option<u64>, budget: u64) -> Self {
        Self { next: rest.start, end: rest.end.max(rest.start), fixed, budget, far: false }
    }

    /// The store is far away: each answer is waited for longer than its bytes take. A small budget is then asked for
    /// twice over, since while some parts are read the others are on their way. How many parts, where that is new and the
    /// budget small; `room` is what may be filled of it now.
    pub(crate) fn go_far(&mut self, most: usize, room: u64) -> Option<usize> {
        if self.far || self.fixed.is_some() || self.budget >= SMALL {
            return None;
        }
        self.far = true;
        self.budget = room;
        let held = usize::try_from(room / far_part(room)).unwrap_or(most);
        Some(held.saturating_mul(2).clamp(1, most.max(1)))
    }

    pub(crate) const fn is_far(&self) -> bool {
        self.far
    }

    /// The part that comes next when `target` parts are to be in flight: the more parts, the smaller they
    /// are, so that all fit into three quarters of the budget.
    pub(crate) fn peek(&self, target: usize) -> Option<Range<u64>> {
        if self.is_done() {
            return None;
        }
        let size = match self.far {
            true => far_part(self.budget),
            false => part_size(self.fixed, self.budget, target),
        };
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

/// The size of a part from far away: four at least are held.
fn far_part(budget: u64) -> u64 {
    (budget / 4 / GRAIN * GRAIN).clamp(GRAIN, FAR_PART)
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

    #[test]
    fn far_away_a_small_budget_is_all_small_parts() {
        let of = |fixed, room| Plan::new(0..1 << 30, fixed, room);
        let mut plan = of(None, 12 * MIB);
        assert_eq!(plan.go_far(MOST_FAR, 15 * MIB), Some(60), "twice what it holds");
        assert_eq!(plan.peek(60), Some(0..MIB / 2));
        assert_eq!(plan.go_far(MOST_FAR, 15 * MIB), None, "it is known");
        let mut plan = of(None, MIB);
        assert_eq!((plan.go_far(MOST_FAR, MIB), plan.peek(4)), (Some(8), Some(0..MIB / 4)));
        let mut plan = of(None, MIB / 4);
        assert_eq!((plan.go_far(MOST_FAR, MIB / 4), plan.peek(8)), (Some(8), Some(0..MIB / 16)));
        assert_eq!(of(None, 12 * MIB).go_far(10, 15 * MIB), Some(10), "the caller's bound");
        assert_eq!(of(None, 48 * MIB).go_far(MOST_FAR, 48 * MIB), None, "large");
        assert_eq!(of(Some(MIB), 12 * MIB).go_far(MOST_FAR, 15 * MIB), None, "the caller's size");
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
