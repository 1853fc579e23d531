//! Killed connections for 15 s, in a process of its own: it counts tasks and open files.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use cube_sdk_benches_tunnel::chaos;
use cube_sdk_teleport::tunnel::Protocol;

#[test]
fn killed_connections_cost_no_byte_and_leave_nothing() {
    for protocol in [Protocol::V1, Protocol::V2] {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let report = runtime.block_on(chaos::run(Duration::from_millis(7500), protocol, 7)).unwrap();
        assert!(report.broken > 0, "{report:?}");
    }
}
