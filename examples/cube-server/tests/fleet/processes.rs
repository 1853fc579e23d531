//! The processes: the service, and the AWS double as the embedded world has it.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use serde_json::Value;

use crate::PATIENCE;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cube-server");

/// A process that ends with its owner.
pub struct Running {
    child: Child,
    /// In milliseconds since 1970.
    pub since: u128,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let since = UNIX_EPOCH.elapsed().unwrap().as_millis();
        Self { child: command.spawn().unwrap(), since }
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
    }

    /// kill -9
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub struct World {
    pub aws: Value,
    _process: Running,
    _dir: tempfile::TempDir,
}

impl World {
    pub fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ready = dir.path().join("card.json");
        let mut command = Command::new(PROGRAM);
        // So slow that there is always a run under way.
        command.args(["local", "--s3-rate", "1000000", "--ready-file"]).arg(&ready).stdout(Stdio::null());
        let process = Running::start(&mut command);
        let began = Instant::now();
        let card: Value = loop {
            if let Ok(text) = std::fs::read(&ready) {
                break serde_json::from_slice(&text).unwrap();
            }
            assert!(began.elapsed() < PATIENCE, "no world");
            thread::sleep(Duration::from_millis(50));
        };
        Self { aws: card["aws"].clone(), _process: process, _dir: dir }
    }

    pub fn text(&self, name: &str) -> &str {
        self.aws[name].as_str().unwrap()
    }
}

pub struct Fleet<'a> {
    world: &'a World,
    url: &'a str,
    ports: Vec<u16>,
    logs: tempfile::TempDir,
}

impl<'a> Fleet<'a> {
    pub fn new(world: &'a World, url: &'a str, processes: usize) -> Self {
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { world, url, ports: (0..processes).map(|_| free()).collect(), logs: tempfile::tempdir().unwrap() }
    }

    /// Where each process is.
    pub fn addresses(&self) -> Vec<String> {
        self.ports.iter().map(|port| format!("http://127.0.0.1:{port}")).collect()
    }

    /// How audit rows name a process.
    pub fn name(&self, number: usize) -> String {
        format!("worker-{number}")
    }

    /// What the processes of this number have said, one after the other.
    pub fn log(&self, number: usize) -> String {
        std::fs::read_to_string(self.logs.path().join(self.name(number))).unwrap_or_default()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg("edgegate").args(arguments).env("EDGEGATE_DB", self.url).stdout(Stdio::piped());
        command.env("AWS_ENDPOINT_URL", self.world.text("endpoint_url")).env("AWS_REGION", self.world.text("region"));
        command.env("AWS_ACCESS_KEY_ID", self.world.text("access_key_id"));
        command.env("AWS_SECRET_ACCESS_KEY", self.world.text("secret_access_key")).env("NO_PROXY", "127.0.0.1");
        command.env("BYO_EDGEGATE_AWS_ACCOUNT_ID", self.world.text("principal_arn").split(':').nth(4).unwrap());
        command
    }

    fn appended(&self, number: usize) -> File {
        OpenOptions::new().create(true).append(true).open(self.logs.path().join(self.name(number))).unwrap()
    }

    pub fn serve(&self, number: usize) -> Running {
        let (listen, name) = (format!("127.0.0.1:{}", self.ports[number]), self.name(number));
        let mut command = self.command(&["serve", "--listen", &listen, "--hostname", &name]);
        let mut process = Running::start(command.stderr(self.appended(number)));
        let mut line = String::new();
        BufReader::new(process.child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("listening "), "{line}: {}", self.log(number));
        process
    }

    /// A workspace of its own, and the key of its owner.
    pub fn workspace(&self, number: usize) -> (String, String) {
        let owner = format!("o{number}@acme.example");
        let output = self.command(&["init", "--owner", &owner]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8(output.stdout).unwrap();
        let word = |label: &str| {
            let line = said.lines().find(|line| line.starts_with(label)).unwrap();
            line[label.len()..].split_whitespace().next().unwrap().to_owned()
        };
        (word("workspace"), word("api key"))
    }
}
