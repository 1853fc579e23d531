//! The outside world of cube-sdk in process: doubles with faults on request
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "apollo")]
pub mod apollo;
#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "teleport")]
pub mod teleport;
