//! Pages to read beside the reference: what to do first, then what to look up.
//!
//! | to | read |
//! |---|---|
//! | reach an app in a cluster | [tunnels] |
//! | connect a customer's bucket | [onboarding] |
//! | release a chart | [publishing] |
//! | run the servers inside a program of one's own | [embedding] |
//! | test code that uses the SDK | [testing] |
//! | move from the Python agent, or from the TypeScript client | [from_python], [from_typescript] |
//! | give a customer's bucket to other people's readers | [object_store] |
//! | look up an error, or a setting | [errors], [environment] |
//!
//! Their programs are whole, and compiled as they stand; those of some need features beyond the default ones.
#![allow(rustdoc::bare_urls, reason = "the pages show what the settings say, word for word")]

// Their code is fragments of programs that stand elsewhere.
#[cfg(not(doctest))]
#[doc = include_str!("../docs/errors.md")]
pub mod errors {}

#[cfg(not(doctest))]
#[doc = include_str!("../docs/environment.md")]
pub mod environment {}

#[cfg(not(doctest))]
#[doc = include_str!("../docs/object-store.md")]
pub mod object_store {}

// A page ends with links to files; those that stand here before it win on a page of rustdoc.
/// [environment]: crate::guides::environment
/// [errors]: crate::guides::errors
#[cfg(any(not(doctest), feature = "cloud"))]
#[doc = include_str!("../docs/guides/tunnels.md")]
pub mod tunnels {}

/// [embedding]: crate::guides::embedding
#[cfg(any(not(doctest), feature = "s3"))]
#[doc = include_str!("../docs/guides/onboarding.md")]
pub mod onboarding {}

#[cfg(any(not(doctest), all(feature = "publish", feature = "cloud")))]
#[doc = include_str!("../docs/guides/publishing.md")]
pub mod publishing {}

#[cfg(any(not(doctest), all(feature = "s3", feature = "cloud")))]
#[doc = include_str!("../docs/guides/embedding.md")]
pub mod embedding {}

#[cfg(any(not(doctest), all(feature = "s3", feature = "apollo")))]
#[doc = include_str!("../docs/guides/testing.md")]
pub mod testing {}

#[cfg(any(not(doctest), feature = "cloud"))]
#[doc = include_str!("../docs/guides/from-python.md")]
pub mod from_python {}

/// [embedding]: crate::guides::embedding
#[cfg(any(not(doctest), feature = "byo"))]
#[doc = include_str!("../docs/guides/from-typescript.md")]
pub mod from_typescript {}
