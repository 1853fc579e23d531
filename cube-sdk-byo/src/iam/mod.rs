//! IAM documents of the role that EdgeGate assumes: least privilege, rendered from parsed values.
//!
//! The role may read objects of one bucket, list it, and decrypt with one key when the objects need it;
//! nothing here ever grants a write or a delete. Rendering makes no call: who applies the documents does so
//! visibly, with their own tools.
//!
//! ```
//! use cube_sdk_byo::iam::ReaderRole;
//! # fn main() -> cube_sdk_core::Result<()> {
//! let role = ReaderRole::new(
//!     "arn:aws:iam::123456789012:user/edgegate-worker".parse()?,
//!     "c2b7a6d4-93e1-4f0a-b1d8-6a1e5d2f7c90".parse()?,
//!     "acme-edge-models".parse()?,
//! );
//! assert_eq!(role.role_name().as_str(), "edgegate-byo-read-c2b7a6d4");
//! assert!(role.trust_policy().to_string().contains("sts:ExternalId"));
//! # Ok(())
//! # }
//! ```

mod aws_cli;
mod bucket_policy;
mod cloudformation;
mod key_policy;
mod permission_policy;
mod policy;
mod role;
mod role_name;
mod shell;
mod terraform;
mod trust_policy;

pub use aws_cli::{AwsCli, Command, PolicyFile};
pub use cloudformation::CloudFormation;
pub use policy::Policy;
pub use role::ReaderRole;
pub use role_name::RoleName;
pub use terraform::Terraform;

/// Name of the role's inline policy.
pub const INLINE_POLICY_NAME: &str = "EdgeGateReadModels";

#[cfg(test)]
mod tests;
