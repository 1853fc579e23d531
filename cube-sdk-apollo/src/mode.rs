//! How the calls of one read treat errors beside data.

use std::sync::{Arc, Mutex, PoisonError};

use cube_sdk_core::Result;

use crate::answer::Answer;
use crate::client::Apollo;
use crate::fault::ApolloFault;
use crate::graphql::{Document, Request};

/// The mode of a read: strict, where errors beside data fail it, or partial, where they are gathered.
#[derive(Clone)]
pub(crate) struct Mode {
    pub(crate) apollo: Apollo,
    partial: bool,
    faults: Arc<Mutex<Option<ApolloFault>>>,
}

impl Mode {
    pub(crate) fn strict(apollo: &Apollo) -> Self {
        Self { apollo: apollo.clone(), partial: false, faults: Arc::default() }
    }

    pub(crate) fn partial(apollo: &Apollo) -> Self {
        Self { apollo: apollo.clone(), partial: true, faults: Arc::default() }
    }

    pub(crate) const fn is_partial(&self) -> bool {
        self.partial
    }

    pub(crate) async fn ask<D: Document>(&self, variables: D::Variables) -> Result<Answer> {
        self.send(&Request::of::<D>(variables)?).await
    }

    pub(crate) async fn send(&self, request: &Request) -> Result<Answer> {
        let answer = self.apollo.send(request, self.partial).await?;
        if let Some(fault) = &answer.fault {
            let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
            match faults.as_mut() {
                Some(noted) => noted.errors.extend(fault.errors.iter().cloned()),
                None => *faults = Some(fault.clone()),
            }
        }
        Ok(answer)
    }

    /// The errors that stood beside data since this was asked last.
    pub(crate) fn take_fault(&self) -> Option<ApolloFault> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
