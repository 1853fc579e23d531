//! A Python interpreter that has a package.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::{PYTHON, component, missing};

/// The interpreter of the Python components if it can import `module`, or none when it may be skipped.
///
/// # Panics
/// When it is required and missing.
pub fn python(module: &str) -> Option<PathBuf> {
    with_package("python3", module)
}

/// The interpreter of the environment that s3fs has for itself, or none when it may be skipped.
///
/// # Panics
/// When it is required and missing.
pub fn python_s3fs() -> Option<PathBuf> {
    with_package("python3-s3fs", "s3fs")
}

fn with_package(executable: &str, module: &str) -> Option<PathBuf> {
    let interpreter = component(executable, PYTHON)?;
    let mut probe = Command::new(&interpreter);
    probe.args(["-c", &format!("import {module}")]).stderr(Stdio::null());
    if probe.status().is_ok_and(|status| status.success()) {
        return Some(interpreter);
    }
    missing(&format!("Python's `{module}`"), PYTHON);
    None
}
