//! SeaweedFS: a third party's S3 for bytes, ranges and If-Match.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::{PYTHON, Process, component, free_port, wait_until_ready};

/// A running SeaweedFS with one pair of static keys.
#[derive(Debug)]
pub struct SeaweedFs {
    /// Where its S3 answers.
    pub endpoint: String,
    port: u16,
    process: Process,
    dir: tempfile::TempDir,
}

impl SeaweedFs {
    /// The access key id.
    pub const KEY: &str = "reader";
    /// The secret key.
    pub const SECRET: &str = "reader-secret";

    /// Starts one; none when it may be skipped.
    ///
    /// # Panics
    /// When it is required and missing, or does not become ready within 60 s.
    pub fn start() -> Option<Self> {
        component("weed", PYTHON)?;
        let dir = tempfile::tempdir().expect("a temporary directory");
        let identities = serde_json::json!({"identities": [{
            "name": "reader",
            "credentials": [{"accessKey": Self::KEY, "secretKey": Self::SECRET}],
            "actions": ["Admin", "Read", "Write", "List"],
        }]});
        std::fs::write(dir.path().join("s3.json"), identities.to_string()).expect("the configuration can be written");
        std::fs::create_dir(dir.path().join("data")).expect("the data directory can be made");
        let port = free_port();
        let process = launch(dir.path(), port);
        Some(Self { endpoint: format!("http://127.0.0.1:{port}"), port, process, dir })
    }

    /// Kills it in the middle of whatever it does and starts it again on the same data and port.
    ///
    /// # Panics
    /// When it does not come back within 60 s.
    pub fn kill_and_restart(&mut self) {
        self.process.kill();
        self.process = launch(self.dir.path(), self.port);
    }
}

fn launch(dir: &Path, port: u16) -> Process {
    let weed = component("weed", PYTHON).expect("it was there a moment ago");
    let mut command = Command::new(weed);
    // Its other services would take fixed ports, on which two tests would meet.
    command
        .arg("mini")
        .arg(format!("-dir={}", dir.join("data").display()))
        .args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false"])
        .args(["-admin.ui=false", "-webdav=false", "-s3.port.iceberg=0", "-s3.port.lance=0"])
        .arg(format!("-s3.port={port}"))
        .arg(format!("-master.port={}", free_port()))
        .arg(format!("-volume.port={}", free_port()))
        .arg(format!("-filer.port={}", free_port()))
        .arg(format!("-s3.config={}", dir.join("s3.json").display()))
        .current_dir(dir);
    let mut process = Process::start(command, &dir.join("weed.log"));
    wait_until_ready(&mut process, port, "/healthz", Duration::from_secs(60));
    process
}
