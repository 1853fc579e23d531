//! One repository of a registry, ready for calls.

use cube_sdk_core::engine::{Call, Reply};
use cube_sdk_core::{Engine, Error, ErrorKind, Operation, Result};
use http::{Method, header};
use url::Url;

use super::{RegistryHost, Repository};
use crate::publish::PublishFault;

/// What reaches one repository.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// Repeats by itself.
    pub(super) engine: Engine,
    /// Sends once: for calls that a frame around them repeats.
    pub(super) once: Engine,
    pub(super) base: Url,
    pub(super) host: RegistryHost,
    pub(super) repository: Repository,
}

impl Session {
    /// A call below the repository, such as `blobs/sha256:…`.
    pub(super) fn call(&self, operation: Operation, method: Method, below: &str) -> Result<Call> {
        let url = self
            .base
            .join(&format!("{}/{below}", self.repository))
            .map_err(|cause| Error::new(ErrorKind::InvalidInput, "the repository makes no URL").cause(cause))?;
        Ok(Call::new(operation, method, url).about(self.about(below)))
    }

    /// How errors name something of the repository.
    pub(super) fn about(&self, below: &str) -> String {
        format!("{}/{} {below}", self.host, self.repository)
    }

    /// Where an answer leads to next. Another origin would get the credentials: refused.
    pub(super) fn location(&self, reply: &Reply, asked: &Url) -> Result<Option<Url>> {
        let Some(location) = reply.headers.get(header::LOCATION) else { return Ok(None) };
        let refused = |why: &str| {
            Error::new(ErrorKind::Protocol, format!("the registry sends the upload {why}"))
                .with_status(reply.status)
                .with_fault(PublishFault::Escape)
        };
        let text = location.to_str().ok().filter(|text| !text.is_empty());
        let next = text.and_then(|text| asked.join(text).ok()).ok_or_else(|| refused("nowhere"))?;
        let same = next.scheme() == self.base.scheme()
            && next.host_str() == self.base.host_str()
            && next.port_or_known_default() == self.base.port_or_known_default()
            && next.username().is_empty()
            && next.password().is_none();
        if same {
            return Ok(Some(next));
        }
        let host = next.host_str().unwrap_or_default();
        Err(refused(&format!("to another place, {}://{host}, which would get the credentials", next.scheme())))
    }
}
