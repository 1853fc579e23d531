//! A Kubernetes API server, as far as a client that reads can see it: discovery, objects as JSON and as tables, lists
//! in chunks, logs, events, metrics, reviews. TLS with client certificates only; what is not there is a `Status` with 404, what is not
//! allowed one with 403, 405 or 400.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> cube_sdk_core::Result<()> {
//! use cube_sdk_testkit::kube::ApiServer;
//! use serde_json::json;
//!
//! let server = ApiServer::start("cube-7").await?;
//! server.put("pods", json!({ "metadata": { "name": "web-3", "namespace": "shop" } }));
//! server.log("shop", "web-3", "listening\n");
//! assert!(server.kubeconfig().contains(&server.url()));
//! assert_eq!(server.requests().len(), 0);
//! # Ok(())
//! # }
//! ```

mod certificates;
mod chunk;
mod discovery;
mod log;
mod respond;
mod review;
mod seed;
mod selector;
mod server;
mod state;
mod table;

pub use server::ApiServer;
