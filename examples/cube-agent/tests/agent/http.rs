//! Streamable HTTP on loopback.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Child;

use serde_json::json;

use crate::host::program;

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The status and the body of an `initialize`, sent with these headers.
fn asked(address: &str, headers: &str) -> (u16, String) {
    let body = json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": { "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "host", "version": "1" } }
    })
    .to_string();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /mcp HTTP/1.1\r\n{headers}accept: application/json, text/event-stream\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    let mut reader = BufReader::new(stream);
    // Until the reply is there: its stream may stay open.
    while !answer.contains("serverInfo") {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap() == 0 {
            break;
        }
        answer += &line;
    }
    (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
}

#[test]
fn hosts_on_this_machine_are_served_and_pages_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running(program(folder.path(), &[], &["--http", "127.0.0.1:0"]).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(running.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("listening http://").unwrap_or_else(|| panic!("{line}"));
    let address = url.strip_suffix("/mcp").unwrap();
    let (status, answer) = asked(address, &format!("host: {address}\r\n"));
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains("cube-agent"), "{answer}");
    let (status, answer) = asked(address, "host: evil.example\r\n");
    assert_eq!(status, 403, "{answer}");
    for origin in ["https://evil.example", "null", &format!("http://{address}")] {
        let (status, answer) = asked(address, &format!("host: {address}\r\norigin: {origin}\r\n"));
        assert_eq!(status, 403, "{origin}: {answer}");
    }
}

#[test]
fn addresses_of_other_machines_and_taken_ones_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap().to_string();
    for (address, code, words) in [("0.0.0.0:0", 2, "loopback"), (taken.as_str(), 14, "listening on")] {
        let mut child =
            program(folder.path(), &[], &["--http", address]).stderr(std::process::Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code), "{said}");
        assert!(said.contains(words), "{said}");
    }
}
