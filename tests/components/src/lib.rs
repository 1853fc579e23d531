//! Ring 3: real components of third parties, on loopback, ended by pid when the test ends.
//!
//! Executables are looked for in `CUBE_REAL_BIN` (a directory), then on `PATH`, then where Debian puts servers. A
//! missing one is a failure with `CUBE_REAL=1`, else the test says loudly that it was skipped.
#![allow(clippy::print_stderr, clippy::panic, clippy::expect_used, clippy::unwrap_used)]

mod aws_cli;
mod docker_registry;
mod ministack;
mod mosquitto;
mod postgres;
mod process;
mod python;
mod seaweedfs;
mod yaml_readers;

use std::path::PathBuf;

pub use aws_cli::AwsCli;
pub use docker_registry::{DockerRegistry, Proof};
pub use ministack::MiniStack;
pub use mosquitto::Mosquitto;
pub use postgres::Postgres;
pub use process::{Process, free_port, wait_until, wait_until_ready};
pub use python::{python, python_s3fs};
pub use seaweedfs::SeaweedFs;
pub use yaml_readers::{Seen, YamlReader};

/// How the Python components are installed.
pub const PYTHON: &str = "tests/real/install, then CUBE_REAL_BIN=target/real/bin";

/// How the components of the system are installed.
pub const SYSTEM: &str = "apt-get install -y --no-install-recommends postgresql mosquitto mosquitto-clients \
     docker-registry skopeo";

/// Is every component required?
pub fn required() -> bool {
    std::env::var("CUBE_REAL").is_ok_and(|value| value == "1")
}

/// The executable of a component, or none when it may be skipped.
///
/// # Panics
/// When it is missing and `CUBE_REAL=1`.
pub fn component(executable: &str, install: &str) -> Option<PathBuf> {
    let own = std::env::var_os("CUBE_REAL_BIN").map(PathBuf::from).map(|dir| {
        // Tests run in their package's directory; a relative path is meant from the workspace's root.
        if dir.is_absolute() { dir } else { workspace().join(dir) }
    });
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = own.into_iter().chain(std::env::split_paths(&path)).chain(server_directories());
    let found = dirs.map(|dir| dir.join(executable)).find(|file| file.is_file());
    if found.is_none() {
        missing(executable, install);
    }
    found
}

/// Says loudly that something is skipped.
///
/// # Panics
/// With `CUBE_REAL=1`.
fn missing(what: &str, install: &str) {
    let words = format!("{what} is not installed; install it with: {install}");
    assert!(!required(), "{words}");
    eprintln!("SKIPPED: {words}");
}

/// Where Debian puts servers, which need not be on `PATH`; the newest PostgreSQL first.
fn server_directories() -> Vec<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<u32> = versions.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    let postgres = versions.into_iter().map(|version| format!("/usr/lib/postgresql/{version}/bin").into());
    postgres.chain([PathBuf::from("/usr/sbin")]).collect()
}

/// The root of the workspace.
pub fn workspace() -> PathBuf {
    let package = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).expect("the package lies two levels below the workspace").to_path_buf()
}
