//! EdgeGate's services, with an example of each against the embedded world.
//!
//! # Workspaces and contracts
//!
//! ```
//! # use cube_sdk::prelude::*;
//! # #[tokio::main]
//! # async fn main() -> Result<()> {
//! # let world = cube_sdk_server::local::World::start().await?;
//! # let cube = Cube::builder().environment(world.environment()).build();
//! let edgegate = cube.edgegate()?;
//! for workspace in edgegate.workspaces().list().await? {
//!     println!("{} {}: {:?}", workspace.id, workspace.name, workspace.plan);
//! }
//! let contracts = edgegate.contracts().await?;
//! assert!(contracts.valid_gate_operators.iter().any(|operator| operator.as_str() == "lte"));
//! # Ok(())
//! # }
//! ```
//!
//! # Grants: set up, verify, rotate, disconnect
//!
//! ```
//! # use cube_sdk::prelude::*;
//! # use cube_sdk::byo::rest::ConfirmRotation;
//! # #[tokio::main]
//! # async fn main() -> Result<()> {
//! # let world = cube_sdk_server::local::World::start().await?;
//! # let cube = Cube::builder().environment(world.environment()).build();
//! # let card = world.card();
//! let byo = cube.edgegate()?.workspace(card.edgegate.workspace.parse()?).byo();
//! let setup = byo.setup(card.aws.bucket.parse()?, card.aws.region.parse()?).await?;
//! assert!(setup.role.trust_policy().to_string().contains(setup.grant.external_id.as_str()));
//! let grant = setup.attach_role(card.aws.role_arn.parse()?).await?;
//! assert!(grant.is_active());
//!
//! let rotated = byo.rotate_external_id(ConfirmRotation::reads_fail_until_the_trust_policy_is_edited(&grant)).await?;
//! assert_ne!(rotated.grant.external_id, rotated.previous);
//! assert!(byo.verify().await?.is_active()); // this role admits any External ID
//! byo.disconnect().await?;
//! assert!(byo.find_grant().await?.is_none());
//! # Ok(())
//! # }
//! ```
//!
//! # Artifacts, pipelines, runs, audit
//!
//! ```
//! # use cube_sdk::prelude::*;
//! # use futures_util::TryStreamExt;
//! # #[tokio::main]
//! # async fn main() -> Result<()> {
//! # let world = cube_sdk_server::local::World::start().await?;
//! # let cube = Cube::builder().environment(world.environment()).build();
//! # let card = world.card();
//! let workspace = cube.edgegate()?.workspace(card.edgegate.workspace.parse()?);
//! let byo = workspace.byo();
//! byo.register(card.aws.role_arn.parse()?, card.aws.bucket.parse()?, card.aws.region.parse()?).await?;
//! let uri: S3Uri = format!("s3://{}/{}", card.aws.bucket, card.aws.object_key).parse()?;
//! let model = byo.register_artifact(uri).expected_sha256(card.aws.object_sha256.parse()?).await?;
//! assert!(model.is_byo());
//!
//! let pipeline = workspace.pipelines().list().await?.remove(0);
//! let run = workspace.runs().trigger(pipeline.id).model(model.id).await?;
//! let run = workspace.runs().wait(run.id).interval(std::time::Duration::from_millis(50)).await?;
//! assert_eq!(run.summary.status.as_str(), "passed");
//!
//! let mut rows = byo.audit().run(run.summary.id).stream();
//! while let Some(row) = rows.try_next().await? {
//!     println!("{} {} {:?}", row.event_type, row.outcome, row.aws_request_id);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Reading the bucket directly
//!
//! ```
//! # #[cfg(feature = "s3")]
//! # {
//! # use cube_sdk::prelude::*;
//! # use cube_sdk::byo::{GrantRef, Scope};
//! # use futures_util::TryStreamExt;
//! # #[tokio::main]
//! # async fn main() -> Result<()> {
//! # let world = cube_sdk_server::local::World::start().await?;
//! # let cube = Cube::builder().environment(world.environment()).build();
//! # let aws = &world.card().aws;
//! let storage = cube
//!     .storage()
//!     .keys(aws.access_key_id.clone(), aws.secret_access_key.clone(), None)
//!     .endpoint_url(aws.endpoint_url.parse().expect("a URL"))
//!     .build()?;
//! let grant =
//!     GrantRef::new(aws.role_arn.parse()?, "any".parse()?, aws.bucket.parse()?, aws.region.parse()?);
//!
//! let report = storage.probe(&grant).sample_key(aws.object_key.parse()?).await?;
//! println!("{report}");
//!
//! let uri: S3Uri = format!("s3://{}/{}", aws.bucket, aws.object_key).parse()?;
//! let digest: Sha256 = aws.object_sha256.parse()?;
//! let mut model = storage.session(&grant, Scope::Bucket).open(uri).expect_sha256(digest).await?;
//! let mut bytes = 0;
//! while let Some(chunk) = model.try_next().await? {
//!     bytes += chunk.len() as u64;
//! }
//! assert_eq!(bytes, aws.object_size);
//! # Ok(())
//! # }
//! # }
//! ```

pub use cube_sdk_byo::{EdgeGate, EdgeGateBuilder, rest::*};
