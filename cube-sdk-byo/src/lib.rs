//! EdgeGate bring-your-own storage: typed REST client, IAM documents, sessions, streaming reader, audit
//!
//! Model bytes stay in the customer's S3 bucket. The parsed types refuse bad input before anything is
//! sent; the feature `s3` adds what talks to AWS.
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
pub use session::{GrantRef, Scope, Session};
#[cfg(feature = "s3")]
pub use storage::{Storage, StorageBuilder};
#[cfg(feature = "s3")]
pub use stored_checksum::{ChecksumAlgorithm, NoChecksum, StoredChecksum};
