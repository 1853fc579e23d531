//! Where the executables of the server and of the peers are.

use std::path::PathBuf;

/// How the Python packages are installed.
pub(crate) const PYTHON: &str = "python3 -m venv target/peers && target/peers/bin/pip install -r benches/peers/requirements.txt, \
                          then CUBE_REAL_BIN=$PWD/target/peers/bin";

/// How the transfer manager's program is built.
pub(crate) const TRANSFER_MANAGER: &str = "CARGO_TARGET_DIR=target cargo build --release \
                                    --manifest-path benches/peers/s3/transfer-manager/Cargo.toml";

/// Is every peer required (`CUBE_REAL=1`)?
fn required() -> bool {
    std::env::var("CUBE_REAL").is_ok_and(|value| value == "1")
}

/// The executable, looked up in `CUBE_REAL_BIN`, beside this program, then on `PATH`; none when it may be skipped.
pub(crate) fn find(executable: &str, install: &str) -> anyhow::Result<Option<PathBuf>> {
    let own = std::env::var_os("CUBE_REAL_BIN").map(PathBuf::from);
    let beside = std::env::current_exe()?.parent().map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = own
        .into_iter()
        .chain(beside)
        .chain(std::env::split_paths(&path))
        .map(|dir| dir.join(executable))
        .find(|candidate| candidate.is_file());
    if found.is_none() {
        let words = format!("{executable} is not installed; install it with: {install}");
        anyhow::ensure!(!required(), "{words}");
        eprintln!("SKIPPED: {words}");
    }
    Ok(found)
}
