//! EdgeGate bring-your-own storage: typed REST client, IAM documents, sessions, streaming reader, audit
//!
//! Model bytes stay in the customer's S3 bucket. The parsed types refuse bad input before anything is
//! sent; the feature `s3` adds what talks to AWS.
//!
//! | to | start at | feature |
//! |---|---|---|
//! | register a bucket, run pipelines, read EdgeGate's audit | [`EdgeGate`], [`rest`] | |
//! | hand out the IAM documents of the role that reads it | [`iam::ReaderRole`] | |
//! | read objects, or ask whether they can be read | [`Storage`], [`Session`], [`ObjectReader`] | `s3` |
//! | give a bucket to parquet, DataFusion, Lance | [`SessionStore`] | `object_store` |
//! | keep a row of each call to AWS, export them | [`audit::Recorder`], [`audit::AuditExport`] | |
//! | tell what was refused, and what to do | [`ByoErrorExt`], [`ByoCode`] | |
//!
//! Through the facade `cube_sdk_byo` is called `cube_sdk::byo`.
//!
//! A model out of a customer's bucket, checked against its digest as it arrives:
//!
#![cfg_attr(feature = "s3", doc = "```")]
#![cfg_attr(not(feature = "s3"), doc = "```ignore")]
//! use cube_sdk_byo::{GrantRef, Scope, Storage};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let world = cube_sdk_testkit::aws::AwsWorld::builder().start().await?;
//! # let card = world.card();
//! # let builder = Storage::builder();
//! # let (id, secret) = (&card.worker.access_key_id, card.worker.secret_access_key.clone());
//! # let builder = builder.keys(id, secret, None).endpoint_url(card.endpoint_url.parse()?);
//! # let (role, bucket, region) = (&card.role_arn, &card.bucket, &card.region);
//! # let (key, digest) = (&card.object_key, &card.object_sha256);
//! let storage = builder.build()?; // Storage::builder() finds keys as AWS's own tools do
//! let external_id = "c2b7a6d4-93e1-4f0a-b1d8-6a1e5d2f7c90".parse()?;
//! let grant = GrantRef::new(role.parse()?, external_id, bucket.parse()?, region.parse()?);
//! let session = storage.session(&grant, Scope::Bucket);
//! let mut model = session.open(format!("s3://{bucket}/{key}")).expect_sha256(digest).await?;
//! while let Some(chunk) = model.try_next().await? {
//!     println!("{} bytes", chunk.len());
//! }
//! # Ok(())
//! # }
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]

mod arn;
pub mod audit;
mod client;
mod code;
pub mod config;
mod digest;
mod external_id;
mod fault;
pub mod iam;
mod ids;
#[cfg(feature = "s3")]
mod inspect;
#[cfg(feature = "object_store")]
mod object_store;
#[cfg(feature = "s3")]
pub mod probe;
#[cfg(feature = "s3")]
pub mod reader;
mod region;
pub mod rest;
mod s3_uri;
#[cfg(feature = "s3")]
pub mod session;
#[cfg(feature = "s3")]
mod storage;
#[cfg(feature = "s3")]
mod stored_checksum;

pub use arn::{AccountId, KmsKeyArn, PrincipalArn, PrincipalKind, RoleArn};
pub use client::{EdgeGate, EdgeGateBuilder};
pub use code::ByoCode;
pub use digest::Sha256;
pub use external_id::ExternalId;
pub use fault::{ByoErrorExt, ByoFault};
#[cfg(feature = "s3")]
pub use inspect::ObjectInfo;
#[cfg(feature = "object_store")]
pub use object_store::SessionStore;
#[cfg(feature = "s3")]
pub use reader::{ObjectReader, OpenObject};
pub use region::Region;
pub use s3_uri::{Bucket, ObjectKey, S3Uri};
#[cfg(feature = "s3")]
pub use session::{CallerIdentity, GrantRef, Scope, Session};
#[cfg(feature = "s3")]
pub use storage::{Storage, StorageBuilder};
#[cfg(feature = "s3")]
pub use stored_checksum::{ChecksumAlgorithm, NoChecksum, StoredChecksum};
