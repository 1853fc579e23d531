//! One read, awaited for its result, or for what came of it.

use std::fmt;
use std::future::Future;

use cube_sdk_core::awaitable::Boxed;
use cube_sdk_core::{Result, awaitable};
use serde::Serialize;

use crate::client::Apollo;
use crate::fault::ApolloFault;
use crate::mode::Mode;

/// A read that is sent when it is awaited. Errors beside data fail it; [`Self::partial`] takes what came.
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// let modules = apollo.modules("cube-7").list().partial().await?;
/// assert!(modules.is_whole());
/// assert_eq!(modules.value.len(), 1);
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[must_use = "a query does nothing until it is awaited"]
pub struct Query<T> {
    run: Box<dyn FnOnce(Mode) -> Boxed<Result<T>> + Send>,
    apollo: Apollo,
}

impl<T> fmt::Debug for Query<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query").finish_non_exhaustive()
    }
}

/// What came of a read whose reply held errors beside data.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Partial<T> {
    /// What could be read; lists may lack items, fields may be empty.
    pub value: T,
    /// The errors; none when the value is whole.
    pub fault: Option<ApolloFault>,
}

impl<T> Partial<T> {
    /// True when no error stood beside the data.
    pub const fn is_whole(&self) -> bool {
        self.fault.is_none()
    }
}

impl<T: Send + 'static> Query<T> {
    pub(crate) fn new<F>(apollo: &Apollo, run: impl FnOnce(Mode) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        Self { run: Box::new(move |mode| Box::pin(run(mode))), apollo: apollo.clone() }
    }

    /// Takes data that came with errors, and the errors.
    pub fn partial(self) -> impl Future<Output = Result<Partial<T>>> + Send {
        let mode = Mode::partial(&self.apollo);
        let run = (self.run)(mode.clone());
        async move {
            let value = run.await?;
            Ok(Partial { value, fault: mode.take_fault() })
        }
    }

    async fn send(self) -> Result<T> {
        (self.run)(Mode::strict(&self.apollo)).await
    }
}

awaitable!([T: Send + 'static] Query<T> => T);
