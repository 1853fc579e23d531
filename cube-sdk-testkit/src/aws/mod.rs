//! One customer's AWS account on loopback: STS, IAM and S3 behind one endpoint, and the CloudTrail of what it served.
//!
//! SDKs and the `aws` command line talk to it unchanged: signatures are verified, trust, permission, session and bucket
//! policies are evaluated, errors have AWS's status, code and shape. Ids follow from a seed; time follows tokio's clock.
//!
//! ```
//! use cube_sdk_testkit::aws::{AwsWorld, Effect, Fault};
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let world = AwsWorld::builder().seed(7).request_log().start().await?;
//! let card = world.card();
//! assert!(card.endpoint_url.starts_with("http://127.0.0.1:"));
//! assert_eq!(world.object(&card.bucket, &card.object_key).map(|o| o.sha256()), Some(card.object_sha256.clone()));
//!
//! // The third GET of any model breaks off after 64 KiB.
//! world.faults().add(Fault::new(Effect::ResetBody { after: 65_536 }).on("GetObject").key("*.onnx").nth(3));
//! assert_eq!(world.traffic().served("GetObject"), 0);
//! world.shutdown(Duration::from_secs(1)).await;
//! # Ok(())
//! # }
//! ```
//!
//! What follows tells what is as AWS documents it, what CloudTrail shows, and what is left out.
//!
#![doc = include_str!("../../docs/aws-double.md")]

mod builder;
mod clock;
mod connection;
mod fault;
mod iam;
mod identity;
mod kms;
mod mint;
mod object;
mod onnx;
mod persist;
mod policy;
mod query;
mod request_log;
mod s3;
mod serve;
mod sigv4;
mod standard;
mod state;
mod store;
mod traffic;
mod trail;
mod world;
mod xml;

pub use builder::AwsWorldBuilder;
pub use fault::{Effect, Fault, FaultId, Faults};
pub use identity::AccessKey;
pub use kms::{KmsKeyState, KmsRefusal};
pub use object::{ChecksumAlgorithm, Object, Restore};
pub use policy::Guard;
pub use request_log::{LoggedRequest, Written};
pub use standard::AwsCard;
pub use state::WrongRegion;
pub use traffic::Traffic;
pub use world::AwsWorld;
