//! A host: starts the program and speaks JSON-RPC with it, a line a message.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use cube_sdk::core::secret::ExposeSecret as _;
use cube_sdk_server::local::World;
use serde_json::{Value, json};

/// Longer than anything here takes, however busy the machine is.
const GUARD: Duration = Duration::from_secs(300);

pub(crate) struct Host {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Value>,
    next: u64,
    /// Notifications that came while something else was waited for.
    pub(crate) notes: Vec<Value>,
    pub(crate) folder: tempfile::TempDir,
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program with an environment of its own: nothing of this process's gets through.
pub(crate) fn program(folder: &Path, environment: &[(String, String)], arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cube-agent"));
    command
        .args(arguments)
        .env_clear()
        .env("HOME", folder)
        .env("KUBECONFIG", folder.join("kubeconfig"))
        // A browser that does nothing.
        .env("BROWSER", "/bin/true")
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

/// The world's variables as texts.
pub(crate) fn variables(world: &World) -> Vec<(String, String)> {
    world.env().into_iter().map(|(name, value)| (name, value.expose_secret().to_owned())).collect()
}

/// The same with one more, or another value.
pub(crate) fn with(mut variables: Vec<(String, String)>, name: &str, value: &str) -> Vec<(String, String)> {
    variables.retain(|(other, _)| other != name);
    variables.push((name.to_owned(), value.to_owned()));
    variables
}

impl Host {
    pub(crate) fn start(environment: &[(String, String)], arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = program(folder.path(), environment, arguments).spawn().unwrap();
        let stdin = child.stdin.take();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            while stdout.read_line(&mut line).is_ok_and(|read| read > 0) {
                let message = serde_json::from_str(&line).unwrap_or_else(|_| panic!("stdout is no JSON: {line}"));
                if sender.send(message).is_err() {
                    return;
                }
                line.clear();
            }
        });
        let mut host = Self { child, stdin, lines, next: 0, notes: Vec::new(), folder };
        let hello = host.ask(
            "initialize",
            json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "host", "version": "1" } }),
        );
        assert_eq!(hello["result"]["serverInfo"]["name"], "cube-agent", "{hello}");
        host.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        host
    }

    pub(crate) fn in_world(world: &World, arguments: &[&str]) -> Self {
        Self::start(&variables(world), arguments)
    }

    pub(crate) fn raw(&mut self, line: &[u8]) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(line).unwrap();
        stdin.write_all(b"\n").unwrap();
        stdin.flush().unwrap();
    }

    pub(crate) fn send(&mut self, message: &Value) {
        self.raw(message.to_string().as_bytes());
    }

    /// Sends a request; its id.
    pub(crate) fn begin(&mut self, method: &str, params: Value) -> u64 {
        self.next += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": self.next, "method": method, "params": params }));
        self.next
    }

    pub(crate) fn message(&mut self) -> Value {
        self.lines.recv_timeout(GUARD).expect("the program says nothing any more")
    }

    /// The answer to a request.
    pub(crate) fn answer(&mut self, id: u64) -> Value {
        loop {
            let message = self.message();
            if message["id"] == id {
                return message;
            }
            self.notes.push(message);
        }
    }

    pub(crate) fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params);
        self.answer(id)
    }

    /// The result of a tool, failed or not.
    pub(crate) fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let answer = self.ask("tools/call", json!({ "name": tool, "arguments": arguments }));
        assert!(answer["result"].is_object(), "{tool}: {answer}");
        answer["result"].clone()
    }

    /// The data of a tool that went well, and its text.
    pub(crate) fn done(&mut self, tool: &str, arguments: Value) -> (Value, String) {
        let result = self.call(tool, arguments);
        assert_eq!(result["isError"], false, "{tool}: {result}");
        (result["structuredContent"].clone(), text(&result))
    }

    /// The text of a tool that failed.
    pub(crate) fn failed(&mut self, tool: &str, arguments: Value) -> String {
        let result = self.call(tool, arguments);
        assert_eq!(result["isError"], true, "{tool}: {result}");
        assert!(result["structuredContent"].is_null(), "{tool}: {result}");
        let text = text(&result);
        assert!(text.starts_with("Error: "), "{tool}: {text}");
        text
    }

    /// Begins a call whose progress is told under the token that is its id.
    pub(crate) fn begin_watched(&mut self, tool: &str, arguments: Value) -> u64 {
        let token = self.next + 1;
        self.begin("tools/call", json!({ "name": tool, "arguments": arguments, "_meta": { "progressToken": token } }))
    }

    /// The next progress of a call.
    pub(crate) fn progress(&mut self, token: u64) -> Value {
        loop {
            let message = self.message();
            if message["method"] == "notifications/progress" {
                assert_eq!(message["params"]["progressToken"], token, "{message}");
                return message["params"].clone();
            }
            assert!(message["id"].is_null(), "the call has ended without progress: {message}");
        }
    }

    pub(crate) fn tools(&mut self) -> Vec<Value> {
        let answer = self.ask("tools/list", json!({}));
        answer["result"]["tools"].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
    }

    /// Closes stdin; how the program ends.
    pub(crate) fn close(&mut self) -> std::process::ExitStatus {
        drop(self.stdin.take());
        self.child.wait().unwrap()
    }
}

pub(crate) fn text(result: &Value) -> String {
    result["content"][0]["text"].as_str().unwrap_or_default().to_owned()
}
