//! Clients of others that call the program's tools, and our own plain one.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::host::Host;

/// The folder with the real programs, where they are to be used.
pub(crate) fn real() -> Option<PathBuf> {
    (std::env::var("CUBE_REAL").ok().as_deref() == Some("1"))
        .then(|| std::env::var_os("CUBE_REAL_BIN").expect("CUBE_REAL_BIN names the folder with the clients").into())
}

pub(crate) trait Client {
    fn tools(&mut self) -> Vec<Value>;

    /// The result of a tool, failed or not.
    fn call(&mut self, tool: &str, arguments: Value) -> Value;

    /// Does one agent answer all calls? Else each has one of its own.
    fn is_one_process(&self) -> bool {
        true
    }
}

impl Client for Host {
    fn tools(&mut self) -> Vec<Value> {
        Self::tools(self)
    }

    fn call(&mut self, tool: &str, arguments: Value) -> Value {
        Self::call(self, tool, arguments)
    }
}

/// The official client, which refuses structured content that is not as the tool's schema says.
pub(crate) struct Python {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    saw: Value,
    progress: Vec<String>,
    _folder: tempfile::TempDir,
}

impl Python {
    pub(crate) fn start(bin: &Path, environment: &[(String, String)]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/real/mcp_stdio_client.py");
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(bin.join("python"))
            .arg(script)
            .arg(env!("CARGO_BIN_EXE_cube-agent"))
            .env_clear()
            .env("HOME", folder.path())
            .env("KUBECONFIG", folder.path().join("kubeconfig"))
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut client = Self { child, stdin, stdout, saw: Value::Null, progress: Vec::new(), _folder: folder };
        client.saw = client.line();
        client
    }

    /// What it saw before any call.
    pub(crate) fn saw(&self) -> &Value {
        &self.saw
    }

    /// What it was told on the way.
    pub(crate) fn progress(&self) -> &[String] {
        &self.progress
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("the client has ended, or said: {line}"))
    }
}

impl Client for Python {
    fn tools(&mut self) -> Vec<Value> {
        self.saw["tools"].as_array().unwrap().clone()
    }

    fn call(&mut self, tool: &str, arguments: Value) -> Value {
        writeln!(self.stdin, "{}", json!([tool, arguments])).unwrap();
        loop {
            let mut line = self.line();
            match line["progress"].as_str() {
                Some(told) => self.progress.push(told.to_owned()),
                None => return line["result"].take(),
            }
        }
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The inspector's command line: one agent a call.
pub(crate) struct Inspector {
    program: PathBuf,
    environment: Vec<(String, String)>,
    folder: tempfile::TempDir,
}

impl Inspector {
    pub(crate) fn new(bin: &Path, environment: Vec<(String, String)>) -> Self {
        Self { program: bin.join("mcp-inspector"), environment, folder: tempfile::tempdir().unwrap() }
    }

    fn inspect(&self, more: &[String]) -> Value {
        let mut command = Command::new(&self.program);
        command.arg("--cli").env("HOME", self.folder.path());
        // It gives a server no variable that is not named.
        for (name, value) in &self.environment {
            command.arg("-e").arg(format!("{name}={value}"));
        }
        command.arg("-e").arg(format!("HOME={}", self.folder.path().display()));
        command.arg("-e").arg(format!("KUBECONFIG={}", self.folder.path().join("kubeconfig").display()));
        let output = command.arg(env!("CARGO_BIN_EXE_cube-agent")).args(more).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        // A tool that failed is told by the code too; its result is printed all the same.
        assert!(output.status.success() || err.contains("tool_is_error"), "{more:?}: {err}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{more:?}: {err}"))
    }
}

impl Client for Inspector {
    fn tools(&mut self) -> Vec<Value> {
        let list = self.inspect(&["--method".into(), "tools/list".into()]);
        list["tools"].as_array().unwrap_or_else(|| panic!("{list}")).clone()
    }

    fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let mut more = vec!["--method".into(), "tools/call".into(), "--tool-name".into(), tool.into()];
        for (name, value) in arguments.as_object().unwrap() {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            more.extend(["--tool-arg".into(), format!("{name}={value}")]);
        }
        let mut result = self.inspect(&more);
        // It leaves out what is false.
        if result["isError"].is_null() {
            result["isError"] = json!(false);
        }
        result
    }

    fn is_one_process(&self) -> bool {
        false
    }
}
