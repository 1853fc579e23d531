//! Faults put in on purpose, which the tests of the table must see. None of it is in any other build.

use super::stream::Left;
use super::{Mux, Slot};
use crate::tunnel::codec::frame::Frame;
use crate::tunnel::report::Ending;

/// One fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mutant {
    /// Credit is returned twice.
    CreditTwice,
    /// The second FIN does not end the stream.
    HalfForEver,
    /// The id of a stream that is over still leads to its slot.
    Revived,
    /// A dial that ended keeps its place.
    DialKept,
    /// A stream that the peer cut reads as complete.
    CutCompletes,
}

impl Mutant {
    pub(super) const ALL: [Self; 5] =
        [Self::CreditTwice, Self::HalfForEver, Self::Revived, Self::DialKept, Self::CutCompletes];
}

impl Mux {
    pub(super) fn return_again(&mut self, slot: Slot, stream: u32, bytes: u32) {
        if self.mutant == Some(Mutant::CreditTwice) {
            self.frames.push_back((Some(slot), Frame::Credit { stream, bytes }));
        }
    }

    pub(super) fn perhaps_half(&self, left: Left) -> Left {
        if self.mutant == Some(Mutant::HalfForEver) { Left::Half } else { left }
    }

    pub(super) fn revive(&mut self, id: u32, slot: Slot) {
        if self.mutant == Some(Mutant::Revived) {
            self.ids.insert(id, slot);
        }
    }

    pub(super) fn keep_dial_place(&mut self) {
        if self.mutant == Some(Mutant::DialKept) {
            self.dialling += 1;
        }
    }

    pub(super) fn perhaps_completed(&self, ending: Ending) -> Ending {
        if self.mutant == Some(Mutant::CutCompletes) { Ending::Completed } else { ending }
    }
}
