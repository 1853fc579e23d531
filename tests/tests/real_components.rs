//! The components of ring 3 start, answer and end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use cube_sdk_tests::real::{MiniStack, SeaweedFs};

#[test]
fn ministack_starts() {
    if let Some(ministack) = MiniStack::start() {
        assert!(ministack.endpoint.starts_with("http://127.0.0.1:"));
    }
}

#[test]
fn seaweedfs_starts_and_comes_back() {
    if let Some(mut weed) = SeaweedFs::start() {
        weed.kill_and_restart();
    }
}
