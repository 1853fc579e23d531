//! Eclipse Mosquitto: an MQTT broker.

use std::process::Command;
use std::time::Duration;

use super::{Process, SYSTEM, component, free_port, wait_until};

/// A running broker on a loopback port, open to everybody.
#[derive(Debug)]
pub struct Mosquitto {
    /// The port.
    pub port: u16,
    process: Process,
    _dir: tempfile::TempDir,
}

impl Mosquitto {
    /// Starts one; none when it may be skipped.
    ///
    /// # Panics
    /// When it is required and missing, or does not become ready within 30 s.
    pub fn start() -> Option<Self> {
        let broker = component("mosquitto", SYSTEM)?;
        let dir = tempfile::tempdir().expect("a temporary directory");
        let port = free_port();
        // Beyond 1 000 waiting messages the broker would drop some on its own. It logs what it acknowledges.
        let settings = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_queued_messages 0\n\
             log_dest stderr\nlog_type all\n"
        );
        let file = dir.path().join("mosquitto.conf");
        std::fs::write(&file, settings).expect("the configuration can be written");
        let mut command = Command::new(broker);
        command.arg("-c").arg(&file).current_dir(dir.path());
        let mut process = Process::start(command, &dir.path().join("mosquitto.log"));
        wait_until(&mut process, Duration::from_secs(30), |process| process.log().contains(" running"));
        Some(Self { port, process, _dir: dir })
    }

    /// Waits until a client of this id has its subscription acknowledged.
    ///
    /// # Panics
    /// After 30 s.
    pub fn wait_for_subscriber(&mut self, id: &str) {
        let line = format!("Sending SUBACK to {id}");
        let acknowledged = |process: &Process| process.log().lines().any(|at| at.ends_with(&line));
        wait_until(&mut self.process, Duration::from_secs(30), acknowledged);
    }
}
