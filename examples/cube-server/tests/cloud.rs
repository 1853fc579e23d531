//! The commands of cube-cloud: users, keys, and the service beside them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cube-server");
const PASSWORD: &str = "correct horse battery";

/// A process that ends with its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ran(arguments: &[&str], stdin: &str) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that refuses its arguments may be gone already.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

fn said(arguments: &[&str], stdin: &str) -> String {
    let out = ran(arguments, stdin);
    assert!(out.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

fn word(text: &str, label: &str) -> String {
    let line = text.lines().find(|line| line.starts_with(label)).unwrap_or_else(|| panic!("{label}: {text}"));
    line[label.len()..].split_whitespace().next().unwrap().to_owned()
}

/// The service, and where it and its figures are.
fn serve(db: &str, config: &Path) -> (Running, String, String) {
    let listen = ["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--unready", "3600"];
    let mut command = Command::new(PROGRAM);
    command.args(["cloud", "serve", "--db", db, "--config", config.to_str().unwrap()]).args(listen);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = |label: &str| {
        let line = lines.next().expect("a line").unwrap();
        line.strip_prefix(label).unwrap_or_else(|| panic!("{label}: {line}")).trim().to_owned()
    };
    let (figures, address) = (next("metrics "), next("listening "));
    (Running(child), address, figures)
}

/// Status and text of a request.
fn ask(address: &str, head: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(stream, "{head}\r\nHost: localhost\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}").unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    (reply.split(' ').nth(1).unwrap().parse().unwrap(), reply)
}

/// Status of a call of a tool with this key.
fn call(address: &str, key: &str) -> u16 {
    let head = format!("POST /mcp/ HTTP/1.1\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json");
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"app_list","arguments":{}}}"#;
    ask(address, &head, body).0
}

#[test]
fn keys_are_made_listed_and_revoked_beside_the_service_and_outlive_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let (db, config) = (dir.path().join("cloud.sqlite"), dir.path().join("cloud.yaml"));
    let db = db.to_str().unwrap();
    std::fs::write(&config, "url: http://localhost\nprofiles: { admin: { groups: [admin], apps: ['*'] } }").unwrap();
    said(&["users", "add", "--create", "--db", db, "Ann", "--group", "admin"], &format!("{PASSWORD}\n"));
    let made = said(&["keys", "create", "--db", db, "--owner", "ann", "--label", "laptop", "--days", "7"], "");
    let (id, key) = (word(&made, "id"), word(&made, "api key"));
    let other = word(&said(&["keys", "create", "--db", db, "--owner", "ann"], ""), "api key");

    let (mut service, address, figures) = serve(db, &config);
    assert_eq!(ask(&address, "GET /healthz HTTP/1.1", "").0, 200);
    assert_eq!(ask(&address, "GET /readyz HTTP/1.1", "").0, 200);
    assert_eq!((call(&address, &key), call(&address, &other), call(&address, "cube_wrong")), (200, 200, 401));
    let (status, text) = ask(&figures, "GET /metrics HTTP/1.1", "");
    assert!(status == 200 && text.contains("cube_tool_calls_total{tool=\"app_list\",outcome=\"ok\"} 2"), "{text}");
    assert_eq!(ask(&address, "GET /metrics HTTP/1.1", "").0, 404);

    let listed = said(&["keys", "list", "--db", db, "--owner", "ann"], "");
    let line = listed.lines().find(|line| line.starts_with(&id)).unwrap();
    assert!(line.contains(&key[..10]) && line.contains("groups admin") && line.contains("laptop"), "{listed}");
    assert!(!listed.contains(&key) && listed.lines().count() == 2, "{listed}");
    assert_eq!(said(&["keys", "revoke", "--db", db, &id], ""), "revoked 1\n");
    while call(&address, &key) != 401 {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(call(&address, &other), 200, "and no other");

    // kill -9, and again.
    service.0.kill().unwrap();
    drop(service);
    let (mut service, address, _) = serve(db, &config);
    assert_eq!((call(&address, &key), call(&address, &other)), (401, 200));
    assert_eq!(said(&["keys", "revoke", "--db", db, "--owner", "ann"], ""), "revoked 1\n");
    while call(&address, &other) != 401 {
        std::thread::sleep(Duration::from_millis(50));
    }
    // A balancer is told before the port is closed, and until then all is answered; a second signal ends the wait.
    let pid = service.0.id().to_string();
    let signal = || assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    signal();
    while ask(&address, "GET /readyz HTTP/1.1", "").0 != 503 {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(ask(&address, "GET /healthz HTTP/1.1", "").0, 200);
    assert_eq!(call(&address, &other), 401, "it is answered still");
    signal();
    assert!(service.0.wait().unwrap().success());
}

#[test]
fn mistakes_are_refused_by_name_and_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let db = dir.path().join("cloud.sqlite");
    let db = db.to_str().unwrap();
    said(&["users", "add", "--create", "--db", db, "first", "--group", "admin"], &format!("{PASSWORD}\n"));
    for (arguments, stdin, word) in [
        (&["users", "add", "--db", db, "ann", "--group", "admin"][..], "short\n", "10 characters"),
        (&["users", "add", "--db", db, "a b", "--group", "admin"], PASSWORD, "no name of a user"),
        (&["users", "add", "--db", db, "ann", "--group", " "], PASSWORD, "no name of a group"),
        (&["users", "add", "--db", db, "--store", "dynamodb://abc", "ann"], PASSWORD, "cannot be used with"),
        (&["keys", "create", "--db", db, "--owner", "nobody"], "", "no user `nobody`"),
        (&["keys", "revoke", "--db", db, "no-such-id"], "", "no key"),
        (&["keys", "revoke", "--db", db], "", "required"),
        (&["keys", "list", "--store", "redis://x"], "", "dynamodb://TABLE"),
        (&["cloud", "serve", "--db", db, "--config", "/nowhere.yaml"], "", "/nowhere.yaml"),
        (&["cloud", "serve", "--db", db, "--config", "x", "--tls-cert", "x"], "", "--tls-key"),
    ] {
        let out = ran(arguments, stdin);
        let told = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(!out.status.success() && told.contains(word), "{arguments:?}: {told}");
        assert!(!told.contains(PASSWORD), "{told}");
    }
    assert_eq!(said(&["keys", "list", "--db", db], ""), "");
}

/// At a terminal the password is asked for, twice.
#[cfg(target_os = "linux")]
#[test]
fn a_password_is_asked_for_at_a_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let db = dir.path().join("cloud.sqlite");
    let line = format!("'{PROGRAM}' users add --create --db '{}' ann --group admin", db.display());
    // Of util-linux, which not every system has.
    if Command::new("script").arg("--version").output().is_err() {
        assert!(std::env::var("CUBE_REAL").as_deref() != Ok("1"), "`script` is not installed");
        eprintln!("SKIPPED: `script` is not installed");
        return;
    }
    let at_terminal = |typed: &str| {
        let mut command = Command::new("script");
        command.args(["-qefc", &line, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (mut typing, mut shown) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut seen = String::new();
        for (prompt, line) in ["Password: ", "Again: "].iter().zip(typed.split(' ')) {
            let mut byte = [0];
            while !seen.ends_with(prompt) {
                assert_eq!(shown.read(&mut byte).unwrap(), 1, "{seen}");
                seen.push(char::from(byte[0]));
            }
            typing.write_all(format!("{line}\n").as_bytes()).unwrap();
        }
        shown.read_to_string(&mut seen).unwrap();
        (child.wait().unwrap().success(), seen)
    };
    let (good, seen) = at_terminal("correct-horse correct-horsf");
    assert!(!good && seen.contains("differ"), "{seen}");
    let (good, seen) = at_terminal("correct-horse correct-horse");
    assert!(good && seen.contains("may sign in"), "{seen}");
}
