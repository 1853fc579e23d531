//! An OCI registry: charts pushed, pulled and compared.

mod artifact;
mod blob;
mod challenge;
mod client;
mod docker_config;
mod login;
mod pull;
mod push;
mod reference;
mod rules;
mod session;

use super::Digest;
pub(in crate::publish) use blob::file_upload;
pub use client::{Registry, RegistryBuilder};
use login::Login;
pub use pull::PulledChart;
pub use push::{PushChart, PushedChart, Sent};
pub use reference::{RegistryHost, Repository, Tag};
