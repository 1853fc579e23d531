//! Figures for an OpenTelemetry meter. Without the feature `otel` nothing here does anything.
//!
//! They go to the process's meter provider (`opentelemetry::global::set_meter_provider`), which must be set before the first
//! call: what was counted before it is lost. Spans need no feature: `tracing-opentelemetry` takes those of
//! [`Frame`](crate::retry::Frame).
//!
//! | instrument | kind, unit | attributes |
//! |---|---|---|
//! | `cube.client.calls` | counter | `rpc.service`, `rpc.method`, `error.type` where it failed |
//! | `cube.client.call.duration` | histogram, s | the same |
//! | `cube.client.retries` | counter | `rpc.service`, `rpc.method`, `error.type` of the attempt that failed |
//! | `cube.reader.bytes` | counter, By | none |
//! | `cube.reader.throughput` | histogram, By/s, one value a finished read | none |
//! | `cube.tunnel.streams` | up-down counter | none |
//! | `cube.tunnel.bytes` | counter, By | `network.io.direction`: `transmit` or `receive` |
//!
//! Attributes hold no names of customers, no targets and no ids, so that their number stays bounded.

use std::time::Duration;

use crate::error::ErrorKind;
use crate::operation::Operation;

/// Which way bytes of a tunnel go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Direction {
    /// Into the tunnel.
    Transmit,
    /// Out of it.
    Receive,
}

/// A call is over; `error` is how it failed.
pub(crate) fn call_ended(operation: Operation, error: Option<ErrorKind>, took: Duration) {
    meter::call_ended(operation, error, took);
}

/// An attempt failed so, and the call goes on.
pub(crate) fn retried(operation: Operation, error: ErrorKind) {
    meter::retried(operation, error);
}

/// A reader brought bytes from storage.
///
/// ```
/// cube_sdk_core::metrics::read(65_536);
/// ```
pub fn read(bytes: u64) {
    meter::read(bytes);
}

/// A reader handed on all it was to read.
///
/// ```
/// cube_sdk_core::metrics::read_whole(8 << 20, std::time::Duration::from_millis(40));
/// ```
pub fn read_whole(bytes: u64, took: Duration) {
    meter::read_whole(bytes, took);
}

/// Streams of tunnels were opened, or, below zero, ended.
///
/// ```
/// cube_sdk_core::metrics::tunnel_streams(1);
/// cube_sdk_core::metrics::tunnel_streams(-1);
/// ```
pub fn tunnel_streams(change: i64) {
    meter::tunnel_streams(change);
}

/// Bytes of tunnels' streams moved.
///
/// ```
/// use cube_sdk_core::metrics::{Direction, tunnel_bytes};
///
/// tunnel_bytes(Direction::Transmit, 4_096);
/// ```
pub fn tunnel_bytes(direction: Direction, bytes: u64) {
    meter::tunnel_bytes(direction, bytes);
}

#[cfg(feature = "otel")]
mod meter {
    use std::sync::LazyLock;
    use std::time::Duration;

    use opentelemetry::KeyValue;
    use opentelemetry::metrics::{Counter, Histogram, UpDownCounter};

    use super::Direction;
    use crate::error::ErrorKind;
    use crate::operation::Operation;

    struct Instruments {
        calls: Counter<u64>,
        duration: Histogram<f64>,
        retries: Counter<u64>,
        bytes: Counter<u64>,
        throughput: Histogram<f64>,
        streams: UpDownCounter<i64>,
        tunnelled: Counter<u64>,
    }

    static INSTRUMENTS: LazyLock<Instruments> = LazyLock::new(|| {
        let meter = opentelemetry::global::meter("cube-sdk");
        Instruments {
            calls: meter.u64_counter("cube.client.calls").build(),
            duration: meter.f64_histogram("cube.client.call.duration").with_unit("s").build(),
            retries: meter.u64_counter("cube.client.retries").build(),
            bytes: meter.u64_counter("cube.reader.bytes").with_unit("By").build(),
            throughput: meter.f64_histogram("cube.reader.throughput").with_unit("By/s").build(),
            streams: meter.i64_up_down_counter("cube.tunnel.streams").build(),
            tunnelled: meter.u64_counter("cube.tunnel.bytes").with_unit("By").build(),
        }
    });

    fn attributes(operation: Operation, error: Option<ErrorKind>) -> Vec<KeyValue> {
        let mut attributes =
            vec![KeyValue::new("rpc.service", operation.service()), KeyValue::new("rpc.method", operation.name())];
        attributes.extend(error.map(|kind| KeyValue::new("error.type", kind.name())));
        attributes
    }

    pub(super) fn call_ended(operation: Operation, error: Option<ErrorKind>, took: Duration) {
        let attributes = attributes(operation, error);
        INSTRUMENTS.calls.add(1, &attributes);
        INSTRUMENTS.duration.record(took.as_secs_f64(), &attributes);
    }

    pub(super) fn retried(operation: Operation, error: ErrorKind) {
        INSTRUMENTS.retries.add(1, &attributes(operation, Some(error)));
    }

    pub(super) fn read(bytes: u64) {
        INSTRUMENTS.bytes.add(bytes, &[]);
    }

    pub(super) fn read_whole(bytes: u64, took: Duration) {
        INSTRUMENTS.throughput.record(bytes as f64 / took.as_secs_f64().max(1e-9), &[]);
    }

    pub(super) fn tunnel_streams(change: i64) {
        INSTRUMENTS.streams.add(change, &[]);
    }

    pub(super) fn tunnel_bytes(direction: Direction, bytes: u64) {
        let direction = match direction {
            Direction::Transmit => "transmit",
            Direction::Receive => "receive",
        };
        INSTRUMENTS.tunnelled.add(bytes, &[KeyValue::new("network.io.direction", direction)]);
    }
}

#[cfg(not(feature = "otel"))]
mod meter {
    use std::time::Duration;

    use super::Direction;
    use crate::error::ErrorKind;
    use crate::operation::Operation;

    pub(super) const fn call_ended(_: Operation, _: Option<ErrorKind>, _: Duration) {}
    pub(super) const fn retried(_: Operation, _: ErrorKind) {}
    pub(super) const fn read(_: u64) {}
    pub(super) const fn read_whole(_: u64, _: Duration) {}
    pub(super) const fn tunnel_streams(_: i64) {}
    pub(super) const fn tunnel_bytes(_: Direction, _: u64) {}
}
