//! What is read out of headers and URLs when a tunnel opens.

use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::input::Input;
use crate::app_name::AppName;
use crate::ground::handshake;
use crate::tunnel::codec::frame::Version;
use crate::tunnel::negotiate::{self, Protocol, Verdict};

pub fn run(data: &[u8]) {
    if handshake::is_key(data) {
        assert_eq!(handshake::accept(data).len(), 28);
    }
    if let Ok(name) = AppName::from_wire(data) {
        assert_eq!(name.as_str().as_bytes(), data);
        assert!((1..=AppName::MAX_LEN).contains(&data.len()));
        assert_eq!(AppName::new(name.as_str()).ok(), Some(name));
    }
    negotiation(data);
}

fn negotiation(data: &[u8]) {
    let mut input = Input(data);
    let status = StatusCode::from_u16(100 + u16::from(input.byte()) * 2).unwrap_or(StatusCode::SWITCHING_PROTOCOLS);
    let offered = input.flag();
    let mut headers = HeaderMap::new();
    for line in input.0.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(header::SEC_WEBSOCKET_PROTOCOL, value);
        }
    }
    let (version, answer) = negotiate::choose(&headers);
    let offers: Vec<_> = negotiate::offers(&headers).collect();
    match answer {
        Some(answer) => assert!(offers.contains(&answer), "{answer} was not among {offers:?}"),
        None => assert_eq!(version, Version::V1, "version 2 is never assumed"),
    }
    for protocol in [Protocol::Auto, Protocol::V1, Protocol::V2] {
        match negotiate::judge(protocol, offered, status, &headers) {
            Verdict::Speak(Version::V2) => assert!(offered && offers.first() == Some(&negotiate::V2)),
            Verdict::Speak(Version::V1) => assert_ne!(protocol, Protocol::V2, "version 2 only was asked for"),
            Verdict::FallBack => assert_eq!((protocol, offered), (Protocol::Auto, true)),
            _ => {}
        }
    }
}
