//! The outside world of cube-sdk in process: doubles with faults on request

#[cfg(feature = "aws")]
pub mod aws;
