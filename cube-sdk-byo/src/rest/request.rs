//! What makes a request builder awaitable.

/// Gives a builder with `async fn send(self) -> Result<$reply>` its `IntoFuture`.
macro_rules! awaitable {
    ($builder:ty => $reply:ty) => {
        impl std::future::IntoFuture for $builder {
            type Output = cube_sdk_core::Result<$reply>;
            type IntoFuture = std::pin::Pin<Box<dyn std::future::Future<Output = Self::Output> + Send>>;

            fn into_future(self) -> Self::IntoFuture {
                Box::pin(self.send())
            }
        }
    };
}

pub(crate) use awaitable;

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
