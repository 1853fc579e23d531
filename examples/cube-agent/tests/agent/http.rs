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
    let (address, file) = listening(&mut running);
    assert_eq!(std::path::Path::new(&file), folder.path().join(".cube-agent/http_token"));
    let token = std::fs::read_to_string(&file).unwrap();
    let own = format!("authorization: Bearer {token}\r\n");
    let (status, answer) = asked(&address, &format!("host: {address}\r\n{own}"));
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains("cube-agent"), "{answer}");
    let (status, answer) = asked(&address, &format!("host: evil.example\r\n{own}"));
    assert_eq!(status, 403, "{answer}");
    for origin in ["https://evil.example", "null", &format!("http://{address}")] {
        let (status, answer) = asked(&address, &format!("host: {address}\r\norigin: {origin}\r\n{own}"));
        assert_eq!(status, 403, "{origin}: {answer}");
    }
    // Other users of the machine reach the port too.
    let shorter = format!("Bearer {}", &token[..token.len() - 1]);
    for wrong in ["", "Bearer", "Bearer ", "Basic dTpw", &token, &shorter, &format!("bearer  {token}")] {
        let header = if wrong.is_empty() { String::new() } else { format!("authorization: {wrong}\r\n") };
        let (status, answer) = asked(&address, &format!("host: {address}\r\n{header}"));
        assert_eq!(status, 401, "{wrong}: {answer}");
        assert!(answer.contains("http_token") && !answer.contains(&token), "{answer}");
    }
}

/// Where it listens, and the file with its token.
fn listening(running: &mut Running) -> (String, String) {
    let mut lines = BufReader::new(running.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let (first, second) = (lines.next().unwrap(), lines.next().unwrap());
    let url = first.strip_prefix("listening http://").unwrap_or_else(|| panic!("{first}"));
    let file = second.strip_prefix("token-file ").unwrap_or_else(|| panic!("{second}"));
    (url.strip_suffix("/mcp").unwrap().to_owned(), file.to_owned())
}

#[cfg(unix)]
#[test]
fn a_token_of_ones_own_is_used_and_one_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "a token of one's own".replace(' ', "-")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let line = ["--http", "localhost:0", "--http-token-file", file.to_str().unwrap()];
    let mut running = Running(program(folder.path(), &[], &line).spawn().unwrap());
    let (address, told) = listening(&mut running);
    assert_eq!(std::path::Path::new(&told), file);
    let own = "authorization: Bearer a-token-of-one's-own\r\n";
    assert_eq!(asked(&address, &format!("host: {address}\r\n{own}")).0, 200);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = program(folder.path(), &[], &line).stderr(std::process::Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(2) && said.contains("other users can read it"), "{said}");
}

#[test]
fn addresses_of_other_machines_and_taken_ones_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap().to_string();
    for (address, code, words) in [
        ("0.0.0.0:0", 2, "reached from other machines"),
        (taken.as_str(), 14, "listening on"),
        ("127.0.0.1", 2, "it has no port"),
        ("::1", 2, "in brackets"),
        ("db.example:80", 2, "reached from other machines"),
    ] {
        let mut child =
            program(folder.path(), &[], &["--http", address]).stderr(std::process::Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code), "{said}");
        assert!(said.contains(words), "{said}");
    }
}
