//! The body of an upload, and the digests that came with it.

use base64::Engine as _;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http::HeaderMap;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::StreamingBlob;
use s3s::{S3Error, S3ErrorCode, S3Result, TrailingHeaders};

use super::super::object::{ChecksumAlgorithm, Hasher};
use super::exchange::Exchange;
use super::failure::Failure;

/// A body that was read whole, its digests compared.
pub(super) struct Upload {
    pub(super) bytes: Bytes,
    /// The additional checksum that was sent, or that S3 works out of its own accord.
    pub(super) algorithm: ChecksumAlgorithm,
    pub(super) checksum: String,
}

/// Reads a body and checks `Content-MD5` and the additional checksum, be it in a header or in a trailer.
pub(super) async fn receive(
    exchange: &Exchange,
    headers: &HeaderMap,
    trailers: Option<&TrailingHeaders>,
    body: Option<StreamingBlob>,
) -> S3Result<Upload> {
    let mut content = BytesMut::new();
    if let Some(mut body) = body {
        while let Some(chunk) = body.next().await {
            content
                .extend_from_slice(&chunk.map_err(|broken| S3Error::with_source(S3ErrorCode::IncompleteBody, broken))?);
        }
    }
    let bytes = content.freeze();
    if let Some(sent) = headers.get("content-md5").and_then(|value| value.to_str().ok()) {
        let standard = base64::engine::general_purpose::STANDARD;
        let digest = standard.decode(sent).ok().filter(|digest| digest.len() == 16);
        let message = "The Content-MD5 you specified was invalid.";
        let digest = digest.ok_or_else(|| exchange.fail(Failure::bad_request("InvalidDigest", message)))?;
        if digest != Md5::checksum(&bytes).as_ref() {
            let message = "The Content-MD5 you specified did not match what we received.";
            return Err(exchange.fail(Failure::bad_request("BadDigest", message)));
        }
    }
    let sent = |name: &str| {
        let header = headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let trailer = || trailers?.read(|all| Some(all.get(name)?.to_str().ok()?.to_owned()))?;
        header.or_else(trailer)
    };
    let given: Vec<(ChecksumAlgorithm, String)> =
        ChecksumAlgorithm::ALL.into_iter().filter_map(|each| Some((each, sent(each.header())?))).collect();
    if given.len() > 1 {
        let message = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.";
        return Err(exchange.fail(Failure::bad_request("InvalidRequest", message)));
    }
    let algorithm = given.first().map_or_else(ChecksumAlgorithm::default, |(algorithm, _)| *algorithm);
    let checksum = digest(algorithm, &bytes);
    if let Some((_, expected)) = given.first()
        && *expected != checksum
    {
        let name = algorithm.name();
        let message = format!("The {name} you specified did not match the calculated checksum.");
        return Err(exchange.fail(Failure::bad_request("BadDigest", &message)));
    }
    Ok(Upload { bytes, algorithm, checksum })
}

/// The digest of some bytes in base64.
pub(super) fn digest(algorithm: ChecksumAlgorithm, bytes: &[u8]) -> String {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(bytes);
    hasher.finish()
}

/// The MD5 of some bytes.
pub(super) fn md5(bytes: &[u8]) -> [u8; 16] {
    let mut digest = [0; 16];
    digest.copy_from_slice(Md5::checksum(bytes).as_ref());
    digest
}
