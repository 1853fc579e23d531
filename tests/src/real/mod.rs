//! Ring 3: real components of third parties, on loopback, ended by pid when the test ends.
//!
//! Executables are looked for in `CUBE_REAL_BIN` (a directory), then on `PATH`. A missing one is a failure
//! with `CUBE_REAL=1`, else the test says loudly that it was skipped.

mod aws_cli;
mod ministack;
mod process;
mod seaweedfs;

use std::path::PathBuf;

pub use aws_cli::AwsCli;
pub use ministack::MiniStack;
pub use process::{Process, free_port, wait_until_ready};
pub use seaweedfs::SeaweedFs;

/// How the Python components are installed.
pub const PYTHON: &str = "python3 -m venv target/real && target/real/bin/pip install -r tests/real/requirements.txt, \
                          then CUBE_REAL_BIN=target/real/bin";

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
    let found =
        own.into_iter().chain(std::env::split_paths(&path)).map(|dir| dir.join(executable)).find(|p| p.is_file());
    if found.is_none() {
        let words = format!("{executable} is not installed; install it with: {install}");
        assert!(!required(), "{words}");
        eprintln!("SKIPPED: {words}");
    }
    found
}

/// The root of the workspace.
pub fn workspace() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace").to_path_buf()
}
