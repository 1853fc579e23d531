//! Two replicas on one DynamoDB, that of MiniStack; one of them is killed. Runs with `CUBE_REAL=1`; `CUBE_REAL_BIN` says
//! where MiniStack is.
#![cfg(feature = "dynamodb")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]

mod death;
mod nginx;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cube-server");
const STORE: [&str; 2] = ["--store", "dynamodb://cube-keys"];
const PASSWORD: &str = "correct horse battery";

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Aws {
    endpoint: String,
    _process: Running,
    _dir: tempfile::TempDir,
}

impl Aws {
    fn start() -> Option<Self> {
        if std::env::var("CUBE_REAL").as_deref() != Ok("1") {
            return None;
        }
        let bin = std::env::var("CUBE_REAL_BIN").expect("CUBE_REAL_BIN names the folder with hypercorn");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new(Path::new(&bin).join("hypercorn"));
        command.args(["ministack.app:app", "-b", &format!("127.0.0.1:{port}")]).current_dir(dir.path());
        command.env("SERVICES", "dynamodb,secretsmanager").env("GATEWAY_PORT", port.to_string());
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let process = Running(process.expect("tests/real/install installs ministack"));
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(100));
        }
        Some(Self { endpoint: format!("127.0.0.1:{port}"), _process: process, _dir: dir })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.env("AWS_ENDPOINT_URL", format!("http://{}", self.endpoint)).env("AWS_REGION", "us-west-2");
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test").env("NO_PROXY", "127.0.0.1");
        command
    }

    fn said(&self, arguments: &[&str], stdin: &str) -> String {
        let mut child = self.command(arguments).spawn().unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        let out = child.wait_with_output().unwrap();
        assert!(out.status.success(), "{arguments:?}");
        String::from_utf8(out.stdout).unwrap()
    }

    fn keep_secret(&self, name: &str, text: &str) {
        let body = serde_json::json!({ "Name": name, "SecretString": text }).to_string();
        let head = "POST / HTTP/1.1\r\nX-Amz-Target: secretsmanager.CreateSecret\r\nContent-Type: application/x-amz-json-1.1\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-west-2/secretsmanager/aws4_request, \
             SignedHeaders=host, Signature=x";
        assert_eq!(ask(&self.endpoint, head, &body).0, 200);
    }

    /// A replica and its address.
    fn serve(&self, config: &Path) -> (Running, String) {
        let config = config.to_str().unwrap();
        let arguments = [&["cloud", "serve"][..], &STORE, &["--config", config, "--listen", "127.0.0.1:0"]].concat();
        let mut child = self.command(&arguments).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (Running(child), line.trim().strip_prefix("listening ").expect("it listens").to_owned())
    }
}

/// Status and text of a request; 0 when the connection broke.
fn ask(address: &str, head: &str, body: &str) -> (u16, String) {
    let Ok(mut stream) = TcpStream::connect(address) else { return (0, String::new()) };
    let length = body.len();
    let sent =
        write!(stream, "{head}\r\nHost: localhost\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    let mut reply = String::new();
    if sent.is_err() || stream.read_to_string(&mut reply).is_err() {
        return (0, reply);
    }
    (reply.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0), reply)
}

fn call(address: &str, key: &str) -> u16 {
    let head = format!("POST /mcp/ HTTP/1.1\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json");
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"app_list","arguments":{}}}"#;
    ask(address, &head, body).0
}

/// A tunnel with this key; it stays open until the server ends it.
fn tunnel(address: &str, key: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET /tunnel HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer {key}\r\n\r\n"
    )
    .unwrap();
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    stream
}

fn header(reply: &str, name: &str) -> String {
    let found = reply.lines().find_map(|line| line.to_lowercase().starts_with(name).then(|| line[name.len()..].trim()));
    found.unwrap_or_else(|| panic!("{name}: {reply}")).to_owned()
}

fn key_in(reply: &str) -> String {
    reply.split_once("\"api_key\":\"").unwrap().1.split_once('"').unwrap().0.to_owned()
}

fn form_token(page: &str) -> String {
    let rest = page.split_once("name=\"token\" value=\"").unwrap_or_else(|| panic!("{page}")).1;
    rest.split_once('"').unwrap().0.to_owned()
}

/// Signs in for a login at one replica and allows it at another.
fn log_in(first: &str, second: &str, id: &str) {
    let (_, page) = ask(first, &format!("GET /auth/login?session_id={id} HTTP/1.1"), "");
    let cookie = header(&page, "set-cookie:").split(';').next().unwrap().to_owned();
    let post = |address: &str, path: &str, cookie: &str, body: &str| {
        let head = format!(
            "POST {path} HTTP/1.1\r\nCookie: {cookie}\r\nContent-Type: application/x-www-form-urlencoded\r\nOrigin: http://localhost"
        );
        ask(address, &head, body)
    };
    let password = PASSWORD.replace(' ', "+");
    let body = format!("session_id={id}&token={}&username=ann&password={password}", form_token(&page));
    let (status, reply) = post(second, "/auth/login", &cookie, &body);
    assert_eq!(status, 303, "{reply}");
    let cookie = header(&reply, "set-cookie:").split(';').next().unwrap().to_owned();
    let head = format!("GET /auth/confirm?session_id={id} HTTP/1.1\r\nCookie: {cookie}");
    let (_, page) = ask(first, &head, "");
    let body = format!("session_id={id}&token={}&decision=allow", form_token(&page));
    assert_eq!(post(second, "/auth/confirm", &cookie, &body).0, 200);
}

#[test]
fn two_replicas_are_one_service_and_the_death_of_one_loses_nothing_that_was_answered() {
    let Some(aws) = Aws::start() else { return };
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("cloud.yaml");
    std::fs::write(
        &config,
        "url: http://localhost\napollo_url: http://127.0.0.1:1\naws_secrets: cube-mcp\n\
         profiles: { admin: { groups: [admin], apps: ['*'], apollo_from_aws: true } }\n",
    )
    .unwrap();
    aws.keep_secret("cube-mcp/profiles/admin", r#"{"client_id":"svc","client_secret":"canary","app_companies":["x"]}"#);
    aws.said(&[&["cloud", "create-tables"][..], &STORE].concat(), "");
    aws.said(&[&["users", "add"][..], &STORE, &["ann", "--group", "admin"]].concat(), PASSWORD);
    let (mut one, first) = aws.serve(&config);
    let (_two, second) = aws.serve(&config);
    assert_eq!(ask(&first, "GET /readyz HTTP/1.1", "").0, 200);

    // A key that one gave works at the other; revoked, it works at neither, and its tunnels end.
    let made = aws.said(&[&["keys", "create"][..], &STORE, &["--owner", "ann"]].concat(), "");
    let word = |label: &str| made.lines().find_map(|line| line.strip_prefix(label)).unwrap().trim().to_owned();
    let (id, key) = (word("id"), word("api key").split_whitespace().next().unwrap().to_owned());
    assert_eq!((call(&first, &key), call(&second, &key)), (200, 200));
    let mut tunnels = [tunnel(&first, &key), tunnel(&second, &key)];
    aws.said(&[&["keys", "revoke"][..], &STORE, &[&id]].concat(), "");
    let revoked = Instant::now();
    while call(&first, &key) != 401 || call(&second, &key) != 401 {
        std::thread::sleep(Duration::from_millis(50));
    }
    for tunnel in &mut tunnels {
        // What the server says at the end, then its end.
        tunnel.read_to_end(&mut Vec::new()).unwrap();
    }
    // 5 s by decision; a loaded machine gets more here.
    assert!(revoked.elapsed() < Duration::from_secs(30), "{:?}", revoked.elapsed());

    // A login that began at one ends at the other, and the death of one loses none that was answered.
    let id = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    log_in(&first, &second, id);
    let polled = format!("GET /auth/session/{id} HTTP/1.1");
    let (status, reply) = ask(&first, &polled, "");
    assert_eq!(status, 200, "{reply}");
    one.0.kill().unwrap();
    one.0.wait().unwrap();
    let (status, again) = ask(&second, &polled, "");
    assert_eq!(status, 200, "the reply may have been lost with the replica: {again}");
    assert_eq!(key_in(&reply), key_in(&again), "one key");
    assert_eq!(call(&second, &key_in(&again)), 200);
    let listed = aws.said(&[&["keys", "list"][..], &STORE].concat(), "");
    assert_eq!(listed.lines().count(), 2, "{listed}");
    assert!(!listed.contains("canary"));
}
