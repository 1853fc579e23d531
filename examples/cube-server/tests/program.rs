//! cube-server as a program: ready file, signals, kill -9, the keys that it prints.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A process that ends with its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cube-server"));
        Self(command.args(arguments).stdout(Stdio::piped()).spawn().unwrap())
    }

    fn signal(mut self, name: &str) -> ExitStatus {
        let id = self.0.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
        self.0.wait().unwrap()
    }

    fn first_line(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        line.trim().to_owned()
    }
}

fn output(arguments: &[&str]) -> String {
    let out = Command::new(env!("CARGO_BIN_EXE_cube-server")).args(arguments).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

fn card(path: &Path) -> Value {
    let started = Instant::now();
    loop {
        if let Ok(bytes) = std::fs::read(path) {
            return serde_json::from_slice(&bytes).expect("the ready file is never half-written");
        }
        assert!(started.elapsed() < Duration::from_secs(60), "no ready file");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Status of a GET.
fn get(address: &str, path: &str, key: &str) -> u16 {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply.split(' ').nth(1).unwrap().parse().unwrap()
}

fn works(card: &Value) {
    let edgegate = &card["edgegate"];
    let text = |name: &str| edgegate[name].as_str().unwrap();
    let address = text("url").strip_prefix("http://").unwrap();
    assert_eq!(get(address, &format!("/v1/workspaces/{}", text("workspace")), text("api_key")), 200);
}

#[test]
fn the_world_outlives_kill_9_and_ends_on_a_signal() {
    let dir = tempfile::tempdir().unwrap();
    let (ready, data) = (dir.path().join("card.json"), dir.path().join("data"));
    let arguments = ["local", "--ready-file", ready.to_str().unwrap(), "--data", data.to_str().unwrap()];
    let world = Running::start(&arguments);
    let first = card(&ready);
    works(&first);
    drop(world);
    std::fs::remove_file(&ready).unwrap();

    let world = Running::start(&arguments);
    let second = card(&ready);
    works(&second);
    for name in ["workspace", "free_workspace", "api_key", "pipeline"] {
        assert_eq!(first["edgegate"][name], second["edgegate"][name], "{name}");
    }
    assert!(world.signal("TERM").success());
    assert!(!ready.exists(), "a card that leads nowhere is taken away");
}

#[test]
fn the_environment_is_printed_for_a_shell() {
    let dir = tempfile::tempdir().unwrap();
    let ready = dir.path().join("card.json");
    let mut world = Running::start(&["local", "--env", "--seed", "7", "--ready-file", ready.to_str().unwrap()]);
    let url = card(&ready)["edgegate"]["url"].as_str().unwrap().to_owned();
    assert_eq!(world.first_line(), format!("export EDGEGATE_API_URL='{url}'"));
    assert!(world.signal("INT").success());
}

/// What another shell gets that reads the file.
fn sourced(file: &Path, name: &str) -> String {
    let script = format!(". '{}'; printf %s \"${name}\"", file.display());
    let out = Command::new("sh").args(["-c", &script]).env_clear().output().unwrap();
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn another_shell_reads_the_environment_from_a_file_and_an_app_of_ones_own_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("it's here.env");
    let app = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let named = format!("mine={}", app.local_addr().unwrap());
    let mut world = Running::start(&["local", "--env", file.to_str().unwrap(), "--app", &named]);
    assert_eq!(world.first_line(), format!("exports in {}", file.display()), "and no secret on the screen");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let linked = dir.path().join("env");
    std::fs::copy(&file, &linked).unwrap();
    let (url, key) = (sourced(&linked, "CUBE_CLOUD_URL"), sourced(&linked, "CUBE_API_KEY"));
    let address = url.strip_prefix("http://").unwrap_or_else(|| panic!("{url}"));
    assert_eq!(get(address, "/healthz", ""), 200);
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"app_list","arguments":{}}}"#;
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /mcp/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.contains("mine") && reply.contains("echo"), "{reply}");
    assert!(world.signal("TERM").success());
    assert!(!file.exists(), "exports that lead nowhere are taken away");
}

#[test]
fn apps_that_are_none_and_names_that_are_taken_are_refused() {
    for (app, word) in [
        ("mine", "NAME=HOST:PORT"),
        ("mine=nowhere", "`mine`"),
        ("echo=127.0.0.1:1", "of its own"),
        ("vault=127.0.0.1:1", "of its own"),
    ] {
        let out = Command::new(env!("CARGO_BIN_EXE_cube-server")).args(["local", "--app", app]).output().unwrap();
        let told = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.code() == Some(2) && told.contains(word), "{app}: {told}");
    }
}

#[test]
fn a_company_runs_the_service_itself() {
    let dir = tempfile::tempdir().unwrap();
    let db = dir.path().join("edgegate.sqlite");
    let db = db.to_str().unwrap();
    let made = output(&["edgegate", "init", "--db", db, "--name", "Acme", "--owner", "o@acme.example"]);
    let word = |text: &str, label: &str| {
        let line = text.lines().find(|line| line.starts_with(label)).unwrap();
        line[label.len()..].split_whitespace().next().unwrap().to_owned()
    };
    let (workspace, key) = (word(&made, "workspace"), word(&made, "api key"));
    let member = output(&[
        "edgegate",
        "member",
        "--db",
        db,
        "--workspace",
        &workspace,
        "--email",
        "v@acme.example",
        "--role",
        "viewer",
    ]);
    let viewer = word(&member, "api key");

    let mut service = Running::start(&["edgegate", "serve", "--db", db, "--listen", "127.0.0.1:0"]);
    let line = service.first_line();
    let address = line.strip_prefix("listening ").unwrap();
    let grants = format!("/v1/workspaces/{workspace}/byo-storage/grants");
    assert_eq!(get(address, &grants, &key), 404, "no grant yet");
    assert_eq!(get(address, &grants, &viewer), 403);
    assert_eq!(get(address, &grants, "egk_live_wrong"), 401);
    output(&["edgegate", "plan", "--db", db, "--workspace", &workspace, "--plan", "pro"]);
    assert_eq!(get(address, &grants, &key), 402);
    assert!(service.signal("TERM").success());
}

#[test]
fn mistakes_end_with_the_exit_code_of_their_kind() {
    let status = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_cube-server")).args(arguments).output().unwrap().status.code()
    };
    let dir = tempfile::tempdir().unwrap();
    let db = dir.path().join("edgegate.sqlite");
    let db = db.to_str().unwrap();
    assert_eq!(status(&["edgegate", "init", "--db", db, "--owner", "nobody"]), Some(2));
    assert_eq!(status(&["edgegate", "plan", "--db", db, "--workspace", "x", "--plan", "pro"]), Some(6));
    let missing = dir.path().join("missing/db");
    assert_eq!(status(&["edgegate", "init", "--db", missing.to_str().unwrap()]), Some(14));
    assert_eq!(status(&["local", "--s3-rate", "0"]), Some(2));
}

fn refused(arguments: &[&str], environment: &[(&str, &Path)]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cube-server"));
    command.args(arguments).env_remove("EDGEGATE_DB").envs(environment.iter().copied());
    let out = command.stdin(Stdio::null()).output().unwrap();
    assert!(!out.status.success(), "{arguments:?}");
    String::from_utf8(out.stderr).unwrap()
}

#[test]
fn a_mistyped_path_leaves_no_database_behind() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("cloud.yaml");
    std::fs::write(&config, "url: http://localhost\nprofiles: { admin: { groups: [admin] } }").unwrap();
    let db = dir.path().join("mistyped.sqlite");
    let (db, config) = (db.to_str().unwrap(), config.to_str().unwrap());
    for arguments in [
        &["edgegate", "serve", "--db", db][..],
        &["edgegate", "doctor", "--db", db],
        &["edgegate", "member", "--db", db, "--workspace", "x", "--email", "a@b.example", "--role", "viewer"],
        &["edgegate", "plan", "--db", db, "--workspace", "x", "--plan", "pro"],
        #[cfg(feature = "postgres")]
        &["edgegate", "migrate-db", db, "postgres://localhost/none"],
        #[cfg(feature = "postgres")]
        &["edgegate", "export-audit", "--db", db, "--before", "2026-01-01T00:00:00Z", "--to", "."],
        &["cloud", "serve", "--db", db, "--config", config],
        &["users", "add", "--db", db, "ann", "--group", "admin"],
        &["keys", "create", "--db", db, "--owner", "ann"],
        &["keys", "list", "--db", db],
        &["keys", "revoke", "--db", db, "some-id"],
    ] {
        let told = refused(arguments, &[]);
        // The doctor's findings are on stdout.
        assert!(told.contains("there is no database") || arguments[1] == "doctor", "{arguments:?}: {told}");
        let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["cloud.yaml"], "{arguments:?}");
    }
}

#[test]
fn where_no_database_is_named_a_first_start_makes_it_and_no_other_command_does() {
    let dir = tempfile::tempdir().unwrap();
    let (state, data) = (dir.path().join("state"), dir.path().join("data"));
    let private: [(&str, &Path); 2] = [("STATE_DIRECTORY", &state), ("XDG_DATA_HOME", &data)];
    let told = refused(&["edgegate", "plan", "--workspace", "x", "--plan", "pro"], &private);
    assert!(told.contains(state.join("edgegate.sqlite").to_str().unwrap()), "{told}");
    let told = refused(&["keys", "list"], &private);
    assert!(told.contains(state.join("cloud.sqlite").to_str().unwrap()), "{told}");
    assert!(!state.exists() && !data.exists());
    for (state_directory, place) in [(state.to_str().unwrap(), &state), ("", &data.join("cube-server"))] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cube-server"));
        command.args(["edgegate", "serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped());
        command.env("STATE_DIRECTORY", state_directory).env("XDG_DATA_HOME", &data).env_remove("EDGEGATE_DB");
        let mut service = Running(command.spawn().unwrap());
        assert!(service.first_line().starts_with("listening "));
        assert!(place.join("edgegate.sqlite").exists());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(place).unwrap().permissions().mode() & 0o777, 0o700);
        }
        assert!(service.signal("TERM").success());
    }
}
