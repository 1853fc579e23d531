//! PutObject and CopyObject.

use http::HeaderMap;
use s3s::dto::{ChecksumType, ServerSideEncryption};
use s3s::dto::{CopyObjectInput, CopyObjectOutput, CopyObjectResult, ETag, PutObjectInput, PutObjectOutput};
use s3s::{S3Request, S3Response, S3Result};

use super::super::super::object::{Attributes, ChecksumAlgorithm, Object, StoredChecksum};
use super::super::super::state::State;
use super::super::condition;
use super::super::copy;
use super::super::failure::Failure;
use super::super::integrity;
use super::super::permission::{Admitted, admit};
use super::{Backend, set_checksum, time, value_of};

/// The system and user metadata of an object to be written, with the KMS key that is asked for, which the caller may use.
pub(super) fn attributes(
    state: &State,
    admitted: &Admitted,
    headers: &HeaderMap,
    key: &str,
) -> S3Result<Box<Attributes>> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let mut attributes = Box::new(Attributes::of(headers));
    attributes.kms_key_arn = match header("x-amz-server-side-encryption") {
        None | Some("AES256") => None,
        Some("aws:kms") => Some(match header("x-amz-server-side-encryption-aws-kms-key-id") {
            Some(key) if key.starts_with("arn:") => key.to_owned(),
            // A bare id is of this account, and the account has a key of its own for S3.
            id => {
                let id = id.unwrap_or("aws-s3");
                format!("arn:aws:kms:{}:{}:key/{id}", admitted.bucket_region, state.account_id)
            }
        }),
        Some(other) => {
            let message = "The encryption method specified is not supported";
            let failure = Failure::invalid_argument("x-amz-server-side-encryption", other, message);
            return Err(admitted.exchange.fail(failure));
        }
    };
    admitted.use_key(state, "kms:GenerateDataKey", attributes.kms_key_arn.as_deref(), key)?;
    Ok(attributes)
}

/// Stores what was written if its conditions hold, all in one step.
pub(super) fn store(
    state: &State,
    admitted: &Admitted,
    headers: &HeaderMap,
    key: &str,
    object: Object,
) -> S3Result<()> {
    let now = state.clock.now();
    let stored =
        state.store.put_if(&admitted.bucket, key, object, now, |existing| condition::of_write(headers, key, existing));
    stored.map_err(|failure| admitted.exchange.fail(failure))
}

/// Writing over a given object asks for the right to read it.
pub(super) fn require_write(state: &State, admitted: &Admitted, headers: &HeaderMap, key: &str) -> S3Result<()> {
    admitted.require(state, "s3:PutObject", &admitted.object_arn(key), &[])?;
    if headers.contains_key("if-match") {
        admitted.require(state, "s3:GetObject", &admitted.object_arn(key), &[])?;
    }
    Ok(())
}

impl Backend {
    pub(super) async fn put(&self, mut req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let state = &self.0;
        let admitted = admit(state, &req, &req.input.bucket)?;
        let key = req.input.key.clone();
        require_write(state, &admitted, &req.headers, &key)?;
        let attributes = attributes(state, &admitted, &req.headers, &key)?;
        let body = req.input.body.take();
        let sent = integrity::receive(&admitted.exchange, &req.headers, req.trailing_headers.as_ref(), body).await?;
        let mut object = Object::bytes(sent.bytes).checksum(Some(sent.algorithm));
        object.attributes = attributes;
        let mut output = PutObjectOutput {
            e_tag: Some(ETag::Strong(object.etag())),
            server_side_encryption: Some(ServerSideEncryption::from_static(object.attributes.encryption())),
            ssekms_key_id: object.attributes.kms_key_arn.clone(),
            checksum_type: Some(ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
            ..Default::default()
        };
        set_checksum!(output, sent.algorithm, sent.checksum);
        store(state, &admitted, &req.headers, &key, object)?;
        self.save().await?;
        Ok(S3Response::new(output))
    }

    pub(super) async fn copy(&self, req: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        let state = &self.0;
        let admitted = admit(state, &req, &req.input.bucket)?;
        let key = req.input.key.clone();
        require_write(state, &admitted, &req.headers, &key)?;
        let (entry, from_bucket, from_key) =
            copy::source(state, &req.headers, &req.input.copy_source, |bucket| admit(state, &req, bucket))?;
        let asked = attributes(state, &admitted, &req.headers, &key)?;
        let replace = req.input.metadata_directive.as_ref().is_some_and(|directive| directive.as_str() == "REPLACE");
        let same = (from_bucket.as_str(), from_key.as_str()) == (admitted.bucket.as_str(), key.as_str());
        let changed = ["x-amz-storage-class", "x-amz-server-side-encryption", "x-amz-website-redirect-location"];
        if same && !replace && !changed.iter().any(|name| req.headers.contains_key(*name)) {
            let message = "This copy request is illegal because it is trying to copy an object to itself without changing \
                           the object's metadata, storage class, website redirect location or encryption attributes.";
            return Err(admitted.exchange.fail(Failure::bad_request("InvalidRequest", message)));
        }
        let mut object = entry.object.as_if_put();
        // Encryption and class are the copy's own; the rest follows the source unless it is replaced.
        object.attributes = if replace {
            asked
        } else {
            Box::new(Attributes {
                kms_key_arn: asked.kms_key_arn,
                storage_class: asked.storage_class,
                archive_tier: None,
                restore: None,
                ..Attributes::clone(&entry.object.attributes)
            })
        };
        let wanted = req.input.checksum_algorithm.as_ref().and_then(|name| ChecksumAlgorithm::named(name.as_str()));
        let kept = entry.object.checksum.as_ref().map(|stored| stored.algorithm);
        let stored = StoredChecksum::full(wanted.or(kept).unwrap_or_default());
        let mut result = CopyObjectResult {
            e_tag: Some(ETag::Strong(object.etag())),
            last_modified: Some(time(state.clock.now())),
            checksum_type: Some(ChecksumType::from_static(stored.kind())),
            ..Default::default()
        };
        set_checksum!(result, stored.algorithm, value_of(&stored, &object));
        object.checksum = Some(stored);
        let output = CopyObjectOutput {
            server_side_encryption: Some(ServerSideEncryption::from_static(object.attributes.encryption())),
            ssekms_key_id: object.attributes.kms_key_arn.clone(),
            copy_object_result: Some(result),
            ..Default::default()
        };
        store(state, &admitted, &req.headers, &key, object)?;
        self.save().await?;
        Ok(S3Response::new(output))
    }
}
