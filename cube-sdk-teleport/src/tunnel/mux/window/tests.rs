//! Windows on a simulated clock, and over a simulated line.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A path whose round trip was `rest` at rest and is `now` since.
fn path(at: Instant, rest: u64, latest: u64) -> Path {
    let mut path = Path::default();
    path.measured(at, ms(rest), false);
    path.moved(at);
    path.measured(at, ms(latest), true);
    path
}

proptest! {
    #[test]
    fn what_is_queued_never_passes_the_window(
        window in 1u32..100_000,
        steps in proptest::collection::vec((0u64..50_000, 0u64..50_000, 0u64..20, 1u64..60), 1..200),
    ) {
        let mut receiver = Receiver::new(window);
        let begun = Instant::now();
        let mut now = begun;
        let (mut credit, mut queued, mut growth) = (u64::from(window), 0, 200_000);
        for (send, write, pause, trip) in steps {
            now += ms(pause);
            let path = path(begun, 4, trip);
            let send = send.min(credit);
            prop_assert!(send == 0 || receiver.received(now, send));
            credit -= send;
            queued += send;
            let write = write.min(queued);
            queued -= write;
            let before = receiver.outstanding;
            if write > 0 && let Some(more) = receiver.written(now, write, &path, &mut growth) {
                credit += u64::from(more);
            }
            prop_assert!(receiver.outstanding >= before, "credit is not taken back");
            prop_assert_eq!(receiver.outstanding, credit, "both ends agree");
            prop_assert!(queued + credit <= receiver.granted());
            prop_assert_eq!(queued + credit + receiver.unreturned, receiver.granted(), "no byte of it is lost");
            prop_assert!(receiver.granted() >= u64::from(window), "never below the floor");
            prop_assert!(receiver.granted() <= WINDOW_CAP.max(u64::from(window)));
            prop_assert_eq!(growth + receiver.growth(), 200_000);
        }
        // An idle consumer leaves no sender without credit.
        let rest = receiver.written(now, queued, &path(begun, 4, 4), &mut growth).map_or(0, u64::from);
        prop_assert!(credit + rest > 0);
        prop_assert!(!receiver.received(now, receiver.outstanding + 1));
    }
}

#[test]
fn grows_only_while_nothing_waits_on_the_way() {
    for (latest, grown) in [(10, true), (35, true), (36, false), (3_000, false)] {
        let begun = Instant::now();
        let (mut receiver, mut growth, mut now) = (Receiver::new(1_000), 100_000, begun);
        let path = path(begun, 10, latest);
        for _ in 0..20 {
            let all = receiver.outstanding;
            assert!(receiver.received(now, all));
            now += ms(10);
            receiver.written(now, all, &path, &mut growth);
        }
        assert_eq!(receiver.granted() > 1_000, grown, "round trip {latest} ms of 10");
        assert_eq!(growth + receiver.growth(), 100_000);
    }
}

#[test]
fn grows_to_the_last_byte_that_the_cap_and_the_connection_leave() {
    const MIB: u64 = 1 << 20;
    let begun = Instant::now();
    let path = path(begun, 100, 100);
    let after = |window: u32, mut growth: u64, rounds: &[u64]| {
        let (mut receiver, mut now) = (Receiver::new(window), begun);
        for written in rounds {
            assert!(receiver.received(now, *written));
            now += ms(100);
            receiver.written(now, *written, &path, &mut growth);
        }
        (receiver.granted(), growth)
    };
    let rounds = [MIB, 2 * MIB, 4 * MIB, 7 * MIB];
    assert_eq!(after(1 << 20, 32 * MIB, &rounds), (14 * MIB, 19 * MIB), "twice of what came");
    let rounds = [MIB, 2 * MIB, 4 * MIB, 7 * MIB, 12 * MIB];
    assert_eq!(after(1 << 20, 32 * MIB, &rounds), (WINDOW_CAP, 17 * MIB));
    assert_eq!(after(60_000, 10_000, &[60_000, 70_000]), (70_000, 0));
}

#[test]
fn shrinks_to_what_the_line_carries_and_only_by_what_it_returns() {
    let begun = Instant::now();
    let (mut receiver, mut growth, mut now) = (Receiver::new(1_000), 100_000, begun);
    let quick = path(begun, 10, 10);
    while receiver.granted() < 60_000 {
        let all = receiver.outstanding;
        assert!(receiver.received(now, all));
        now += ms(10);
        receiver.written(now, all, &quick, &mut growth);
    }
    let (full, crowded) = (receiver.granted(), path(begun, 10, 200));
    let mut sizes = vec![full];
    for _ in 0..100 {
        assert!(receiver.received(now, 500));
        now += ms(10);
        // 500 bytes come in a round trip at rest: 1 000 are enough.
        receiver.written(now, 500, &crowded, &mut growth);
        let size = receiver.granted();
        assert!(sizes.last().is_some_and(|last| last - size <= full / 8 + 1_000), "{sizes:?} then {size}");
        sizes.push(size);
    }
    // What the sender still had is used up.
    for _ in 0..1_000 {
        assert!(receiver.received(now, 500));
        now += ms(10);
        receiver.written(now, 500, &crowded, &mut growth);
    }
    assert_eq!(receiver.granted(), 1_000, "the floor, after {sizes:?}");
    assert_eq!(growth, 100_000);
}

/// What a sender that always has bytes brings about on a line of `rate` bytes per ms with 50 ms each way and a queue
/// without end: the rate at its end, and how long the queue is, in ms.
fn on_a_line(rate: u64) -> (f64, u64) {
    let begun = Instant::now();
    let (mut receiver, mut growth) = (Receiver::new(256 * 1024), GROWTH_PER_CONNECTION);
    let mut path = path(begun, 100, 100);
    let (mut credit, mut queue, mut arrived) = (256 * 1024, 0, 0);
    let mut air: VecDeque<(u64, u64)> = VecDeque::new();
    let mut back: VecDeque<(u64, u64)> = VecDeque::new();
    for tick in 0..60_000 {
        let now = begun + ms(tick);
        while back.front().is_some_and(|(at, _)| *at <= tick) {
            credit += back.pop_front().map_or(0, |(_, bytes)| bytes);
        }
        queue += std::mem::take(&mut credit);
        let passed = rate.min(queue);
        queue -= passed;
        air.push_back((tick + 50, passed));
        while air.front().is_some_and(|(at, _)| *at <= tick) {
            let bytes = air.pop_front().map_or(0, |(_, bytes)| bytes);
            assert!(receiver.received(now, bytes));
            path.moved(now);
            if let Some(more) = receiver.written(now, bytes, &path, &mut growth) {
                back.push_back((tick + 50, more.into()));
            }
            arrived += if tick >= 30_000 { bytes } else { 0 };
        }
        if tick % 1_000 == 0 {
            path.measured(now, ms(100 + queue / rate), receiver.growth() > 0);
        }
    }
    (arrived as f64 / (rate * 30_000) as f64, queue / rate)
}

#[test]
fn fills_a_line_with_a_short_queue() {
    // 10, 100 and 500 Mbit/s. At 10 the window is its floor, which is twice what the line holds.
    for (rate, longest) in [(1_250, 120), (12_500, 120), (62_500, 120)] {
        let (share, queue) = on_a_line(rate);
        assert!(share > 0.99, "{rate}: {share}");
        assert!(queue <= longest, "{rate}: {queue} ms");
    }
}
