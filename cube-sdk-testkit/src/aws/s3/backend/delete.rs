//! DeleteObject, DeleteObjects and DeleteBucket.

use http::StatusCode;
use s3s::dto::{
    DeleteBucketInput, DeleteBucketOutput, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput,
    DeleteObjectsOutput, DeletedObject,
};
use s3s::{S3Request, S3Response, S3Result};

use super::super::super::object::ChecksumAlgorithm;
use super::super::condition;
use super::super::failure::Failure;
use super::super::permission::admit;
use super::Backend;

/// The most keys that one DeleteObjects names.
const MAX_KEYS: usize = 1_000;

impl Backend {
    pub(super) async fn delete_one(
        &self,
        req: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let state = &self.0;
        let admitted = admit(state, &req, &req.input.bucket)?;
        let key = &req.input.key;
        admitted.require(state, "s3:DeleteObject", &admitted.object_arn(key), &[])?;
        let removed = state.store.remove_if(&admitted.bucket, key, |existing| {
            // Without a condition a missing object is as good as a deleted one.
            if req.headers.contains_key("if-match") {
                condition::of_write(&req.headers, key, existing)?;
            }
            Ok(())
        });
        removed.map_err(|failure| admitted.exchange.fail(failure))?;
        self.save().await?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    pub(super) async fn delete_many(
        &self,
        req: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let state = &self.0;
        let admitted = admit(state, &req, &req.input.bucket)?;
        let checked = ChecksumAlgorithm::ALL.iter().any(|algorithm| req.headers.contains_key(algorithm.header()));
        if !checked && !req.headers.contains_key("content-md5") && !req.headers.contains_key("x-amz-trailer") {
            let message = "Missing required header for this request: Content-MD5 OR x-amz-checksum-*";
            return Err(admitted.exchange.fail(Failure::bad_request("InvalidRequest", message)));
        }
        let named = &req.input.delete.objects;
        if named.is_empty() || named.len() > MAX_KEYS {
            let message = "The XML you provided was not well-formed or did not validate against our published schema";
            return Err(admitted.exchange.fail(Failure::bad_request("MalformedXML", message)));
        }
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for object in named {
            let allowed = admitted.require(state, "s3:DeleteObject", &admitted.object_arn(&object.key), &[]);
            if allowed.is_err() {
                // One key's refusal is told beside the others' success.
                let failure = admitted.exchange.notes().failure.take();
                errors.push(s3s::dto::Error {
                    code: Some("AccessDenied".to_owned()),
                    key: Some(object.key.clone()),
                    message: failure.map(|failure| failure.message),
                    ..Default::default()
                });
                continue;
            }
            if let Some(bucket) = state.store.buckets().get_mut(&admitted.bucket) {
                bucket.objects.remove(&object.key);
            }
            deleted.push(object.key.clone());
        }
        self.save().await?;
        let quiet = req.input.delete.quiet.unwrap_or_default();
        let shown = deleted.iter().filter(|_| !quiet);
        let shown = shown.map(|key| DeletedObject { key: Some(key.clone()), ..Default::default() }).collect();
        admitted.exchange.notes().deleted = deleted;
        Ok(S3Response::new(DeleteObjectsOutput { deleted: Some(shown), errors: Some(errors), ..Default::default() }))
    }

    pub(super) async fn delete_whole_bucket(
        &self,
        req: S3Request<DeleteBucketInput>,
    ) -> S3Result<S3Response<DeleteBucketOutput>> {
        let state = &self.0;
        let admitted = admit(state, &req, &req.input.bucket)?;
        admitted.require(state, "s3:DeleteBucket", &admitted.bucket_arn(), &[])?;
        {
            let mut buckets = state.store.buckets();
            if buckets.get(&admitted.bucket).is_some_and(|bucket| !bucket.objects.is_empty()) {
                let message = "The bucket you tried to delete is not empty";
                let failure = Failure::new(StatusCode::CONFLICT, "BucketNotEmpty", message);
                return Err(admitted.exchange.fail(failure.with("BucketName", &admitted.bucket)));
            }
            buckets.remove(&admitted.bucket);
        }
        self.save().await?;
        Ok(S3Response::with_status(DeleteBucketOutput::default(), StatusCode::NO_CONTENT))
    }
}
