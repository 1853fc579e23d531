//! The ground floor of cube-sdk: what every domain crate stands on.
//!
//! A call flows one way: request value → [`engine`] (deadline, retry, credentials) → [`transport`] →
//! classify → typed reply or [`Error`].
//!
//! | to | start at |
//! |---|---|
//! | tell what failed, and what can be done | [`Error`], [`ErrorKind`] |
//! | read a list to its end | [`listing::Listing`] |
//! | wait for something long | [`waiter::Waiter`] |
//! | set proxies, authorities, clocks and retries, once for all | [`settings::Settings`], [`retry::RetryPolicy`] |
//! | stand around each attempt, or in place of the network | [`transport::Middleware`], [`transport::Transport`] |
//! | keep secrets out of logs and errors | [`SecretString`], [`redact`] |
//! | write a client of your own on the same ground | [`Engine`], [`Operation`], [`names`], [`mod@open_enum`] |
//!
//! Such a client, whose calls have the deadline, the retries, the spans and the errors of all others:
//!
//! ```
//! use cube_sdk_core::engine::Call;
//! use cube_sdk_core::settings::Settings;
//! use cube_sdk_core::{Idempotency, Operation};
//! use http::Method;
//!
//! const STATUS: Operation = Operation::new("app", "status", Idempotency::Read);
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> cube_sdk_core::Result<()> {
//! # let server = wiremock::MockServer::start().await;
//! # let answer = wiremock::ResponseTemplate::new(200).set_body_json(serde_json::json!({"state": "up"}));
//! # wiremock::Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&server).await;
//! # let url: url::Url = server.uri().parse().unwrap();
//! # let settings = Settings::new().proxy(cube_sdk_core::settings::ProxySetting::Direct);
//! // `settings` is Settings::new(), and what differs from the defaults.
//! let engine = settings.application("fleet-console", "1.4.2").ground()?.engine().build();
//! let status: serde_json::Value = engine.json(&Call::new(STATUS, Method::GET, url)).await?;
//! assert_eq!(status["state"], "up");
//! # Ok(())
//! # }
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod awaitable;
pub mod cached;
pub mod clock;
pub mod config;
pub mod credentials;
pub mod engine;
pub mod error;
pub mod file_claim;
pub mod listing;
pub mod metrics;
pub mod names;
mod one_line;
pub mod open_enum;
pub mod operation;
pub mod private_file;
pub mod redact;
pub mod retry;
mod saturating;
pub mod secret;
pub mod settings;
pub mod transport;
pub mod waiter;
pub mod whole_file;

pub use clock::{Clock, Timestamp};
pub use engine::Engine;
pub use error::{Error, ErrorKind, Result, WhichClock};
pub use operation::{Idempotency, Operation};
pub use secret::SecretString;
