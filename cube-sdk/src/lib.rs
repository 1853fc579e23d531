//! Operate edge Cubes and bring-your-own model storage from Rust
