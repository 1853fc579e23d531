//! Operate edge Cubes and bring-your-own model storage from Rust.

pub use cube_sdk_core::{Error, ErrorKind, Result};
