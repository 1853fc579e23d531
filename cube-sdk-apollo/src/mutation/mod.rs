//! One mutation: prepared, then sent once, or only shown.

mod dry_run;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use cube_sdk_core::awaitable::Boxed;
use cube_sdk_core::{Result, awaitable};
use serde_json::Value;

pub use dry_run::DryRun;

use crate::answer::Answer;
use crate::client::Apollo;
use crate::graphql::{Patch, Request};

/// A mutation whose names are resolved and whose input is checked: nothing but sending is left.
pub(crate) struct Prepared<T> {
    shown: DryRun,
    run: Box<dyn FnOnce() -> Boxed<Result<T>> + Send>,
}

impl<T: Send + 'static> Prepared<T> {
    /// One request, and how its answer is read.
    pub(crate) fn one(
        apollo: &Apollo,
        request: Request,
        read: impl FnOnce(&Answer) -> Result<T> + Send + 'static,
    ) -> Self {
        let (apollo, request) = (apollo.clone(), Arc::new(request));
        Self::of(&request.clone(), move || async move { read(&apollo.send(&request, false).await?) })
    }

    /// What begins with a request and may send others.
    pub(crate) fn of<F>(first: &Request, run: impl FnOnce() -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        Self { shown: DryRun::of(first), run: Box::new(move || Box::pin(run())) }
    }

    /// Shows a request that will follow.
    pub(crate) fn followed_by(mut self, next: &Request) -> Self {
        self.shown.followed_by.push(DryRun::of(next));
        self
    }

    pub(crate) fn into_dry_run(self) -> DryRun {
        self.shown
    }

    pub(crate) async fn send(self) -> Result<T> {
        (self.run)().await
    }
}

type Prepare<T> = Box<dyn FnOnce(Option<Patch>) -> Boxed<Result<Prepared<T>>> + Send>;

/// A mutation that is sent when it is awaited. It is sent again only after a 401 or a 429, which prove that nothing
/// ran; after any other failure the error tells whether it was sent.
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// let uninstall = || apollo.entities("cube-7").uninstall("mosquitto");
/// assert_eq!(uninstall().dry_run().await?.target.as_deref(), Some("cube-7/mosquitto")); // nothing was sent
/// let change = uninstall().await?;
/// println!("waiting for approval of {}", change.rid());
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[must_use = "a mutation does nothing until it is awaited"]
pub struct Mutation<T> {
    prepare: Prepare<T>,
    patch: Option<Patch>,
}

impl<T> fmt::Debug for Mutation<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutation").finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Mutation<T> {
    pub(crate) fn new<F>(prepare: impl FnOnce(Option<Patch>) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<Prepared<T>>> + Send + 'static,
    {
        Self { prepare: Box::new(move |patch| Box::pin(prepare(patch))), patch: None }
    }

    /// Changes the input before it is sent, where it has one (docs/apollo-inputs.md); else it has no effect.
    pub fn patch_input(mut self, patch: impl FnOnce(&mut Value) + Send + 'static) -> Self {
        self.patch = Some(Box::new(patch));
        self
    }

    /// What would be sent. Names are looked up and the input is checked as before sending; nothing is changed.
    ///
    /// # Errors
    /// Those that awaiting it has before it sends.
    pub async fn dry_run(self) -> Result<DryRun> {
        Ok((self.prepare)(self.patch).await?.into_dry_run())
    }

    async fn send(self) -> Result<T> {
        (self.prepare)(self.patch).await?.send().await
    }
}

awaitable!([T: Send + 'static] Mutation<T> => T);

/// Makes a builder with `patch` and `async fn prepare(self) -> Result<Prepared<Output>>` a mutation: awaited, patched,
/// shown.
macro_rules! mutation {
    ($builder:ident => $output:ty) => {
        impl $builder {
            /// Changes the input before it is sent: its fields are a proposal, see docs/apollo-inputs.md.
            pub fn patch_input(mut self, patch: impl FnOnce(&mut serde_json::Value) + Send + 'static) -> Self {
                self.patch = Some(Box::new(patch));
                self
            }

            /// What would be sent. Names are looked up and the input is checked as before sending; nothing is changed.
            ///
            /// # Errors
            /// Those that awaiting it has before it sends.
            pub async fn dry_run(self) -> cube_sdk_core::Result<$crate::mutation::DryRun> {
                Ok(self.prepare().await?.into_dry_run())
            }

            async fn send(self) -> cube_sdk_core::Result<$output> {
                self.prepare().await?.send().await
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

pub(crate) use mutation;
