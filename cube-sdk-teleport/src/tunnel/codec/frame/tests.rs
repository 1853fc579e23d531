#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(any::<char>(), 0..60)
        .prop_map(|chars| clipped(&chars.iter().collect::<String>()).to_owned())
}

fn code() -> impl Strategy<Value = Option<TunnelCode>> {
    any::<u16>().prop_map(|number| Some(TunnelCode::from_number(number)))
}

fn second() -> impl Strategy<Value = Frame> {
    let stream = 1..=u32::MAX;
    let bytes = proptest::collection::vec(any::<u8>(), 1..300);
    prop_oneof![
        (stream.clone(), bytes.clone()).prop_map(|(stream, app)| Frame::Connect { stream, app }),
        (stream.clone(), bytes).prop_map(|(stream, payload)| Frame::Data { stream, payload }),
        (stream.clone(), code(), text()).prop_map(|(stream, code, text)| Frame::Close { stream, code, text }),
        (stream.clone(), code(), text()).prop_map(|(stream, code, text)| Frame::Error { stream, code, text }),
        stream.clone().prop_map(|stream| Frame::Connected { stream }),
        stream.clone().prop_map(|stream| Frame::Fin { stream }),
        (stream, 1..=u32::MAX).prop_map(|(stream, bytes)| Frame::Credit { stream, bytes }),
        any::<u64>().prop_map(Frame::Ping),
        any::<u64>().prop_map(Frame::Pong),
        (any::<u32>(), 1..=u32::MAX, any::<u32>(), any::<u32>()).prop_map(|(window, max_data, max_streams, flags)| {
            Frame::Hello(Hello { window, max_data, max_streams, flags })
        }),
        (any::<u32>(), text()).prop_map(|(grace_ms, text)| Frame::Drain { grace_ms, text }),
    ]
}

proptest! {
    #[test]
    fn version_2_comes_back(frame in second()) {
        let mut wire = Vec::new();
        frame.encode(Version::V2, &mut wire);
        prop_assert_eq!(Frame::decode(Version::V2, &wire).unwrap(), frame);
    }

    #[test]
    fn no_message_panics_and_what_is_read_is_written_alike(message in proptest::collection::vec(any::<u8>(), 0..64)) {
        for version in [Version::V1, Version::V2] {
            if let Ok(frame) = Frame::decode(version, &message) {
                let mut wire = Vec::new();
                frame.encode(version, &mut wire);
                if !matches!(frame, Frame::Ignored { .. }) {
                    // Texts are read leniently, so compare what a second reading gives.
                    prop_assert_eq!(Frame::decode(version, &wire).unwrap(), frame);
                }
            }
        }
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn version_1_matches_the_published_bytes() {
    let vectors = [
        ("01 00000001 61", Frame::Connect { stream: 1, app: b"a".to_vec() }),
        ("02 00000102 6869", Frame::Data { stream: 258, payload: b"hi".to_vec() }),
        ("03 00000001", Frame::Close { stream: 1, code: None, text: String::new() }),
        ("04 00000001 6e6f", Frame::Error { stream: 1, code: None, text: "no".to_owned() }),
        ("05 00000001", Frame::Connected { stream: 1 }),
    ];
    for (bytes, frame) in vectors {
        assert_eq!(Frame::decode(Version::V1, &hex(bytes)).unwrap(), frame);
        let mut wire = Vec::new();
        frame.encode(Version::V1, &mut wire);
        assert_eq!(wire, hex(bytes));
    }
}

#[test]
fn version_1_errors_carry_their_code_in_front() {
    let refused = Frame::Error { stream: 9, code: Some(TunnelCode::UnknownApp), text: "no app `x`".to_owned() };
    let mut wire = Vec::new();
    refused.encode(Version::V1, &mut wire);
    assert_eq!(&wire[5..], b"unknown_app: no app `x`");
    assert_eq!(Frame::decode(Version::V1, &wire).unwrap(), refused);
}

#[test]
fn version_2_refuses_what_breaks_its_rules() {
    for bytes in [
        "01",
        "02 00000001",
        "03 00000001",
        "03 00000001 00",
        "05 00000001 00",
        "06 00000001 00000000",
        "06 00000001 0001",
        "07 00000001 00",
        "08 00000001 0000000000000000",
        "08 00000000 00",
        "0a 00000000 00",
        "0b 00000000 00",
        "0c 00000001",
        "80 00000000",
        "01 00000000 61",
    ] {
        assert!(Frame::decode(Version::V2, &hex(bytes)).is_err(), "{bytes}");
    }
    assert_eq!(Frame::decode(Version::V2, &hex("40 00000001 ff")), Ok(Frame::Ignored { command: 64 }));
    assert_eq!(Frame::decode(Version::V1, &hex("0c 00000001")), Ok(Frame::Ignored { command: 12 }));
}
