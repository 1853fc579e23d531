//! Teleport, as far as a client that dials apps can see it: a proxy, a balancer in front of it, and the
//! files that `tbot` writes.
//!
//! Everything that the real proxy decides from the client certificate is decided from the client
//! certificate here: validity and signer in the handshake, route and session behind it. Refusals of TCP
//! apps are silent, as they are there.
//!
//! ```
//! use cube_sdk_testkit::teleport::{AppKind, Cluster, Proxy, TbotDirectory};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> cube_sdk_core::Result<()> {
//! # let outputs = tempfile::tempdir().unwrap();
//! let cluster = Cluster::new("example.teleport.sh")?;
//! cluster.add_app("db", AppKind::Tcp, "127.0.0.1:5432".parse().unwrap());
//! let proxy = Proxy::start(&cluster).await?;
//! let mut tbot = TbotDirectory::new(&cluster, "db", outputs.path().join("app-db"));
//! tbot.rotate().await?;
//! println!("dial {} trusting {}", proxy.addr(), cluster.authority().public_ca_pem());
//! # Ok(())
//! # }
//! ```

mod alpn;
mod answer;
mod authority;
mod balancer;
mod cluster;
mod diagnostics;
mod handshake;
mod kubeconfig;
mod ping;
mod proxy;
mod tasks;
mod tbot;
mod websocket;

pub use authority::{Authority, Credential, KeyForm, Life};
pub use balancer::{Balancer, BalancerAlpn, BalancerFault};
pub use cluster::{AppKind, AppState, Cluster};
pub use diagnostics::{Diagnostics, DiagnosticsMode};
pub use kubeconfig::{KubeAuth, kubeconfig_v1, kubeconfig_v2};
pub use proxy::{Behaviour, Proxy, ServerCertificate, Sightings};
pub use tbot::{Pauses, TbotDirectory, Tear};
