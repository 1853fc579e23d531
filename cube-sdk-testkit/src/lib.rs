//! The outside world of cube-sdk in process: doubles with faults on request.
//!
//! | feature | double of |
//! |---|---|
//! | `aws` | a customer's AWS account: S3, STS, IAM, KMS as S3 meets it, CloudTrail |
//! | `apollo` | Palantir Apollo: OAuth2 and GraphQL; an OCI registry and charts |
//! | `teleport` | a Teleport proxy, a balancer before it, and a tbot directory that rotates |
//! | `kube` | a Kubernetes API server, as far as a client that reads can see it |
//!
//! Each is as strict as the real thing: what it does not know it refuses. A client meets a fault as it would in life:
//!
#![cfg_attr(feature = "aws", doc = "```")]
#![cfg_attr(not(feature = "aws"), doc = "```ignore")]
//! use cube_sdk_testkit::aws::{AwsWorld, Effect, Fault};
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let world = AwsWorld::builder().seed(7).start().await?;
//! world.faults().add(Fault::new(Effect::ResetBody { after: 65_536 }).on("GetObject").nth(2));
//!
//! // The client under test gets `world.card()`: endpoint, keys, role, bucket. Then the double tells what it saw:
//! assert_eq!(world.traffic().served("GetObject"), 0);
//! world.shutdown(Duration::from_secs(1)).await;
//! # Ok(())
//! # }
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "apollo")]
pub mod apollo;
#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "kube")]
pub mod kube;
#[cfg(feature = "teleport")]
pub mod teleport;
