//! What the end-to-end tests of cube-sdk share: third-party components, started and ended, and a relay for them.
#![allow(clippy::print_stderr, clippy::panic, clippy::expect_used, clippy::unwrap_used)]

pub mod real;
pub mod relay;

/// Compiles what the workspace's README shows.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// Compiles what the facade's README shows.
#[cfg(doctest)]
#[doc = include_str!("../../cube-sdk/README.md")]
struct FacadeReadme;
