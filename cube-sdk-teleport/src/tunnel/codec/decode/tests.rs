#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;

use super::super::{encode, mask::Keys};
use super::*;

/// Frames as one list: DATA pieces joined, others with their payload.
fn read_all(decoder: &mut Decoder, wire: &[u8], cuts: &[usize]) -> Result<Vec<(u8, u32, Vec<u8>)>, Breach> {
    let mut out: Vec<(u8, u32, Vec<u8>)> = Vec::new();
    let mut at = 0;
    let mut cuts = cuts.iter().copied().cycle();
    while at < wire.len() {
        let step = cuts.next().unwrap_or(1).clamp(1, wire.len() - at);
        let room = decoder.room();
        let step = step.min(room.len());
        room[..step].copy_from_slice(&wire[at..at + step]);
        decoder.filled(step);
        at += step;
        while let Some(event) = decoder.next()? {
            match event {
                Event::Data { stream, range } => {
                    let bytes = decoder.bytes(&range).to_vec();
                    match out.last_mut() {
                        Some((frame::DATA, id, joined)) if *id == stream => joined.extend(bytes),
                        _ => out.push((frame::DATA, stream, bytes)),
                    }
                }
                Event::EmptyData { stream } => out.push((frame::DATA, stream, Vec::new())),
                Event::Frame { command, stream } => out.push((command, stream, decoder.kept().to_vec())),
                Event::Ping(payload) => out.push((200, 0, payload)),
                Event::Pong(payload) => out.push((201, 0, payload)),
                Event::Close { code, .. } => out.push((202, u32::from(code.unwrap_or(0)), Vec::new())),
                Event::Text => out.push((203, 0, Vec::new())),
            }
        }
    }
    Ok(out)
}

proptest! {
    #[test]
    fn any_cut_gives_the_same_frames(
        frames in proptest::collection::vec((1u8..12, 1u32..9, proptest::collection::vec(any::<u8>(), 1..400)), 1..12),
        cuts in proptest::collection::vec(1usize..300, 1..8),
        masked: bool,
    ) {
        let mut keys = Keys::new();
        let mut wire = Vec::new();
        let mut expected: Vec<(u8, u32, Vec<u8>)> = Vec::new();
        for (command, stream, payload) in frames {
            let mut message = frame::header(command, stream).to_vec();
            message.extend(&payload);
            encode::put_message(&mut wire, BINARY, masked.then(|| keys.draw().unwrap()), &message);
            match expected.last_mut() {
                Some((frame::DATA, id, joined)) if command == frame::DATA && *id == stream => joined.extend(payload),
                _ => expected.push((command, stream, payload)),
            }
        }
        let side = if masked { Side::Server } else { Side::Client };
        let got = read_all(&mut Decoder::new(side, 1 << 20), &wire, &cuts).unwrap();
        prop_assert_eq!(got, expected);
    }

    #[test]
    fn no_bytes_panic(wire in proptest::collection::vec(any::<u8>(), 0..500), cuts in proptest::collection::vec(1usize..50, 1..4)) {
        for side in [Side::Client, Side::Server] {
            let _ = read_all(&mut Decoder::new(side, 4096), &wire, &cuts);
        }
    }

    #[test]
    fn frames_in_place_equal_frames_appended(
        length in prop_oneof![1usize..200, 65_400usize..65_700, 1usize..70_000], seed: u8, masked: bool,
    ) {
        let payload: Vec<u8> = (0..length).map(|at| (at as u8).wrapping_mul(31) ^ seed).collect();
        let key = masked.then_some([1, 2, 3, 250]);
        let mut appended = Vec::new();
        encode::put_data(&mut appended, key, 7, &payload);
        let room = encode::data_room(payload.len(), masked);
        let mut buffer = vec![0; room];
        buffer.extend(&payload);
        let start = encode::frame_in_place(&mut buffer, room, payload.len(), 7, key);
        prop_assert_eq!(start, 0);
        prop_assert_eq!(&buffer, &appended);
    }
}

#[test]
fn fragments_make_one_message_with_control_between() {
    // CONNECT "ab" on stream 1 in three fragments with a ping between them.
    let wire =
        [&[0x02u8, 3, 1, 0, 0][..], &[0x89, 1, b'p'], &[0x00, 3, 0, 1, b'a'], &[0x80, 1, b'b'], &[0x81, 2, b'h', b'i']]
            .concat();
    let got = read_all(&mut Decoder::new(Side::Client, 100), &wire, &[1]).unwrap();
    assert_eq!(got, [(200, 0, b"p".to_vec()), (1, 1, b"ab".to_vec()), (203, 0, Vec::new())]);
}

#[test]
fn rules_of_the_framing_are_kept() {
    let cases: [(&[u8], u16); 9] = [
        (&[0xc2, 0], 1002),
        (&[0x82, 0x85, 0, 0, 0, 0], 1002),
        (&[0x80, 0], 1002),
        (&[0x02, 1, 1, 0x82, 0], 1002),
        (&[0x09, 0], 1002),
        (&[0x89, 126, 0, 126], 1002),
        (&[0x83, 0], 1002),
        (&[0x82, 3, 1, 0, 0], 1002),
        (&[0x82, 126, 0x10, 0x01], 1009),
    ];
    for (wire, code) in cases {
        match read_all(&mut Decoder::new(Side::Client, 4096), wire, &[1]) {
            Err(breach) => assert_eq!(breach.code, code, "{wire:x?}"),
            Ok(events) => panic!("{wire:x?} was read as {events:?}"),
        }
    }
}

#[test]
fn a_long_name_keeps_little() {
    let mut wire = Vec::new();
    let mut message = frame::header(frame::CONNECT, 1).to_vec();
    message.resize(50_000, b'x');
    encode::put_message(&mut wire, BINARY, None, &message);
    let got = read_all(&mut Decoder::new(Side::Client, 1 << 20), &wire, &[4096]).unwrap();
    assert_eq!((got[0].0, got[0].2.len()), (1, KEPT));
}

#[test]
fn a_close_carries_only_codes_that_a_frame_may_carry() {
    for code in [0u16, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, u16::MAX] {
        let breach = read_close(&code.to_be_bytes()).err().unwrap_or_else(|| panic!("{code} was taken"));
        assert_eq!(breach.code, 1002, "{code}");
    }
    for code in [1000u16, 1003, 1007, 1011, 1012, 1014, 3000, 4999] {
        assert!(matches!(read_close(&code.to_be_bytes()), Ok(Event::Close { code: Some(read), .. }) if read == code));
    }
    assert!(matches!(read_close(&[]), Ok(Event::Close { code: None, .. })));
    assert_eq!(read_close(&[3]).err().unwrap().code, 1002);
    assert_eq!(read_close(b"\x03\xe8\xff").err().unwrap().code, 1007);
}

#[test]
fn reads_end_where_long_frames_end() {
    for (length, first) in [(65_024, 3), (20_000, 7), (90_000, 2), (140_000, 3)] {
        let mut wire = Vec::new();
        for _ in 0..40 {
            let message = [&frame::header(frame::DATA, 1)[..], &vec![7; length]].concat();
            encode::put_message(&mut wire, BINARY, None, &message);
        }
        let (mut decoder, mut at) = (Decoder::new(Side::Client, 1 << 20), 0);
        let mut pieces = 0;
        // A reader that always finds as much as it has room for.
        while at < wire.len() {
            let room = decoder.room();
            let step = room.len().min(wire.len() - at);
            room[..step].copy_from_slice(&wire[at..at + step]);
            decoder.filled(step);
            at += step;
            while decoder.next().unwrap().is_some() {
                pieces += 1;
            }
        }
        // Beyond the first read, a frame that fits is one piece, and one that does not is two.
        let each = if length < BUFFER { 1 } else { 2 };
        assert!(pieces <= 40 * each + first, "{length}: {pieces} pieces of 40 frames");
    }
}

#[test]
fn long_reads_get_more_room_until_it_rests() {
    let mut wire = Vec::new();
    let message = [&frame::header(frame::DATA, 1)[..], &[7; 60_000]].concat();
    (0..20).for_each(|_| encode::put_message(&mut wire, BINARY, None, &message));
    let mut decoder = Decoder::new(Side::Client, 1 << 20);
    let (mut at, mut most) = (0, 0);
    while at < wire.len() {
        let room = decoder.room();
        most = most.max(room.len());
        let step = room.len().min(wire.len() - at);
        room[..step].copy_from_slice(&wire[at..at + step]);
        decoder.filled(step);
        at += step;
        while decoder.next().unwrap().is_some() {}
    }
    assert!(most > BUFFER, "{most}");
    decoder.rest();
    assert_eq!(decoder.room().len(), 60_009 * 2);
    assert_eq!(decoder.buffer.len(), BUFFER);
}
