//! What holds for any sequence of events.

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::model::{End, Pipe, Wire, rules};
use super::pair::{Op, Pair, op};
use crate::tunnel::mux::mutant::Mutant;
use crate::tunnel::mux::*;
use crate::tunnel::report::{Ending, Party};

pub(super) fn ops() -> impl Strategy<Value = Vec<Op>> {
    proptest::collection::vec(op(), 1..120)
}

/// Two ends over a wire of any delay agree with the plainest model of a stream: what one side sent is what the
/// other wrote when the stream completed, and a prefix of it when it was cut.
pub(super) fn agree(version: Version, ops: Vec<Op>, mutant: Option<Mutant>) -> TestCaseResult {
    let mut pair = Pair::with(version, mutant);
    for op in ops {
        pair.run(op);
    }
    pair.finish();
    prop_assert_eq!(pair.agent.mux.streams() + pair.relay.mux.streams(), 0);
    prop_assert_eq!(pair.relay.mux.dialling, 0);
    prop_assert_eq!(pair.agent.mux.growth, GROWTH_PER_CONNECTION, "growth is given back");
    prop_assert_eq!(pair.relay.mux.growth, GROWTH_PER_CONNECTION);
    prop_assert_eq!(pair.agent.mux.granted + pair.relay.mux.granted, 0);
    prop_assert_eq!(pair.agent.mux.blocked + pair.relay.mux.blocked, 0);
    for (id, near) in &pair.agent.over {
        let Some(far) = pair.relay.over.get(id) else { continue };
        prop_assert!(near.written <= far.sent && far.written <= near.sent, "no byte from nowhere");
        if version == Version::V1 {
            continue;
        }
        match (near.ending.as_ref().unwrap(), far.ending.as_ref().unwrap()) {
            (Ending::Completed, Ending::Completed) => {
                prop_assert_eq!((near.written, far.written), (far.sent, near.sent));
            }
            (Ending::Completed, Ending::Cut { by, .. }) => seen_through(*id, near, far, *by)?,
            (Ending::Cut { by, .. }, Ending::Completed) => seen_through(*id, far, near, *by)?,
            (Ending::Cut { by: one, .. }, Ending::Cut { by: other, .. }) => {
                prop_assert!(*one == Party::Local || *other == Party::Local, "stream {} was cut by nobody", id);
            }
        }
    }
    Ok(())
}

/// One side may cut what the other has seen through already; a cut never looks complete to that one.
fn seen_through(id: u32, complete: &Pipe, cut: &Pipe, by: Party) -> TestCaseResult {
    prop_assert_eq!(by, Party::Local, "stream {} was cut by nobody", id);
    prop_assert!(complete.eof_sent && cut.eof_sent, "stream {} completed in one direction", id);
    prop_assert_eq!(complete.written, cut.sent, "stream {} completed with bytes missing", id);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(400), ..ProptestConfig::default() })]

    #[test]
    fn two_ends_agree_with_two_pipes(second: bool, ops in ops()) {
        agree(if second { Version::V2 } else { Version::V1 }, ops, None)?;
    }

    /// Whatever a peer sends, the table keeps its bounds and answers with frames or a breach.
    #[test]
    fn any_frames_are_borne(
        second: bool, agent: bool,
        messages in proptest::collection::vec((0u8..13, 0u32..6, proptest::collection::vec(any::<u8>(), 0..20)), 0..200),
    ) {
        let version = if second { Version::V2 } else { Version::V1 };
        let now = Instant::now();
        let mut end = End::new(if agent { Role::Agent } else { Role::Relay }, version, now);
        if second {
            end.receive(now, Wire::Frame(Frame::Hello(rules(5, 2).hello)));
        }
        for (command, stream, payload) in messages {
            let outcome = match Frame::from_parts(version, command, stream, &payload) {
                Ok(Frame::Data { stream, payload }) => end.mux.data(now, stream, payload.len() as u64).map(drop),
                Ok(frame) => end.mux.frame(now, frame),
                Err(_) => break,
            };
            if outcome.is_err() {
                break;
            }
            while let Some(action) = end.mux.next_action() {
                if let Action::Reset { slot } | Action::Settle { slot } = action {
                    end.mux.release(slot);
                }
            }
            while end.mux.next_frame().is_some() {}
            prop_assert!(end.mux.streams() <= 5);
        }
    }
}
