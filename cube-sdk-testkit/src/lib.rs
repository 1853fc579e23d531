//! The outside world of cube-sdk in process: doubles with faults on request

#[cfg(feature = "apollo")]
pub mod apollo;
#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "kube")]
pub mod kube;
#[cfg(feature = "teleport")]
pub mod teleport;
