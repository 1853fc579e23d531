//! Operate edge Cubes and bring-your-own model storage from Rust.

pub use cube_sdk_core::{Error, ErrorKind, Result};

#[cfg(feature = "edgegate")]
pub use cube_sdk_byo as byo;
