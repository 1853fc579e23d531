//! MiniStack: a third party's AWS account with IAM that is enforced.

use std::process::Command;
use std::time::Duration;

use super::{PYTHON, Process, component, free_port, wait_until_ready};

/// A running MiniStack with S3, STS, IAM and KMS.
#[derive(Debug)]
pub struct MiniStack {
    /// Where it answers.
    pub endpoint: String,
    _process: Process,
    _dir: tempfile::TempDir,
}

impl MiniStack {
    /// The account's number.
    pub const ACCOUNT: &str = "111122223333";
    /// Access key id of the account's root.
    pub const ROOT_KEY: &str = "test";
    /// Secret key of the account's root.
    pub const ROOT_SECRET: &str = "test";

    /// Starts one; none when it may be skipped.
    ///
    /// # Panics
    /// When it is required and missing, or does not become ready within 60 s.
    pub fn start() -> Option<Self> {
        let hypercorn = component("hypercorn", PYTHON)?;
        let dir = tempfile::tempdir().expect("a temporary directory");
        let port = free_port();
        let mut command = Command::new(hypercorn);
        command
            .args(["ministack.app:app", "-b", &format!("127.0.0.1:{port}")])
            .current_dir(dir.path())
            .env("AUTH", "true")
            .env("GATEWAY_PORT", port.to_string())
            .env("MINISTACK_ACCOUNT_ID", Self::ACCOUNT)
            .env("SERVICES", "s3,sts,iam,kms");
        let mut process = Process::start(command, &dir.path().join("ministack.log"));
        wait_until_ready(&mut process, port, "/_ministack/health", Duration::from_secs(60));
        Some(Self { endpoint: format!("http://127.0.0.1:{port}"), _process: process, _dir: dir })
    }
}
