//! The refusal of arguments, before anything is sent.

use cube_sdk_core::{Error, ErrorKind};

/// The refusal of an argument, before anything is sent.
pub(crate) fn refuse(what: &str, why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("{what} refused: {why}"))
}

/// Refuses a text that is empty or longer than `limit` characters.
pub(crate) fn check_text(what: &str, text: &str, limit: usize) -> cube_sdk_core::Result<()> {
    let length = text.chars().count();
    if (1..=limit).contains(&length) {
        return Ok(());
    }
    Err(refuse(what, format_args!("it has {length} characters, 1 to {limit} are allowed")))
}
