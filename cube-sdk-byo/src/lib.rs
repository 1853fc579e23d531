//! EdgeGate bring-your-own storage: typed REST client, IAM documents, sessions, streaming reader, audit
//!
//! Model bytes stay in the customer's S3 bucket. The parsed types refuse bad input before anything is
//! sent; the feature `s3` adds what talks to AWS.

mod arn;
pub mod audit;
mod checked_text;
mod code;
mod digest;
mod external_id;
mod fault;
mod region;
mod s3_uri;

pub use arn::{AccountId, KmsKeyArn, PrincipalArn, PrincipalKind, RoleArn};
pub use code::ByoCode;
pub use digest::Sha256;
pub use external_id::ExternalId;
pub use fault::{ByoErrorExt, ByoFault};
pub use region::Region;
pub use s3_uri::{Bucket, ObjectKey, S3Uri};
