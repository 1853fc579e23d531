//! Single rules of the protocol's page.

use super::model::{WINDOW, Wire, rules};
use super::pair::{Op, Pair, app};
use crate::refusal::TunnelCode;
use crate::tunnel::mux::*;
use crate::tunnel::report::Ending;

#[test]
fn the_rules_of_version_2_are_enforced() {
    let connect = |stream| Frame::Connect { stream, app: b"a".to_vec() };
    let now = Instant::now();
    let relay = || {
        let mut mux = Mux::new(Role::Relay, Version::V2, rules(5, 2), now);
        mux.frame(now, Frame::Hello(rules(5, 2).hello)).unwrap();
        mux
    };
    let cases: [(&str, Vec<Frame>); 9] = [
        ("second HELLO", vec![Frame::Hello(rules(1, 1).hello)]),
        ("CONNECT 1 is not above 1", vec![connect(1), connect(1)]),
        ("CONNECT 2 is not above 3", vec![connect(3), connect(2)]),
        ("never opened", vec![Frame::Fin { stream: 1 }]),
        ("never opened", vec![connect(1), Frame::Credit { stream: 2, bytes: 1 }]),
        ("FIN twice", vec![connect(1), Frame::Fin { stream: 1 }, Frame::Fin { stream: 1 }]),
        ("credit", vec![connect(1), Frame::Credit { stream: 1, bytes: u32::MAX }]),
        ("CONNECTED from an agent", vec![connect(1), Frame::Connected { stream: 1 }]),
        ("DRAIN from an agent", vec![Frame::Drain { grace_ms: 1, text: String::new() }]),
    ];
    for (reason, frames) in cases {
        let mut mux = relay();
        let outcome = frames.into_iter().try_for_each(|frame| mux.frame(now, frame));
        let breach = outcome.expect_err(reason);
        assert_eq!(breach.code, 1002, "{reason}");
        assert!(breach.reason.contains(reason), "{} is not about {reason}", breach.reason);
    }
    let mut mux = relay();
    mux.frame(now, connect(1)).unwrap();
    assert!(mux.data(now, 1, u64::from(WINDOW)).unwrap().is_some());
    assert!(mux.data(now, 1, 1).unwrap_err().reason.contains("credit"));
    let mut early = Mux::new(Role::Relay, Version::V2, rules(5, 2), now);
    assert!(early.frame(now, connect(1)).unwrap_err().reason.contains("HELLO"));
    assert!(early.tick(now + Duration::from_secs(9)).is_ok());
    assert!(early.tick(now + Duration::from_secs(10)).unwrap_err().reason.contains("no HELLO"));
}

#[test]
fn no_limit_is_too_long() {
    let now = Instant::now();
    let endless = || Rules { open_limit: Duration::MAX, idle_limit: Some(Duration::MAX), ..rules(5, 2) };
    for role in [Role::Agent, Role::Relay] {
        let mut mux = Mux::new(role, Version::V2, endless(), now);
        mux.frame(now, Frame::Hello(rules(5, 2).hello)).unwrap();
        match role {
            Role::Agent => drop(mux.open(now, &app()).unwrap()),
            Role::Relay => mux.frame(now, Frame::Connect { stream: 1, app: b"app".to_vec() }).unwrap(),
        }
        assert!(mux.tick(now).is_ok() && mux.next_tick() >= now);
        assert_eq!(mux.streams(), 1);
    }
}

#[test]
fn an_opening_that_nobody_answers_is_given_up() {
    for (version, expected) in [(Version::V1, None), (Version::V2, Some(TunnelCode::DialTimeout))] {
        let mut pair = Pair::new(version);
        pair.run(Op::Open);
        pair.agent.out.clear();
        let late = pair.now + Duration::from_secs(10);
        pair.agent.mux.heard(late);
        pair.agent.mux.tick(late).unwrap();
        pair.agent.settle(late);
        assert!(matches!(pair.agent.over[&1].ending, Some(Ending::Cut { code: TunnelCode::DialTimeout, .. })));
        assert!(
            pair.agent
                .out
                .iter()
                .any(|wire| matches!(wire, Wire::Frame(Frame::Close { stream: 1, code, .. }) if *code == expected)),
            "{:?}",
            pair.agent.out
        );
        pair.agent.out.clear();
        // The relay answers too late: version 1 says CLOSE again, version 2 has said all.
        pair.agent.receive(late, Wire::Frame(Frame::Connected { stream: 1 }));
        assert_eq!(pair.agent.out.len(), usize::from(version == Version::V1));
    }
}

#[test]
fn one_way_streams_of_apps_without_half_close_end_by_themselves() {
    for peer_ends in [true, false] {
        let mut pair = Pair::new(Version::V2);
        pair.run(Op::Open);
        pair.deliver_all();
        let slot = pair.relay.nth(0).unwrap();
        pair.relay.pipes.get_mut(&slot).unwrap().dialling = false;
        pair.relay.mux.dialled(pair.now, slot, Ok(false));
        pair.relay.settle(pair.now);
        pair.deliver_all();
        pair.run(Op::Eof { agent: peer_ends, nth: 0 });
        pair.deliver_all();
        pair.run(Op::Wait { ms: 29_000 });
        assert!(pair.relay.over.is_empty());
        pair.run(Op::Wait { ms: 1_000 });
        let ending = pair.relay.over[&1].ending.clone().unwrap();
        match peer_ends {
            true => assert_eq!(ending, Ending::Completed),
            false => assert!(matches!(ending, Ending::Cut { code: TunnelCode::Idle, .. })),
        }
    }
}

#[test]
fn dials_beyond_the_limit_wait_their_turn_and_streams_beyond_it_are_busy() {
    let now = Instant::now();
    let mut mux = Mux::new(Role::Relay, Version::V2, rules(5, 2), now);
    mux.frame(now, Frame::Hello(rules(5, 2).hello)).unwrap();
    while mux.next_frame().is_some() {}
    for stream in 1..=7 {
        mux.frame(now, Frame::Connect { stream, app: b"a".to_vec() }).unwrap();
    }
    let (mut dials, mut told) = (Vec::new(), Vec::new());
    while let Some(action) = mux.next_action() {
        match action {
            Action::Dial { slot, .. } => dials.push(slot),
            Action::Refused { stream, .. } => told.push(stream),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((dials.len(), mux.streams()), (2, 5));
    assert_eq!(told, [6, 7]);
    let busy = std::iter::from_fn(|| mux.next_frame())
        .filter(|(_, frame)| matches!(frame, Frame::Error { code: Some(TunnelCode::Busy), .. }))
        .count();
    assert_eq!(busy, 2);
    mux.dialled(now, dials[0], Ok(true));
    assert!(matches!(mux.next_action(), Some(Action::Dial { .. })));
}
