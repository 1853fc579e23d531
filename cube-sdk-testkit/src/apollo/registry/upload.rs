//! Uploads: begun, sent in pieces, ended by a digest.

use std::collections::HashMap;

use bytes::Bytes;
use http::{Method, header};
use http_body::Body;
use http_body_util::BodyExt as _;
use sha2::{Digest as _, Sha256};

use super::super::lock;
use super::{Dropped, Fault, Reply, Shared, answer, done, named, refuse};

#[derive(Default)]
pub(super) struct Upload {
    hash: Sha256,
    length: u64,
    /// None once it is too long to be kept.
    bytes: Option<Vec<u8>>,
    state: u64,
}

impl Upload {
    fn take(&mut self, chunk: &[u8]) {
        self.hash.update(chunk);
        self.length += chunk.len() as u64;
        if self.length > KEPT {
            self.bytes = None;
        } else if let Some(bytes) = &mut self.bytes {
            bytes.extend_from_slice(chunk);
        }
    }

    fn digest(&self) -> String {
        named(&self.hash.clone().finalize())
    }
}

/// Blobs up to here are kept; of longer ones digest and length alone.
const KEPT: u64 = 10 * 1024 * 1024;

pub(super) async fn upload<B: Body<Data = Bytes>>(
    shared: &Shared,
    parts: &http::request::Parts,
    repository: &str,
    id: &str,
    body: B,
    fault: Option<&Fault>,
) -> Result<Reply, Dropped> {
    let query: HashMap<_, _> = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    if parts.method == Method::POST {
        let _ = body.collect().await;
        let mut held = lock(&shared.held);
        held.serial += 1;
        let id = format!("u{}", held.serial);
        held.uploads.insert(id.clone(), Upload { bytes: Some(Vec::new()), ..Upload::default() });
        let place = match fault {
            Some(Fault::SendTo(place)) => place.clone(),
            // Real ones answer with absolute and relative places alike.
            _ if held.serial.is_multiple_of(2) => {
                format!("{}/v2/{repository}/blobs/uploads/{id}?_state=0", shared.address)
            }
            _ => format!("/v2/{repository}/blobs/uploads/{id}?_state=0"),
        };
        return Ok(done(answer(202).header(header::LOCATION, place).header(header::RANGE, "0-0"), Bytes::new()));
    }
    let known = lock(&shared.held).uploads.get(id).map(|upload| (upload.length, upload.state));
    let Some((at, state)) = known else {
        let _ = body.collect().await;
        return Ok(refuse(404, "BLOB_UPLOAD_UNKNOWN"));
    };
    if query.get("_state") != Some(&state.to_string()) && parts.method != Method::GET {
        return Ok(refuse(400, "BLOB_UPLOAD_INVALID"));
    }
    match parts.method {
        Method::GET => Ok(told(shared, repository, id, 204)),
        Method::DELETE => {
            lock(&shared.held).uploads.remove(id);
            Ok(done(answer(204), Bytes::new()))
        }
        Method::PATCH => {
            let range = parts.headers.get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
            let start = range.map(|range| range.split('-').next().and_then(|start| start.parse::<u64>().ok()));
            if start.is_some_and(|start| start != Some(at)) {
                let _ = body.collect().await;
                return Ok(refuse(416, "BLOB_UPLOAD_INVALID"));
            }
            receive(shared, id, body, fault).await?;
            Ok(told(shared, repository, id, 202))
        }
        Method::PUT => {
            receive(shared, id, body, fault).await?;
            let mut held = lock(&shared.held);
            let Some(upload) = held.uploads.remove(id) else { return Ok(refuse(404, "BLOB_UPLOAD_UNKNOWN")) };
            let digest = upload.digest();
            if query.get("digest") != Some(&digest) {
                return Ok(refuse(400, "DIGEST_INVALID"));
            }
            let kept = upload.bytes.map(Bytes::from);
            held.blobs.insert((repository.to_owned(), digest.clone()), (upload.length, kept));
            let told =
                if matches!(fault, Some(Fault::OtherDigest)) { named(&Sha256::digest(b"other")) } else { digest };
            Ok(done(answer(201).header("docker-content-digest", told), Bytes::new()))
        }
        _ => Ok(refuse(405, "UNSUPPORTED")),
    }
}

async fn receive<B: Body<Data = Bytes>>(
    shared: &Shared,
    id: &str,
    body: B,
    fault: Option<&Fault>,
) -> Result<(), Dropped> {
    let mut body = std::pin::pin!(body);
    let mut left = match fault {
        Some(Fault::DropAfter(bytes)) => Some(*bytes),
        _ => None,
    };
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Err(Dropped) };
        let Ok(mut chunk) = frame.into_data() else { continue };
        if let Some(left) = &mut left {
            chunk.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= chunk.len() as u64;
        }
        if let Some(upload) = lock(&shared.held).uploads.get_mut(id) {
            upload.take(&chunk);
        }
        if left == Some(0) {
            return Err(Dropped);
        }
    }
    if left.is_some() { Err(Dropped) } else { Ok(()) }
}

/// How far an upload is, and where it goes on: a new state each time, as the real ones have it.
fn told(shared: &Shared, repository: &str, id: &str, status: u16) -> Reply {
    let mut held = lock(&shared.held);
    let Some(upload) = held.uploads.get_mut(id) else { return refuse(404, "BLOB_UPLOAD_UNKNOWN") };
    upload.state += 1;
    let place = format!("/v2/{repository}/blobs/uploads/{id}?_state={}", upload.state);
    let head = answer(status).header(header::LOCATION, place);
    done(head.header(header::RANGE, format!("0-{}", upload.length.saturating_sub(1))), Bytes::new())
}
