//! The embedded world: our servers and the doubles of the systems around them, joined on loopback.
//!
//! ```
//! use cube_sdk_server::local::World;
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> cube_sdk_core::Result<()> {
//! let world = World::builder().seed(7).kubectl("/usr/local/bin/kubectl").start().await?;
//! assert!(world.card().edgegate.url.starts_with("http://127.0.0.1:"));
//! assert!(world.card().aws.object_size >= 8 << 20);
//! let environment = world.environment(); // what clients accept in place of the process's own
//! # let _ = environment;
//! world.shutdown(Duration::from_secs(5)).await;
//! # Ok(())
//! # }
//! ```

mod card;
mod cloud;
mod edgegate;
mod env;
mod fixtures;
mod ready;
mod world;

pub use card::{ApolloCard, AwsCard, Card, CloudCard, EdgeGateCard, KubeCard};
pub use edgegate::{LocalEdgeGate, LocalEdgeGateBuilder};
pub use ready::{write_env_file, write_ready_file};
pub use world::{World, WorldBuilder};
