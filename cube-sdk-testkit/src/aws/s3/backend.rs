//! The S3 operations, behind s3s's parsing and signature check.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::BytesMut;
use futures_util::StreamExt as _;
use s3s::dto::{
    BucketLocationConstraint, ChecksumType, CreateBucketInput, CreateBucketOutput, DeleteObjectInput,
    DeleteObjectOutput, ETag, GetBucketLocationInput, GetBucketLocationOutput, GetObjectInput, GetObjectOutput,
    HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListBucketsInput, ListBucketsOutput,
    ListObjectsV2Input, ListObjectsV2Output, PutObjectInput, PutObjectOutput, Timestamp,
};
use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::super::object::Object;
use super::super::persist;
use super::super::state::State;
use super::failure::Failure;
use super::listing;
use super::permission::{admit, authenticate};
use super::representation::{checksum, conditions, content_type, encryption, requested};
use super::store::Bucket;

/// The account's S3.
pub(crate) struct Backend(pub(crate) Arc<State>);

#[async_trait]
impl S3 for Backend {
    async fn get_object(&self, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let state = &self.0;
        let (bucket, key) = (&req.input.bucket, &req.input.key);
        let admitted = admit(state, &req, bucket)?;
        let entry = admitted.find(state, "s3:GetObject", key)?;
        admitted.decrypt(state, &entry, key)?;
        conditions(&admitted.exchange, &entry, req.input.if_match.as_ref(), req.input.if_none_match.as_ref())?;
        let size = entry.object.size();
        let range = requested(&admitted.exchange, req.input.range, size)?;
        let sent = range.clone().unwrap_or(0..size);
        let checksum = checksum(&entry.object, req.input.checksum_mode.as_ref()).filter(|_| range.is_none());
        admitted.exchange.notes().body = Some((entry.object.clone(), sent.clone()));
        Ok(S3Response::new(GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: Some((sent.end - sent.start) as i64),
            content_range: range.map(|r| format!("bytes {}-{}/{size}", r.start, r.end - 1)),
            content_type: Some(content_type(&entry.object)),
            checksum_type: checksum.as_ref().map(|_| ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
            checksum_sha256: checksum,
            last_modified: Some(Timestamp::from(std::time::SystemTime::from(entry.modified))),
            server_side_encryption: Some(encryption(&entry.object)),
            ssekms_key_id: entry.object.kms_key_arn.clone(),
            e_tag: Some(ETag::Strong(entry.etag)),
            ..Default::default()
        }))
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let state = &self.0;
        let (bucket, key) = (&req.input.bucket, &req.input.key);
        let admitted = admit(state, &req, bucket)?;
        let entry = admitted.find(state, "s3:GetObject", key)?;
        let checksum = checksum(&entry.object, req.input.checksum_mode.as_ref());
        // The checksum of an SSE-KMS object is itself encrypted; the rest of its metadata is not.
        if req.input.checksum_mode.is_some() {
            admitted.decrypt(state, &entry, key)?;
        }
        conditions(&admitted.exchange, &entry, req.input.if_match.as_ref(), req.input.if_none_match.as_ref())?;
        let size = entry.object.size();
        let range = requested(&admitted.exchange, req.input.range, size)?;
        let length = range.as_ref().map_or(size, |r| r.end - r.start);
        Ok(S3Response::new(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: Some(length as i64),
            content_range: range.map(|r| format!("bytes {}-{}/{size}", r.start, r.end - 1)),
            content_type: Some(content_type(&entry.object)),
            checksum_type: checksum.as_ref().map(|_| ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
            checksum_sha256: checksum,
            last_modified: Some(Timestamp::from(std::time::SystemTime::from(entry.modified))),
            server_side_encryption: Some(encryption(&entry.object)),
            ssekms_key_id: entry.object.kms_key_arn.clone(),
            e_tag: Some(ETag::Strong(entry.etag)),
            ..Default::default()
        }))
    }

    async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        let admitted = admit(&self.0, &req, &req.input.bucket)?;
        admitted.require(&self.0, "s3:ListBucket", &admitted.bucket_arn(), &[]).inspect_err(|_| {
            if let Some(failure) = &mut admitted.exchange.notes().failure {
                failure.bucket_region = Some(admitted.bucket_region.clone());
            }
        })?;
        Ok(S3Response::new(HeadBucketOutput { bucket_region: Some(admitted.bucket_region), ..Default::default() }))
    }

    async fn get_bucket_location(
        &self,
        req: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        let admitted = admit(&self.0, &req, &req.input.bucket)?;
        admitted.require(&self.0, "s3:GetBucketLocation", &admitted.bucket_arn(), &[])?;
        // us-east-1 is told by an empty constraint.
        let constraint = Some(admitted.bucket_region).filter(|region| region != "us-east-1");
        let location_constraint = constraint.map(BucketLocationConstraint::from);
        Ok(S3Response::new(GetBucketLocationOutput { location_constraint }))
    }

    async fn list_objects_v2(&self, req: S3Request<ListObjectsV2Input>) -> S3Result<S3Response<ListObjectsV2Output>> {
        let admitted = admit(&self.0, &req, &req.input.bucket)?;
        let prefix = req.input.prefix.clone().unwrap_or_default();
        admitted.require(&self.0, "s3:ListBucket", &admitted.bucket_arn(), &[("s3:prefix", &prefix)])?;
        let objects = self.0.store.buckets().get(&admitted.bucket).map(|b| b.objects.clone()).unwrap_or_default();
        Ok(S3Response::new(listing::page(req.input, &objects)))
    }

    async fn put_object(&self, mut req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let state = &self.0;
        let admitted = admit(state, &req, &req.input.bucket)?;
        let key = req.input.key.clone();
        admitted.require(state, "s3:PutObject", &admitted.object_arn(&key), &[])?;
        let mut content = BytesMut::new();
        if let Some(mut body) = req.input.body.take() {
            while let Some(chunk) = body.next().await {
                content.extend_from_slice(
                    &chunk.map_err(|broken| S3Error::with_source(S3ErrorCode::IncompleteBody, broken))?,
                );
            }
        }
        let mut object = Object::bytes(content.freeze());
        let sent = req.trailing_headers.as_ref().and_then(|trailers| {
            trailers.read(|headers| headers.get("x-amz-checksum-sha256")?.to_str().ok().map(str::to_owned))?
        });
        if let Some(expected) = sent.or_else(|| req.input.checksum_sha256.clone()) {
            if expected != object.sha256_base64() {
                let message = "The SHA256 you specified did not match the calculated checksum.";
                return Err(admitted.exchange.fail(Failure::new(http::StatusCode::BAD_REQUEST, "BadDigest", message)));
            }
            object = object.with_checksum();
        }
        if let Some(kind) = req.input.content_type {
            object = object.content_type(kind);
        }
        if let Some(arn) = req.input.ssekms_key_id {
            object = object.kms_key(arn);
        }
        if req.input.if_none_match.is_some_and(|c| c.is_any()) && state.store.get(&admitted.bucket, &key).is_some() {
            return Err(admitted.exchange.fail(Failure::precondition("If-None-Match")));
        }
        let (e_tag, encryption, kms) = (object.etag(), encryption(&object), object.kms_key_arn.clone());
        state.store.put(&admitted.bucket, &key, object, state.clock.now(), true);
        persist::save(state).await.map_err(S3Error::internal_error)?;
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(ETag::Strong(e_tag)),
            server_side_encryption: Some(encryption),
            ssekms_key_id: kms,
            ..Default::default()
        }))
    }

    async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        let state = &self.0;
        let admitted = admit(state, &req, &req.input.bucket)?;
        admitted.require(state, "s3:DeleteObject", &admitted.object_arn(&req.input.key), &[])?;
        if let Some(bucket) = state.store.buckets().get_mut(&admitted.bucket) {
            bucket.objects.remove(&req.input.key);
        }
        persist::save(state).await.map_err(S3Error::internal_error)?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn create_bucket(&self, req: S3Request<CreateBucketInput>) -> S3Result<S3Response<CreateBucketOutput>> {
        let state = &self.0;
        let (caller, exchange) = authenticate(state, &req)?;
        let name = req.input.bucket.clone();
        let arn = format!("arn:aws:s3:::{name}");
        // A bucket is made in the account of its maker; only the customer's account lives here.
        if caller.account() != state.account_id || state.permit_account(&caller, "s3:CreateBucket", &arn).is_err() {
            let message =
                format!("User: {} is not authorized to perform: s3:CreateBucket on resource: \"{arn}\"", caller.arn());
            return Err(exchange.fail(Failure::denied(&message)));
        }
        let asked = req.input.create_bucket_configuration.and_then(|c| c.location_constraint);
        let region = asked.map_or_else(|| state.region.clone(), |region| region.as_str().to_owned());
        {
            let mut buckets = state.store.buckets();
            if buckets.contains_key(&name) {
                let message = "Your previous request to create the named bucket succeeded and you already own it.";
                return Err(exchange.fail(Failure::new(
                    http::StatusCode::CONFLICT,
                    "BucketAlreadyOwnedByYou",
                    message,
                )));
            }
            buckets.insert(name.clone(), Bucket { kept: true, ..Bucket::new(&region) });
        }
        persist::save(state).await.map_err(S3Error::internal_error)?;
        Ok(S3Response::new(CreateBucketOutput { location: Some(format!("/{name}")) }))
    }

    async fn list_buckets(&self, req: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
        let (caller, exchange) = authenticate(&self.0, &req)?;
        let own = caller.account() == self.0.account_id;
        if !own || self.0.permit_account(&caller, "s3:ListAllMyBuckets", "*").is_err() {
            let message = format!("User: {} is not authorized to perform: s3:ListAllMyBuckets", caller.arn());
            return Err(exchange.fail(Failure::denied(&message)));
        }
        let buckets = self.0.store.buckets();
        let buckets = buckets.iter().map(|(name, bucket)| s3s::dto::Bucket {
            name: Some(name.clone()),
            bucket_region: Some(bucket.region.clone()),
            creation_date: Some(Timestamp::from(std::time::SystemTime::from(bucket.created))),
        });
        Ok(S3Response::new(ListBucketsOutput { buckets: Some(buckets.collect()), ..Default::default() }))
    }
}
