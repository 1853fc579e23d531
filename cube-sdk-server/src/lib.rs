//! Embeddable server side of cube-sdk: the EdgeGate BYO service and cube-cloud as axum routers.
//!
//! [`cloud::CloudService`] is cube-cloud: browser login, API keys, profiles, the MCP endpoint with its tools, and the
//! tunnel endpoint. It serves the published agent unchanged.
//!
//! [`edgegate::EdgeGateService`] is the whole BYO service in one owned handle: API keys, plans, grants,
//! artifacts by reference, runs, and the append-only audit, kept in an embedded SQLite database
//! ([`store::Store`]). A company mounts its [`router`](edgegate::EdgeGateService::router) or serves it with
//! [`listener::Listener`].
//!
//! The feature `local` joins the services with doubles of the systems around them into one world on loopback.
//!
//! In an axum application of your own:
//!
//! ```
//! use axum::{Router, routing::get};
//! use cube_sdk_byo::Storage;
//! use cube_sdk_core::config::Environment;
//! use cube_sdk_server::edgegate::EdgeGateService;
//! use cube_sdk_server::listener::Listener;
//! use cube_sdk_server::store::Store;
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> cube_sdk_core::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! // What the workers call AWS with; `Storage::builder().build()` finds it as AWS's own tools do.
//! let keys = [
//!     ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
//!     ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG"),
//! ];
//! let aws = Storage::builder().environment(Environment::from_pairs(keys)).build()?;
//! let store = Store::open(&folder.path().join("edgegate.sqlite")).await?;
//! let service = EdgeGateService::builder(store, aws).hostname("worker-1").start().await?;
//!
//! let app = Router::new().route("/about", get(|| async { "ours" })).merge(service.router());
//! let listener = Listener::bind(([127, 0, 0, 1], 0).into(), app).await?;
//! println!("EdgeGate at {}", listener.url());
//!
//! listener.shutdown(Duration::from_secs(5)).await;
//! service.shutdown(Duration::from_secs(5)).await; // lets runs end, flushes their audit rows
//! # Ok(())
//! # }
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]

mod bearer;
pub mod cloud;
pub mod edgegate;
mod health;
mod lasting;
pub mod listener;
#[cfg(feature = "local")]
pub mod local;
pub mod metrics;
mod random;
mod refusal;
mod request_id;
pub mod store;
