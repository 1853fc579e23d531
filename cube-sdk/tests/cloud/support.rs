//! Answers in place of a service, so that a paused clock moves nothing but the client.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use cube_sdk::core::config::Environment;
use cube_sdk::core::transport::{Answer, Body, Transport};
use cube_sdk::prelude::*;
use http::{Request, Response};

type Answers = dyn Fn(usize, &Request<Bytes>) -> Result<Response<Bytes>> + Send + Sync;

/// Notes each request and answers it by a function of its number.
pub(crate) struct Script {
    answers: Box<Answers>,
    pub(crate) seen: Mutex<Vec<Request<Bytes>>>,
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Script")
    }
}

impl Script {
    pub(crate) fn new(
        answers: impl Fn(usize, &Request<Bytes>) -> Result<Response<Bytes>> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { answers: Box::new(answers), seen: Mutex::default() })
    }

    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, request: Request<Bytes>) -> Result<Answer> {
        let number = self.count();
        let answer = (self.answers)(number, &request);
        self.seen.lock().unwrap().push(request);
        answer.map(|answer| answer.map(Body::from))
    }
}

pub(crate) fn reply(status: u16, kind: &str, body: impl Into<Bytes>) -> Response<Bytes> {
    Response::builder().status(status).header("content-type", kind).body(body.into()).unwrap()
}

pub(crate) fn json(status: u16, body: &str) -> Response<Bytes> {
    reply(status, "application/json", body.to_owned())
}

/// A cube whose requests the script answers, with a folder of its own for keys.
pub(crate) fn cube(script: &Arc<Script>, folder: &std::path::Path, more: &[(&str, &str)]) -> Cube {
    let mut pairs =
        vec![("CUBE_CLOUD_URL", "https://cloud.invalid/base/"), ("CUBE_AGENT_CONFIG_DIR", folder.to_str().unwrap())];
    pairs.extend_from_slice(more);
    let transport: Arc<Script> = Arc::clone(script);
    Cube::builder().environment(Environment::from_pairs(pairs)).transport(transport).build()
}
