//! Multipart uploads.

use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, ChecksumAlgorithm, ChecksumType,
    CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CopyPartResult, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, ETag, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListPartsInput,
    ListPartsOutput, MultipartUpload, ServerSideEncryption, StorageClass, UploadPartCopyInput, UploadPartCopyOutput,
    UploadPartInput, UploadPartOutput,
};
use s3s::{S3Request, S3Response, S3Result};

use super::super::super::object::ChecksumAlgorithm as Algorithm;
use super::super::copy;
use super::super::failure::Failure;
use super::super::integrity;
use super::super::permission::admit;
use super::super::upload::{Part, Upload};
use super::write::{attributes, require_write, store};
use super::{Backend, set_checksum, time, value_of};

/// Parts and uploads that one page of a list holds at most.
const PAGE: i32 = 1_000;

fn kind(composite: bool) -> ChecksumType {
    ChecksumType::from_static(if composite { ChecksumType::COMPOSITE } else { ChecksumType::FULL_OBJECT })
}

impl Backend {
    pub(super) fn begin_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let state = &self.0;
        let admitted = admit(state, &req, &req.input.bucket)?;
        let key = req.input.key.clone();
        admitted.require(state, "s3:PutObject", &admitted.object_arn(&key), &[])?;
        let attributes = attributes(state, &admitted, &req.headers, &key)?;
        let named = req.input.checksum_algorithm.as_ref().map(ChecksumAlgorithm::as_str);
        let algorithm = named.and_then(Algorithm::named).unwrap_or_default();
        let asked = req.input.checksum_type.as_ref().map(ChecksumType::as_str);
        let composite = asked.map_or(algorithm != Algorithm::Crc64Nvme, |kind| kind == ChecksumType::COMPOSITE);
        let whole_only = algorithm == Algorithm::Crc64Nvme;
        let parts_only = matches!(algorithm, Algorithm::Sha1 | Algorithm::Sha256);
        if composite && whole_only || !composite && parts_only {
            let (kind, name) = (asked.unwrap_or_default(), algorithm.name().to_ascii_lowercase());
            let message = format!("The {kind} checksum type cannot be used with the {name} checksum algorithm.");
            return Err(admitted.exchange.fail(Failure::bad_request("InvalidRequest", &message)));
        }
        let id = state.mint.upload_id();
        let output = CreateMultipartUploadOutput {
            bucket: Some(admitted.bucket.clone()),
            key: Some(key.clone()),
            upload_id: Some(id.clone()),
            checksum_algorithm: Some(ChecksumAlgorithm::from_static(algorithm.name())),
            checksum_type: Some(kind(composite)),
            server_side_encryption: Some(ServerSideEncryption::from_static(attributes.encryption())),
            ssekms_key_id: attributes.kms_key_arn.clone(),
            ..Default::default()
        };
        let (bucket, begun) = (admitted.bucket, state.clock.now());
        let upload = Upload { bucket, key, attributes, algorithm, composite, begun, parts: Default::default() };
        state.store.uploads.all().insert(id, upload);
        Ok(S3Response::new(output))
    }

    pub(super) async fn put_part(&self, mut req: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        let state = &self.0;
        let admitted = admit(state, &req, &req.input.bucket)?;
        let (key, id, number) = (req.input.key.clone(), req.input.upload_id.clone(), req.input.part_number);
        admitted.require(state, "s3:PutObject", &admitted.object_arn(&key), &[])?;
        let body = req.input.body.take();
        let sent = integrity::receive(&admitted.exchange, &req.headers, req.trailing_headers.as_ref(), body).await?;
        let part = self.add_part(&id, (&admitted.bucket, &key), number, sent.bytes);
        let (part, upload) = part.map_err(|failure| admitted.exchange.fail(failure))?;
        let mut output = UploadPartOutput {
            e_tag: Some(ETag::Strong(part.etag)),
            server_side_encryption: Some(ServerSideEncryption::from_static(upload.attributes.encryption())),
            ..Default::default()
        };
        set_checksum!(output, sent.algorithm, sent.checksum);
        Ok(S3Response::new(output))
    }

    pub(super) fn copy_part(&self, req: S3Request<UploadPartCopyInput>) -> S3Result<S3Response<UploadPartCopyOutput>> {
        let state = &self.0;
        let admitted = admit(state, &req, &req.input.bucket)?;
        let (key, id, number) = (&req.input.key, &req.input.upload_id, req.input.part_number);
        admitted.require(state, "s3:PutObject", &admitted.object_arn(key), &[])?;
        let (entry, ..) =
            copy::source(state, &req.headers, &req.input.copy_source, |bucket| admit(state, &req, bucket))?;
        let size = entry.object.size();
        let range = match &req.input.copy_source_range {
            None => Some(0..size),
            // Here, unlike in a read, the range must be whole and within the source.
            Some(text) => s3s::dto::Range::parse(text).ok().and_then(|range| match range {
                s3s::dto::Range::Int { first, last: Some(last) } if last < size => Some(first..last + 1),
                _ => None,
            }),
        };
        let range = range.ok_or_else(|| {
            let text = req.input.copy_source_range.as_deref().unwrap_or_default();
            let message = format!("Range specified is not valid for source object of size: {size}");
            admitted.exchange.fail(Failure::invalid_argument("x-amz-copy-source-range", text, &message))
        })?;
        let part = self.add_part(id, (&admitted.bucket, key), number, entry.object.read(range).into());
        let (part, upload) = part.map_err(|failure| admitted.exchange.fail(failure))?;
        let mut result = CopyPartResult {
            e_tag: Some(ETag::Strong(part.etag)),
            last_modified: Some(time(part.modified)),
            ..Default::default()
        };
        set_checksum!(result, upload.algorithm, part.checksum);
        Ok(S3Response::new(UploadPartCopyOutput { copy_part_result: Some(result), ..Default::default() }))
    }

    fn add_part(
        &self,
        id: &str,
        object: (&str, &str),
        number: i32,
        bytes: bytes::Bytes,
    ) -> Result<(Part, Upload), Failure> {
        if !(1..=10_000).contains(&number) {
            let message = "Part number must be an integer between 1 and 10000, inclusive";
            return Err(Failure::invalid_argument("partNumber", &number.to_string(), message));
        }
        let now = self.0.clock.now();
        self.0.store.uploads.with(id, object, |upload| {
            let part = Part::new(bytes, upload.algorithm, now);
            upload.parts.insert(number, part.clone());
            Ok((part, upload.clone()))
        })
    }

    pub(super) async fn complete_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let state = &self.0;
        let admitted = admit(state, &req, &req.input.bucket)?;
        let (key, id) = (req.input.key.clone(), req.input.upload_id.clone());
        require_write(state, &admitted, &req.headers, &key)?;
        let listed = req.input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
        let etag = |part: &s3s::dto::CompletedPart| part.e_tag.as_ref().map(|tag| tag.value().to_owned());
        let named: Vec<(i32, String)> =
            listed.iter().map(|part| (part.part_number.unwrap_or_default(), etag(part).unwrap_or_default())).collect();
        let object = state.store.uploads.with(&id, (&admitted.bucket, &key), |upload| upload.assemble(&named));
        let object = object.map_err(|failure| admitted.exchange.fail(failure))?;
        let mut output = CompleteMultipartUploadOutput {
            bucket: Some(admitted.bucket.clone()),
            key: Some(key.clone()),
            location: Some(format!("https://{}.s3.{}.amazonaws.com/{key}", admitted.bucket, admitted.bucket_region)),
            e_tag: Some(ETag::Strong(object.etag())),
            server_side_encryption: Some(ServerSideEncryption::from_static(object.attributes.encryption())),
            ssekms_key_id: object.attributes.kms_key_arn.clone(),
            ..Default::default()
        };
        if let Some(stored) = &object.checksum {
            output.checksum_type = Some(kind(stored.composite.is_some()));
            set_checksum!(output, stored.algorithm, value_of(stored, &object));
        }
        store(state, &admitted, &req.headers, &key, object)?;
        state.store.uploads.all().remove(&id);
        self.save().await?;
        Ok(S3Response::new(output))
    }

    pub(super) fn abort_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let state = &self.0;
        let admitted = admit(state, &req, &req.input.bucket)?;
        admitted.require(state, "s3:AbortMultipartUpload", &admitted.object_arn(&req.input.key), &[])?;
        let there = state.store.uploads.with(&req.input.upload_id, (&admitted.bucket, &req.input.key), |_| Ok(()));
        there.map_err(|failure| admitted.exchange.fail(failure))?;
        state.store.uploads.all().remove(&req.input.upload_id);
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }

    pub(super) fn parts(&self, req: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        let state = &self.0;
        let admitted = admit(state, &req, &req.input.bucket)?;
        let (key, id) = (req.input.key.clone(), req.input.upload_id.clone());
        admitted.require(state, "s3:ListMultipartUploadParts", &admitted.object_arn(&key), &[])?;
        let upload = state.store.uploads.with(&id, (&admitted.bucket, &key), |upload| Ok(upload.clone()));
        let upload = upload.map_err(|failure| admitted.exchange.fail(failure))?;
        let after = req.input.part_number_marker.unwrap_or_default();
        let limit = req.input.max_parts.unwrap_or(PAGE).clamp(0, PAGE);
        let left = upload.parts.range(after.saturating_add(1)..);
        let shown: Vec<s3s::dto::Part> = left
            .clone()
            .take(limit as usize)
            .map(|(number, part)| {
                let mut shown = s3s::dto::Part {
                    part_number: Some(*number),
                    e_tag: Some(ETag::Strong(part.etag.clone())),
                    size: Some(part.bytes.len() as i64),
                    last_modified: Some(time(part.modified)),
                    ..Default::default()
                };
                set_checksum!(shown, upload.algorithm, part.checksum.clone());
                shown
            })
            .collect();
        let more = left.count() > shown.len();
        Ok(S3Response::new(ListPartsOutput {
            bucket: Some(admitted.bucket.clone()),
            key: Some(key),
            upload_id: Some(id),
            part_number_marker: Some(after),
            next_part_number_marker: Some(shown.last().and_then(|part| part.part_number).unwrap_or(after)),
            max_parts: Some(limit),
            is_truncated: Some(more),
            checksum_algorithm: Some(ChecksumAlgorithm::from_static(upload.algorithm.name())),
            checksum_type: Some(kind(upload.composite)),
            storage_class: Some(StorageClass::from(upload.attributes.class().to_owned())),
            owner: Some(self.owner()),
            parts: Some(shown),
            ..Default::default()
        }))
    }

    pub(super) fn uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let state = &self.0;
        let admitted = admit(state, &req, &req.input.bucket)?;
        admitted.require(state, "s3:ListBucketMultipartUploads", &admitted.bucket_arn(), &[])?;
        let prefix = req.input.prefix.clone().unwrap_or_default();
        let all = state.store.uploads.all();
        let own = all.iter().filter(|(_, u)| u.bucket == admitted.bucket && u.key.starts_with(&prefix));
        let mut shown: Vec<MultipartUpload> = own
            .map(|(id, upload)| MultipartUpload {
                key: Some(upload.key.clone()),
                upload_id: Some(id.clone()),
                initiated: Some(time(upload.begun)),
                storage_class: Some(StorageClass::from(upload.attributes.class().to_owned())),
                owner: Some(self.owner()),
                ..Default::default()
            })
            .collect();
        shown.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(S3Response::new(ListMultipartUploadsOutput {
            bucket: Some(admitted.bucket.clone()),
            prefix: Some(prefix),
            max_uploads: Some(PAGE),
            is_truncated: Some(false),
            uploads: Some(shown),
            ..Default::default()
        }))
    }
}
