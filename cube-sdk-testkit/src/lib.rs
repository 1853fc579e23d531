//! The outside world of cube-sdk in process: doubles with faults on request

#[cfg(feature = "apollo")]
pub mod apollo;
