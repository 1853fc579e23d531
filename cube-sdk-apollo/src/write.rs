//! One mutation, sent once when it is awaited.

use std::fmt;
use std::future::Future;

use cube_sdk_core::{Result, awaitable};
use serde_json::Value;

use crate::graphql::Patch;
use crate::read::BoxFuture;

/// A mutation that is sent when it is awaited. It is sent again only after a 401 or a 429, which prove that nothing
/// ran; after any other failure the error tells whether it was sent.
#[must_use = "a mutation does nothing until it is awaited"]
pub struct Write<T> {
    run: Box<dyn FnOnce(Option<Patch>) -> BoxFuture<Result<T>> + Send>,
    patch: Option<Patch>,
}

impl<T> fmt::Debug for Write<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Write").finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Write<T> {
    pub(crate) fn new<F>(run: impl FnOnce(Option<Patch>) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        Self { run: Box::new(move |patch| Box::pin(run(patch))), patch: None }
    }

    /// Changes the input before it is sent, where it has one (docs/apollo-inputs.md); else it has no effect.
    pub fn patch_input(mut self, patch: impl FnOnce(&mut Value) + Send + 'static) -> Self {
        self.patch = Some(Box::new(patch));
        self
    }

    async fn send(self) -> Result<T> {
        (self.run)(self.patch).await
    }
}

awaitable!([T: Send + 'static] Write<T> => T);

/// Gives a builder `patch_input` and lets it be awaited through its own `send`.
macro_rules! awaited {
    ($builder:ident -> $output:ty) => {
        impl $builder {
            /// Changes the input before it is sent: its fields are a proposal, see docs/apollo-inputs.md.
            pub fn patch_input(mut self, patch: impl FnOnce(&mut serde_json::Value) + Send + 'static) -> Self {
                self.patch = Some(Box::new(patch));
                self
            }
        }

        cube_sdk_core::awaitable!($builder => $output);

        impl std::fmt::Debug for $builder {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($builder)).finish_non_exhaustive()
            }
        }
    };
}

pub(crate) use awaited;
