//! Pages to read beside the reference.
#![cfg(not(doctest))]
#![allow(rustdoc::bare_urls, reason = "the pages show what the settings say, word for word")]

#[doc = include_str!("../docs/errors.md")]
pub mod errors {}

#[doc = include_str!("../docs/environment.md")]
pub mod environment {}

#[doc = include_str!("../docs/object-store.md")]
pub mod object_store {}
