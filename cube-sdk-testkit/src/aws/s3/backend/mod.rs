//! The S3 operations, behind s3s's parsing and signature check. The two reads stand in `read`.

mod delete;
mod multipart;
mod write;

use std::sync::Arc;

use async_trait::async_trait;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, BucketLocationConstraint, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CopyObjectInput, CopyObjectOutput, CreateBucketInput, CreateBucketOutput,
    CreateMultipartUploadInput, CreateMultipartUploadOutput, DeleteBucketInput, DeleteBucketOutput, DeleteObjectInput,
    DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, ETag, GetBucketLocationInput, GetBucketLocationOutput,
    GetObjectAttributesInput, GetObjectAttributesOutput, GetObjectAttributesParts, HeadBucketInput, HeadBucketOutput,
    ListBucketsInput, ListBucketsOutput, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListObjectsInput,
    ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output, ListPartsInput, ListPartsOutput, Owner, PutObjectInput,
    PutObjectOutput, StorageClass, Timestamp, UploadPartCopyInput, UploadPartCopyOutput, UploadPartInput,
    UploadPartOutput,
};
use s3s::{S3, S3Error, S3Request, S3Response, S3Result};

use super::super::mint::hex;
use super::super::object::StoredChecksum;
use super::super::persist;
use super::super::state::State;
use super::failure::Failure;
use super::integrity::md5;
use super::listing;
use super::permission::{admit, authenticate};
use super::store::Bucket;

/// The account's S3.
pub(crate) struct Backend(pub(crate) Arc<State>);

impl Backend {
    /// The account as S3 shows it: a canonical id of 64 digits.
    fn owner(&self) -> Owner {
        let id = hex(&md5(self.0.account_id.as_bytes()));
        Owner { id: Some(format!("{id}{id}")), ..Default::default() }
    }

    async fn save(&self) -> S3Result<()> {
        persist::save(&self.0).await.map_err(S3Error::internal_error)
    }
}

fn time(at: jiff::Timestamp) -> Timestamp {
    Timestamp::from(std::time::SystemTime::from(at))
}

/// Fills the checksum fields that the output types of s3s have in common; the last argument tells of a value.
macro_rules! set_checksum {
    ($output:expr, $algorithm:expr, $value:expr) => {{
        use crate::aws::object::ChecksumAlgorithm as Algorithm;
        let value = Some($value);
        match $algorithm {
            Algorithm::Crc32 => $output.checksum_crc32 = value,
            Algorithm::Crc32C => $output.checksum_crc32c = value,
            Algorithm::Crc64Nvme => $output.checksum_crc64nvme = value,
            Algorithm::Sha1 => $output.checksum_sha1 = value,
            Algorithm::Sha256 => $output.checksum_sha256 = value,
        }
    }};
}
use set_checksum;

/// The value of a stored checksum.
fn value_of(stored: &StoredChecksum, object: &super::super::object::Object) -> String {
    stored.composite.clone().unwrap_or_else(|| object.digest(stored.algorithm))
}

#[async_trait]
impl S3 for Backend {
    async fn get_object_attributes(
        &self,
        req: S3Request<GetObjectAttributesInput>,
    ) -> S3Result<S3Response<GetObjectAttributesOutput>> {
        let state = &self.0;
        let admitted = admit(state, &req, &req.input.bucket)?;
        let entry = admitted.find(state, "s3:GetObject", &req.input.key)?;
        admitted.require(state, "s3:GetObjectAttributes", &admitted.object_arn(&req.input.key), &[])?;
        let asked = |name: &str| req.input.object_attributes.iter().any(|asked| asked.as_str() == name);
        let mut output = GetObjectAttributesOutput { last_modified: Some(time(entry.modified)), ..Default::default() };
        if asked("Checksum")
            && let Some(stored) = &entry.object.checksum
        {
            admitted.decrypt(state, &entry, &req.input.key)?;
            let mut checksum = s3s::dto::Checksum {
                checksum_type: Some(s3s::dto::ChecksumType::from_static(stored.kind())),
                ..Default::default()
            };
            set_checksum!(checksum, stored.algorithm, value_of(stored, &entry.object));
            output.checksum = Some(checksum);
        }
        output.e_tag = asked("ETag").then(|| ETag::Strong(entry.etag.clone()));
        output.object_size = asked("ObjectSize").then_some(entry.object.size() as i64);
        let class = entry.object.attributes.class().to_owned();
        output.storage_class = asked("StorageClass").then(|| StorageClass::from(class));
        output.object_parts = entry
            .object
            .part_count()
            .filter(|_| asked("ObjectParts"))
            .map(|count| GetObjectAttributesParts { total_parts_count: Some(count as i32), ..Default::default() });
        Ok(S3Response::new(output))
    }

    async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        let admitted = admit(&self.0, &req, &req.input.bucket)?;
        admitted.require(&self.0, "s3:ListBucket", &admitted.bucket_arn(), &[]).inspect_err(|_| {
            if let Some(failure) = &mut admitted.exchange.notes().failure {
                failure.headers.push(("x-amz-bucket-region", admitted.bucket_region.clone()));
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

    async fn list_objects(&self, req: S3Request<ListObjectsInput>) -> S3Result<S3Response<ListObjectsOutput>> {
        let admitted = admit(&self.0, &req, &req.input.bucket)?;
        let (prefix, delimiter, max_keys) = (&req.input.prefix, &req.input.delimiter, req.input.max_keys);
        let objects = admitted.list(&self.0, prefix.as_deref(), delimiter.as_deref(), max_keys)?;
        let page = listing::version_1(req.input, &objects, self.owner());
        Ok(S3Response::with_headers(page.map_err(|failure| admitted.exchange.fail(failure))?, admitted.region_header()))
    }

    async fn list_objects_v2(&self, req: S3Request<ListObjectsV2Input>) -> S3Result<S3Response<ListObjectsV2Output>> {
        let admitted = admit(&self.0, &req, &req.input.bucket)?;
        let (prefix, delimiter, max_keys) = (&req.input.prefix, &req.input.delimiter, req.input.max_keys);
        let objects = admitted.list(&self.0, prefix.as_deref(), delimiter.as_deref(), max_keys)?;
        let page = listing::version_2(req.input, &objects, self.owner());
        Ok(S3Response::with_headers(page.map_err(|failure| admitted.exchange.fail(failure))?, admitted.region_header()))
    }

    async fn put_object(&self, req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        self.put(req).await
    }

    async fn copy_object(&self, req: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        self.copy(req).await
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        self.begin_upload(req)
    }

    async fn upload_part(&self, req: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        self.put_part(req).await
    }

    async fn upload_part_copy(
        &self,
        req: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        self.copy_part(req)
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        self.complete_upload(req).await
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.abort_upload(req)
    }

    async fn list_parts(&self, req: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        self.parts(req)
    }

    async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        self.uploads(req)
    }

    async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.delete_one(req).await
    }

    async fn delete_objects(&self, req: S3Request<DeleteObjectsInput>) -> S3Result<S3Response<DeleteObjectsOutput>> {
        self.delete_many(req).await
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
        let signed = req.region.as_ref().map_or(state.region.as_str(), |region| region.as_str());
        let region = match &asked {
            // The first region is the one that is meant by saying nothing, and makes buckets anywhere.
            None if signed == "us-east-1" => signed,
            Some(region) if signed == "us-east-1" || region.as_str() == signed => region.as_str(),
            other => {
                let constraint = other.as_ref().map_or("unspecified", |region| region.as_str());
                let message = format!(
                    "The {constraint} location constraint is incompatible for the region specific endpoint this request \
                     was sent to."
                );
                return Err(exchange.fail(Failure::bad_request("IllegalLocationConstraintException", &message)));
            }
        };
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
            buckets.insert(name.clone(), Bucket { kept: true, ..Bucket::new(region) });
        }
        self.save().await?;
        Ok(S3Response::new(CreateBucketOutput { location: Some(format!("/{name}")) }))
    }

    async fn delete_bucket(&self, req: S3Request<DeleteBucketInput>) -> S3Result<S3Response<DeleteBucketOutput>> {
        self.delete_whole_bucket(req).await
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
            creation_date: Some(time(bucket.created)),
        });
        let owner = Some(self.owner());
        Ok(S3Response::new(ListBucketsOutput { buckets: Some(buckets.collect()), owner, ..Default::default() }))
    }
}
