//! The laws of the tree, read from `cargo metadata` and the files themselves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod arrows;
mod circles;
mod dependencies;
mod packages;
mod platforms;
mod rooms;
mod thin;
mod weight;

use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand};

/// The libraries.
const CRATES: [&str; 7] = [
    "cube-sdk",
    "cube-sdk-core",
    "cube-sdk-apollo",
    "cube-sdk-byo",
    "cube-sdk-teleport",
    "cube-sdk-server",
    "cube-sdk-testkit",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn metadata() -> Metadata {
    MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap()
}
