//! Spans and figures of the SDK, on their way to an OpenTelemetry collector.

mod export;
mod work;

pub use export::Export;
pub use work::read_a_model;
