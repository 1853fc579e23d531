//! What the reader of refusals names of the engine, which itself would bring the transport.

use std::fmt;

use http::{HeaderMap, StatusCode};

use crate::{Operation, Result};

#[derive(Clone, Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

pub trait Classify: fmt::Debug + Send + Sync + 'static {
    fn classify(&self, operation: Operation, reply: &Reply) -> Result<()>;
}
