//! Sees every REST call on its way: what was asked, what came back, how long it took.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use cube_sdk::Result;
use cube_sdk::core::error::request_id_of;
use cube_sdk::core::transport::{Answer, HttpClient, Transport};

/// One call that was seen.
#[derive(Clone, Debug)]
pub(crate) struct Sighting {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) status: u16,
    pub(crate) request_id: String,
    pub(crate) elapsed: Duration,
    pub(crate) bytes: u64,
}

/// A transport that remembers. Clones share what was seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Witness {
    client: Arc<HttpClient>,
    seen: Arc<Mutex<Vec<Sighting>>>,
}

impl Witness {
    /// What was seen since the last time.
    pub(crate) fn take(&self) -> Vec<Sighting> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Transport for Witness {
    async fn send(&self, request: http::Request<Bytes>) -> Result<Answer> {
        let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
        let started = Instant::now();
        let answer = self.client.send(request).await?;
        let length = answer.headers().get(http::header::CONTENT_LENGTH);
        let sighting = Sighting {
            method,
            path,
            status: answer.status().as_u16(),
            request_id: request_id_of(answer.headers()).unwrap_or_else(|| "none".to_owned()),
            elapsed: started.elapsed(),
            bytes: length.and_then(|length| length.to_str().ok()?.parse().ok()).unwrap_or_default(),
        };
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(sighting);
        Ok(answer)
    }
}
