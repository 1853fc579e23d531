//! TCP tunnels over one WebSocket to apps of a Cube, tbot's identities, and connections to apps through Teleport.
//!
//! | to | start at |
//! |---|---|
//! | open a tunnel to an app, as a local port or as a stream in the program | [`Tunnels`] |
//! | be the other end: a relay that asks who comes and dials the app | [`tunnel::Relay`] |
//! | dial an app through a Teleport proxy with tbot's credentials | [`apps`], [`dial`] |
//! | read what tbot writes | [`tbot`] |
//! | tell what failed, and whose fault it is | [`TunnelErrorExt`], [`AppErrorExt`] |
//! | read the wire of both versions | [`tunnel`] |
//!
//! Through the facade `cube_sdk_teleport` is called `cube_sdk::teleport`.
//!
//! Both ends in one process, and a service behind them that answers in capitals:
//!
//! ```
//! use std::time::Duration;
//!
//! use cube_sdk_core::SecretString;
//! use cube_sdk_teleport::Tunnels;
//! use cube_sdk_teleport::dial::{DirectDialer, Route};
//! use cube_sdk_teleport::tunnel::{Caller, Refusal, Relay, RelayServer, TunnelCode, authorizer_fn};
//! use secrecy::ExposeSecret as _;
//! use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let app = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let address = app.local_addr()?.to_string();
//! tokio::spawn(async move {
//!     let (mut stream, _) = app.accept().await.unwrap();
//!     let mut asked = String::new();
//!     stream.read_to_string(&mut asked).await.unwrap();
//!     stream.write_all(asked.to_uppercase().as_bytes()).await.unwrap();
//! });
//!
//! let door = authorizer_fn(
//!     |key, _peer| async move {
//!         match key.expose_secret() {
//!             "cube_k1" => Ok(Caller::new("first")),
//!             _ => Err(Refusal::new(TunnelCode::BadKey, "the key is unknown")),
//!         }
//!     },
//!     move |_caller, app| {
//!         let address = address.clone();
//!         async move { Ok(Route::new(app, address)) }
//!     },
//! );
//! let relay = Relay::builder().build(door, DirectDialer::new());
//! let relay = RelayServer::bind(relay, "127.0.0.1:0", None).await?;
//! let url = format!("ws://{}/tunnel", relay.local_addr()?).parse()?;
//! let relay = tokio::spawn(relay.run(std::future::pending()));
//!
//! let tunnels = Tunnels::builder().url(url).key(SecretString::from("cube_k1")).build()?;
//! let tunnel = tunnels.open("shout").await?; // a local port as well: tunnel.local_addr()
//! let mut stream = tunnel.connect().await?;
//! stream.write_all(b"anyone there").await?;
//! stream.shutdown().await?;
//! let mut answer = String::new();
//! stream.read_to_string(&mut answer).await?;
//! assert_eq!(answer, "ANYONE THERE");
//!
//! tunnel.shutdown(Duration::from_secs(5)).await;
//! relay.abort();
//! # Ok(())
//! # }
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod app_fault;
mod app_name;
pub mod apps;
pub mod dial;
mod ground;
mod refusal;
mod seam;
pub mod tbot;
pub mod tunnel;

pub use app_fault::{AppErrorExt, AppFault};
pub use app_name::AppName;
pub use async_trait::async_trait;
pub use cube_sdk_core::settings::ProxySetting;
pub use tunnel::client::{OpenTunnel, Tunnels, TunnelsBuilder};
pub use tunnel::config::{self, KeyFile, KeySource};
pub use tunnel::fault::{TunnelErrorExt, TunnelFault};
