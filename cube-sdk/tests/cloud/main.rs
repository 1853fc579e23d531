//! cube-cloud's client: against the server of the embedded world, and against answers that are written out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod answers;
mod keys;
mod kubeconfig;
mod kubectl;
mod login;
#[cfg(feature = "publish")]
mod publish;
mod status;
mod support;
mod tools;
mod world_login;
