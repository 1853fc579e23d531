//! One read, awaited for its result, or for what came of it.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex};

use cube_sdk_core::{Result, awaitable};

use crate::client::{Answer, Apollo};
use crate::fault::ApolloFault;
use crate::graphql::{Document, Request};

pub(crate) use cube_sdk_core::awaitable::Boxed as BoxFuture;

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
#[must_use = "a read does nothing until it is awaited"]
pub struct Read<T> {
    run: Box<dyn FnOnce(Session) -> BoxFuture<Result<T>> + Send>,
    apollo: Apollo,
}

impl<T> fmt::Debug for Read<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Read").finish_non_exhaustive()
    }
}

/// What came of a read whose reply held errors beside data.
#[derive(Clone, Debug)]
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

impl<T: Send + 'static> Read<T> {
    pub(crate) fn new<F>(apollo: &Apollo, run: impl FnOnce(Session) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        Self { run: Box::new(move |session| Box::pin(run(session))), apollo: apollo.clone() }
    }

    /// Takes data that came with errors, and the errors.
    pub fn partial(self) -> impl Future<Output = Result<Partial<T>>> + Send {
        let session = Session { apollo: self.apollo, partial: true, faults: Arc::default() };
        let faults = session.faults.clone();
        let run = (self.run)(session);
        async move {
            let value = run.await?;
            let fault = faults.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
            Ok(Partial { value, fault })
        }
    }

    async fn send(self) -> Result<T> {
        (self.run)(Session::strict(self.apollo)).await
    }
}

awaitable!([T: Send + 'static] Read<T> => T);

/// The calls of one read: all strict, or all partial with the errors gathered.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) apollo: Apollo,
    partial: bool,
    faults: Arc<Mutex<Option<ApolloFault>>>,
}

impl Session {
    pub(crate) fn strict(apollo: Apollo) -> Self {
        Self { apollo, partial: false, faults: Arc::default() }
    }

    pub(crate) fn partial(apollo: Apollo) -> Self {
        Self { apollo, partial: true, faults: Arc::default() }
    }

    pub(crate) async fn ask<D: Document>(&self, variables: D::Variables) -> Result<Answer> {
        self.send(Request::of::<D>(variables)?).await
    }

    pub(crate) async fn send(&self, request: Request) -> Result<Answer> {
        let mut answer = self.apollo.send(request, self.partial).await?;
        if let Some(fault) = answer.fault.take() {
            self.note(fault);
        }
        Ok(answer)
    }

    fn note(&self, fault: ApolloFault) {
        let mut faults = self.faults.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match faults.as_mut() {
            Some(noted) => noted.errors.extend(fault.errors),
            None => *faults = Some(fault),
        }
    }

    pub(crate) fn fault(&self) -> Option<ApolloFault> {
        self.faults.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}
