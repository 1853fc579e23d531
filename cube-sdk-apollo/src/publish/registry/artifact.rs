//! The manifest of a chart in a registry, and how it is put there and got.

use std::str::FromStr as _;

use bytes::Bytes;
use cube_sdk_core::{Error, ErrorKind, Idempotency, Operation, Result};
use http::{HeaderName, HeaderValue, Method, header};
use oci_spec::image::{Descriptor, ImageManifest, ImageManifestBuilder, MediaType};

use super::blob::same_digest;
use super::session::Session;
use super::{Digest, Tag};
use crate::publish::PublishFault;

const HEAD: Operation = Operation::new("registry", "head_manifest", Idempotency::Read);
const GET: Operation = Operation::new("registry", "get_manifest", Idempotency::Read);
const PUT: Operation = Operation::new("registry", "put_manifest", Idempotency::Repeatable);

/// The config of a chart, which helm does not look into.
pub(super) const CONFIG: &[u8] = b"{}";
const CONFIG_TYPE: &str = "application/vnd.cncf.helm.config.v1+json";
const LAYER_TYPE: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
/// What helm 3.7 and older pushed.
const OLD_LAYER_TYPE: &str = "application/tar+gzip";
const MANIFEST_TYPE: HeaderValue = HeaderValue::from_static("application/vnd.oci.image.manifest.v1+json");

fn not_made(cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::InvalidInput, "the manifest cannot be made").cause(cause)
}

fn descriptor(kind: &str, digest: &Digest, size: u64) -> Result<Descriptor> {
    let digest = oci_spec::image::Digest::from_str(digest.as_str()).map_err(not_made)?;
    Ok(Descriptor::new(MediaType::Other(kind.to_owned()), size, digest))
}

/// The bytes of a chart's manifest.
pub(super) fn chart_manifest(layer: &Digest, size: u64) -> Result<Bytes> {
    let manifest = ImageManifestBuilder::default()
        .schema_version(2u32)
        .media_type(MediaType::ImageManifest)
        .config(descriptor(CONFIG_TYPE, &Digest::of(CONFIG), CONFIG.len() as u64)?)
        .layers([descriptor(LAYER_TYPE, layer, size)?])
        .build()
        .map_err(not_made)?;
    serde_json::to_vec(&manifest).map(Bytes::from).map_err(not_made)
}

/// The digest and size of the chart in a manifest.
pub(super) fn chart_layer(manifest: &[u8]) -> Result<(Digest, u64)> {
    let unreadable = |words: &str| Error::new(ErrorKind::Decode, format!("the manifest {words}"));
    let manifest: ImageManifest =
        serde_json::from_slice(manifest).map_err(|cause| unreadable("cannot be read").cause(cause))?;
    let is_chart = |layer: &&Descriptor| matches!(layer.media_type().as_ref(), LAYER_TYPE | OLD_LAYER_TYPE);
    let layer = manifest.layers().iter().find(is_chart).ok_or_else(|| unreadable("is not that of a chart"))?;
    let digest = Digest::parse(layer.digest().as_ref())
        .map_err(|cause| unreadable("names a digest that is not SHA-256").cause(cause))?;
    Ok((digest, layer.size()))
}

impl Session {
    fn manifest(&self, operation: Operation, method: Method, reference: &str) -> Result<cube_sdk_core::engine::Call> {
        Ok(self.call(operation, method, &format!("manifests/{reference}"))?.header(header::ACCEPT, MANIFEST_TYPE))
    }

    /// The digest of what a tag names; none where there is no such tag.
    pub(super) async fn tagged(&self, tag: &Tag) -> Result<Option<Digest>> {
        let call = self.manifest(HEAD, Method::HEAD, tag.as_str())?;
        let reply = match self.engine.run(&call).await {
            Ok(reply) => reply,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let named = reply.headers.get(HeaderName::from_static("docker-content-digest"));
        match named.and_then(|value| Digest::parse(value.to_str().ok()?).ok()) {
            Some(digest) => Ok(Some(digest)),
            None => Ok(Some(Digest::of(&self.fetched(tag.as_str()).await?))),
        }
    }

    /// The bytes of a manifest.
    pub(super) async fn fetched(&self, reference: &str) -> Result<Bytes> {
        let reply = self.engine.run(&self.manifest(GET, Method::GET, reference)?).await?;
        same_digest(&reply, &Digest::of(&reply.body))
            .map_err(|error| error.with_operation(GET).with_target(self.about(reference)))?;
        Ok(reply.body)
    }

    /// Puts a manifest under a tag; its digest.
    pub(super) async fn put_manifest(&self, tag: &Tag, manifest: Bytes) -> Result<Digest> {
        let digest = Digest::of(&manifest);
        let call = self.manifest(PUT, Method::PUT, tag.as_str())?;
        let reply = self.engine.run(&call.bytes(manifest).header(header::CONTENT_TYPE, MANIFEST_TYPE)).await?;
        same_digest(&reply, &digest)
            .map_err(|error| error.with_operation(PUT).with_target(self.about(tag.as_str())))?;
        Ok(digest)
    }
}

/// The tag is there and names something else.
pub(super) fn taken(session: &Session, tag: &Tag, found: &Digest) -> Error {
    Error::new(ErrorKind::Conflict, format!("the tag is taken: it names {found}"))
        .with_target(session.about(tag.as_str()))
        .with_fault(PublishFault::Taken)
        .advice("give the chart another version, or allow overwriting")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_manifest_is_compact_and_in_the_order_of_the_facts() {
        let layer = Digest::of(b"chart");
        let text = String::from_utf8(chart_manifest(&layer, 5).unwrap().to_vec()).unwrap();
        let config = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        assert_eq!(
            text,
            format!(
                "{{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":\
                 {{\"mediaType\":\"application/vnd.cncf.helm.config.v1+json\",\"digest\":\"{config}\",\"size\":2}},\
                 \"layers\":[{{\"mediaType\":\"application/vnd.cncf.helm.chart.content.v1.tar+gzip\",\"digest\":\
                 \"{layer}\",\"size\":5}}]}}"
            )
        );
        assert_eq!(chart_layer(text.as_bytes()).unwrap(), (layer, 5));
        assert!(chart_layer(b"{}").is_err() && chart_layer(b"[").is_err());
    }
}
