//! Operate edge Cubes and bring-your-own model storage from Rust.
//!
//! A [`Cube`] is the one value to begin with. It does no I/O by itself; each of its doors makes a client when it is first
//! opened, and all of them share one transport, one retry, one set of [settings](guides::environment) and one [`Error`].
//!
//! | to | door (feature) |
//! |---|---|
//! | register a customer's bucket, run pipelines, read the audit | [`Cube::edgegate`], [`byo`] (default) |
//! | stream a model out of a customer's bucket, probe a role | [`Cube::storage`] (`s3`: brings the AWS SDK) |
//! | give a customer's bucket to parquet, DataFusion, Lance | [the guide](guides::object_store) (`object_store`) |
//! | operate Palantir Apollo: environments, plans, releases | [`Cube::apollo`], [`apollo`] (default) |
//! | pack charts, push and verify them, release them | [`apollo::publish`] (`publish`) |
//! | sign in to cube-cloud, call its tools | [`Cube::auth`], [`Cube::cloud`] (default) |
//! | reach clusters, merge a kubeconfig | [`Cube::kube`] (default) |
//! | open a tunnel to an app in a cluster | [`Cube::apps`], [`Cube::tunnels`], [`teleport`] (default) |
//! | open the browser for a login | [`auth`] (`webbrowser`) |
//! | keep its key in the system's own store | [`auth`] (`keyring`) |
//! | count calls, reads and tunnels with OpenTelemetry | [`core::metrics`] (`otel`) |
//!
//! The default features are `byo`, `apollo`, `cloud`, `kube` and `teleport`.
//!
//! # A first program
//!
//! It runs as it stands, without an account, on the embedded world of `cube-sdk-server`:
//!
//! ```text
//! cargo add cube-sdk
//! cargo add cube-sdk-server --features local
//! cargo add tokio --features macros,rt-multi-thread
//! ```
//!
//! ```
//! use cube_sdk::prelude::*;
//! use cube_sdk_server::local::World;
//!
//! #[tokio::main]
//! async fn main() -> Result<()> {
//!     let world = World::start().await?; // with accounts of your own: Cube::from_env()?
//!     let cube = Cube::builder().environment(world.environment()).build();
//!
//!     let card = world.card();
//!     let byo = cube.edgegate()?.workspace(&card.edgegate.workspace).byo();
//!     let grant = byo.register(&card.aws.bad_role_arn, &card.aws.bucket, &card.aws.region).await?;
//!
//!     // That role never admits EdgeGate: the grant says so with a typed code, and what to do.
//!     match grant.failure() {
//!         Some(fault) => println!("{}: {}", fault.code(), fault.code().fix()),
//!         None => println!("{} is {}", grant.bucket, grant.status),
//!     }
//!     Ok(())
//! }
//! ```
//!
//! Every call fails with one [`Error`]: match its [`kind`](Error::kind) for what can be done, ask `error.byo()`,
//! `error.apollo()`, `error.tunnel()`, `error.app_fault()` for what the service said; [`guides::errors`] lists them all.
//! Dropping a call's future ends it. Lists are streams that end, long operations have waiters.
//!
//! The [guides] go by the task: [tunnels](guides::tunnels), [a customer's bucket](guides::onboarding),
//! [publishing](guides::publishing), [embedding the servers](guides::embedding), [testing](guides::testing), moving from the
//! [Python agent](guides::from_python) and the [TypeScript client](guides::from_typescript). To look up:
//!
//! - [errors](guides::errors): every kind, every code, its fix
//! - [environment](guides::environment): every variable
//! - [object store](guides::object_store): a customer's bucket for other people's readers
//! - [the tunnel's wire](teleport::tunnel), both versions
//! - what Apollo's mutations send: the page `inputs` of the crate cube-sdk-apollo
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "cloud")]
pub mod apps;
#[cfg(feature = "cloud")]
pub mod auth;
#[cfg(feature = "cloud")]
pub mod cloud;
mod cube;
pub mod error;
#[cfg(doc)]
pub mod guides;
#[cfg(feature = "cloud")]
mod home;
#[cfg(feature = "cloud")]
mod keys;
#[cfg(feature = "kube")]
pub mod kube;
#[cfg(feature = "cloud")]
mod own_file;
pub mod prelude;
#[cfg(all(feature = "cloud", feature = "publish"))]
pub mod release;

pub use cube::{Cube, CubeBuilder};
pub use cube_sdk_core::{Clock, Error, ErrorKind, Idempotency, Operation, Result, SecretString, Timestamp};
pub use error::{RetryReport, Sent, StopReason, WhichClock};

#[doc(inline)]
pub use cube_sdk_core as core;

#[cfg(feature = "apollo")]
#[doc(inline)]
pub use cube_sdk_apollo as apollo;

/// EdgeGate and bring-your-own storage: REST services, IAM documents, audit; with feature `s3` sessions,
/// probe and the streaming reader.
///
#[doc = include_str!("../docs/byo.md")]
///
/// # What is where
#[cfg(feature = "byo")]
#[doc(inline)]
pub use cube_sdk_byo as byo;

#[cfg(feature = "teleport")]
#[doc(inline)]
pub use cube_sdk_teleport as teleport;
