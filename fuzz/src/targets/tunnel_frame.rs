//! The frame codec of both versions: what is read is written alike.

use crate::tunnel::codec::frame::{Frame, HEADER, Version};

pub fn run(data: &[u8]) {
    for version in [Version::V1, Version::V2] {
        let Ok(frame) = Frame::decode(version, data) else { continue };
        let mut wire = Vec::new();
        frame.encode(version, &mut wire);
        assert!(wire.len() >= HEADER);
        assert!(wire.len() <= data.len() + HEADER + 255 * 3, "{} bytes became {}", data.len(), wire.len());
        if matches!(frame, Frame::Ignored { .. }) {
            continue;
        }
        // Texts are read leniently and written clipped, so the second reading is compared with the third.
        let again =
            Frame::decode(version, &wire).unwrap_or_else(|fault| panic!("{frame:?} does not come back: {fault}"));
        let mut rewritten = Vec::new();
        again.encode(version, &mut rewritten);
        assert_eq!(rewritten, wire, "{frame:?} changes when written twice");
        if !matches!(frame, Frame::Close { .. } | Frame::Error { .. } | Frame::Drain { .. }) {
            assert_eq!(again, frame);
        }
    }
}
