//! docs/tunnel-protocol.md says what the code does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use cube_sdk_teleport::tunnel::frame::{Frame, Hello};
use cube_sdk_teleport::tunnel::{TunnelCode, Version};

const PAGE: &str = include_str!("../docs/tunnel-protocol.md");

fn rows() -> impl Iterator<Item = Vec<&'static str>> {
    PAGE.lines()
        .filter(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
}

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.trim_matches('`').split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn the_vectors_are_what_is_written_and_read() {
    let connect = |stream, app: &str| Frame::Connect { stream, app: app.as_bytes().to_vec() };
    let data = |stream, payload: &[u8]| Frame::Data { stream, payload: payload.to_vec() };
    let frames = [
        ("v1 CONNECT stream 1 app `a`", connect(1, "a")),
        ("v1 DATA stream 258 `hi`", data(258, b"hi")),
        ("v1 CLOSE stream 1", Frame::Close { stream: 1, code: None, text: String::new() }),
        ("v1 ERROR stream 1 `no`", Frame::Error { stream: 1, code: None, text: "no".to_owned() }),
        ("v1 CONNECTED stream 1", Frame::Connected { stream: 1 }),
        (
            "v2 HELLO window 262144 max_data 262144 max_streams 256 flags 0",
            Frame::Hello(Hello { window: 262_144, max_data: 262_144, max_streams: 256, flags: 0 }),
        ),
        ("v2 CONNECT stream 1 app `db`", connect(1, "db")),
        ("v2 CONNECTED stream 1", Frame::Connected { stream: 1 }),
        ("v2 DATA stream 1 `hi`", data(1, b"hi")),
        ("v2 CREDIT stream 1 bytes 131072", Frame::Credit { stream: 1, bytes: 131_072 }),
        ("v2 FIN stream 1", Frame::Fin { stream: 1 }),
        (
            "v2 CLOSE stream 1 code 13 `gone`",
            Frame::Close { stream: 1, code: Some(TunnelCode::PeerReset), text: "gone".to_owned() },
        ),
        (
            "v2 ERROR stream 2 code 1 `no app`",
            Frame::Error { stream: 2, code: Some(TunnelCode::UnknownApp), text: "no app".to_owned() },
        ),
        ("v2 PING 7", Frame::Ping(7)),
        ("v2 PONG 7", Frame::Pong(7)),
        ("v2 DRAIN 5000 `bye`", Frame::Drain { grace_ms: 5000, text: "bye".to_owned() }),
    ];
    let vectors: Vec<_> = rows().filter(|row| row[0].starts_with("v1 ") || row[0].starts_with("v2 ")).collect();
    assert_eq!(vectors.len(), frames.len());
    for row in vectors {
        let (_, frame) = frames.iter().find(|(label, _)| *label == row[0]).unwrap_or_else(|| panic!("{}", row[0]));
        let version = if row[0].starts_with("v1") { Version::V1 } else { Version::V2 };
        let mut wire = Vec::new();
        frame.encode(version, &mut wire);
        assert_eq!(wire, hex(row[1]), "{}", row[0]);
        assert_eq!(&Frame::decode(version, &hex(row[1])).unwrap(), frame, "{}", row[0]);
    }
}

#[test]
fn the_codes_have_the_numbers_names_and_kinds_of_the_page() {
    let listed: Vec<_> = rows()
        .filter(|row| row.len() == 4 && row[0].parse::<u16>().is_ok_and(|number| number <= 16))
        .filter(|row| TunnelCode::from_name(row[1]).is_some())
        .collect();
    assert_eq!(listed.len(), TunnelCode::NUMBERED.len());
    for row in listed {
        let code = TunnelCode::from_number(row[0].parse().unwrap());
        assert_eq!((code.name(), code.kind().name()), (row[1], row[2]));
    }
}

#[test]
fn no_lock_and_no_unbounded_channel_stands_on_the_data_path() {
    fn visit(folder: &std::path::Path, seen: &mut usize) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                visit(&path, seen);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for word in ["Mutex", "RwLock", "BiLock", "unbounded", "block_on"] {
                assert!(!text.contains(word), "{} uses {word}", path.display());
            }
            *seen += 1;
        }
    }
    let mut seen = 0;
    visit(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tunnel"), &mut seen);
    assert!(seen > 20);
}
