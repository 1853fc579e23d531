//! PostgreSQL with a data directory of its own.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{Process, SYSTEM, component, free_port, wait_until};

/// A running server on a loopback port; its superuser needs a password.
#[derive(Debug)]
pub struct Postgres {
    /// Where it listens.
    pub addr: SocketAddr,
    bin: PathBuf,
    data: PathBuf,
    process: Process,
    _dir: tempfile::TempDir,
}

impl Postgres {
    /// The superuser, and its database.
    pub const USER: &str = "postgres";
    /// Its password.
    pub const PASSWORD: &str = "only-for-this-test";

    /// Starts one; none when it may be skipped.
    ///
    /// # Panics
    /// When it is required and missing, or does not become ready within 60 s.
    pub fn start() -> Option<Self> {
        // Nothing of a test's outlives the machine.
        Self::with(&["fsync=off"])
    }

    /// The same, but commits are on disk when they return: for what is measured.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn durable() -> Option<Self> {
        Self::with(&[])
    }

    fn with(more: &[&str]) -> Option<Self> {
        // A link on PATH need not have the other programs beside it.
        let initdb = fs::canonicalize(component("initdb", SYSTEM)?).expect("it was there a moment ago");
        let bin = initdb.parent().expect("an executable lies in a directory").to_path_buf();
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (data, password) = (dir.path().join("data"), dir.path().join("password"));
        fs::write(&password, Self::PASSWORD).expect("the password file can be written");
        give_away(dir.path());

        let mut command = as_postgres(&initdb);
        command.args(["--no-sync", "--no-locale", "--encoding=UTF8", "--auth=scram-sha-256"]);
        command.arg(format!("--username={}", Self::USER)).arg("--pwfile").arg(&password).arg("-D").arg(&data);
        let made = command.output().expect("initdb can be started");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));

        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let mut command = as_postgres(&bin.join("postgres"));
        command.arg("-D").arg(&data).arg("-p").arg(addr.port().to_string());
        // Lines come back in the order in which they went in only if no scan joins another half-way.
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=200",
            "synchronize_seqscans=off",
        ]
        .iter()
        .chain(more)
        {
            command.args(["-c", setting]);
        }
        let process = Process::start(command, &dir.path().join("postgres.log"));
        let mut server = Self { addr, bin, data, process, _dir: dir };
        server.wait_until_ready();
        Some(server)
    }

    /// A new database of a role that is no superuser; the URL to it.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn database(&self, name: &str) -> String {
        let statements = [
            format!("CREATE ROLE {name} LOGIN PASSWORD '{}'", Self::PASSWORD),
            format!("CREATE DATABASE {name} OWNER {name}"),
        ];
        for statement in statements {
            let output = self.psql(self.addr, &statement).output().expect("psql can be started");
            assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
        }
        format!("postgres://{name}:{}@{}/{name}", Self::PASSWORD, self.addr)
    }

    /// As [`Self::psql`], in a database that [`Self::database`] made, as the superuser.
    pub fn database_psql(&self, name: &str, statement: &str) -> Command {
        let mut command = self.psql(self.addr, statement);
        command.args(["-d", name]);
        command
    }

    fn wait_until_ready(&mut self) {
        let mut command = Command::new(self.bin.join("pg_isready"));
        command.args(["-q", "-h", &self.addr.ip().to_string(), "-p", &self.addr.port().to_string()]);
        wait_until(&mut self.process, Duration::from_secs(60), |_| {
            command.status().expect("pg_isready can be started").success()
        });
    }

    /// `psql` that connects to `at` and runs one statement; its errors are told by its exit status.
    pub fn psql(&self, at: SocketAddr, statement: &str) -> Command {
        let mut command = Command::new(self.bin.join("psql"));
        command.args(["-X", "-q", "-A", "-t", "-w", "-v", "ON_ERROR_STOP=1", "-U", Self::USER, "-d", Self::USER]);
        command.args(["-h", &at.ip().to_string(), "-p", &at.port().to_string(), "-c", statement]);
        command.env("PGPASSWORD", Self::PASSWORD).env("PGCONNECT_TIMEOUT", "20").env("LC_ALL", "C.UTF-8");
        command
    }
}

impl Drop for Postgres {
    /// Ends the server in order: killed, it would leave its shared memory behind.
    fn drop(&mut self) {
        let mut command = as_postgres(&self.bin.join("pg_ctl"));
        command.args(["stop", "-s", "-m", "immediate", "-t", "10", "-D"]).arg(&self.data);
        let _ = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

/// The server refuses to run as root: then it runs as the user that its package made.
fn as_postgres(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program).current_dir("/");
    command
}

fn give_away(dir: &Path) {
    if is_root() {
        let given = Command::new("chown").args(["-R", "postgres:postgres"]).arg(dir).status();
        assert!(given.is_ok_and(|status| status.success()), "chown -R postgres {}", dir.display());
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}
