//! Names and ids: one macro family, so that each is parsed, shown, compared and stored alike.
//!
//! A parameter of type `impl TryInto<Name, Error: Into<Error>>` takes `&str`, `String`, `&String`, the name or a reference to it, and
//! turns every refusal into an [`Error`]:
//!
//! ```
//! use cube_sdk_core::{Error, Result, names, text_id};
//!
//! text_id! {
//!     /// A colour: lower-case letters.
//!     pub struct Colour: Self::check;
//! }
//!
//! impl Colour {
//!     fn check(text: &str) -> Result<()> {
//!         if !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase()) {
//!             return Ok(());
//!         }
//!         Err(names::refused("colour", text, "it may hold lower-case letters only"))
//!     }
//! }
//!
//! fn paint(colour: impl TryInto<Colour, Error: Into<Error>>) -> Result<String> {
//!     Ok(format!("painted {}", names::taken(colour)?))
//! }
//!
//! let red = Colour::parse("red")?;
//! paint("red")?;
//! paint(String::from("red"))?;
//! paint(&String::from("red"))?;
//! paint(&red)?;
//! assert_eq!(paint(red)?, "painted red");
//! assert_eq!(paint("RED").unwrap_err().to_string(), "colour `RED` refused: it may hold lower-case letters only");
//! # Ok::<(), Error>(())
//! ```

mod text_id;
mod uuid_id;

use std::convert::Infallible;
use std::fmt;

use crate::error::{Error, ErrorKind, Result};

#[doc(hidden)]
pub use {serde, uuid};

/// Longest excerpt of a refused value that an error repeats, in characters.
const EXCERPT: usize = 96;

/// The refusal of a value: what it was meant to be, the value (escaped and clipped) and why.
pub fn refused(what: &str, value: &str, why: impl fmt::Display) -> Error {
    let mut shown: String = value.chars().take(EXCERPT).flat_map(char::escape_debug).collect();
    if value.chars().nth(EXCERPT).is_some() {
        shown.push('…');
    }
    Error::new(ErrorKind::InvalidInput, format!("{what} `{shown}` refused: {why}"))
}

/// A name from whatever its caller has. Builders keep the result and tell a refusal when they are awaited.
///
/// # Errors
/// The refusal of the name.
pub fn taken<N>(name: impl TryInto<N, Error: Into<Error>>) -> Result<N> {
    name.try_into().map_err(Into::into)
}

/// What [`uuid_id!`](crate::uuid_id) reads: the hyphenated form alone. The uuid crate also takes braced, URN and
/// unhyphenated forms, which servers refuse.
///
/// # Errors
/// `InvalidInput` for anything else.
#[doc(hidden)]
pub fn hyphenated(what: &str, text: &str) -> Result<uuid::Uuid> {
    let text = text.trim();
    match uuid::Uuid::try_parse(text) {
        Ok(id) if text.len() == 36 => Ok(id),
        _ => Err(refused(what, text, "it must be a UUID, 8-4-4-4-12 hex digits")
            .advice("copy the id from the dashboard or from the reply that named it")),
    }
}

/// So that a conversion that cannot fail stands where one that can is asked for.
impl From<Infallible> for Error {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

#[cfg(test)]
mod tests;
