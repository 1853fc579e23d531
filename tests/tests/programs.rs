//! Every program of the workspace starts, in a debug build, and says what it is and why it ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;

use cargo_metadata::{Message, MetadataCommand};
use cube_sdk_components::{PYTHON, component};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// All programs by name, built if they are not.
fn programs() -> &'static BTreeMap<String, PathBuf> {
    static PROGRAMS: LazyLock<BTreeMap<String, PathBuf>> = LazyLock::new(built);
    &PROGRAMS
}

fn built() -> BTreeMap<String, PathBuf> {
    let metadata = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap();
    let mut known: Vec<_> = metadata
        .packages
        .iter()
        .flat_map(|package| &package.targets)
        .filter(|target| target.is_bin())
        .map(|target| target.name.clone())
        .collect();
    known.sort();
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--locked", "--workspace", "--bins", "--tests", "--message-format=json-render-diagnostics"]);
    // Those that these tests were built with, where somebody says so: else all would be built once more.
    if let Ok(features) = std::env::var("CUBE_TEST_FEATURES") {
        command.args(["--features", &features]);
    }
    let built = command.current_dir(root()).stderr(Stdio::inherit()).output().unwrap();
    assert!(built.status.success(), "the programs do not build");
    let programs: BTreeMap<_, _> = Message::parse_stream(built.stdout.as_slice())
        .filter_map(|message| match message.unwrap() {
            Message::CompilerArtifact(artifact) if artifact.target.is_bin() && !artifact.profile.test => {
                Some((artifact.target.name, artifact.executable?.into_std_path_buf()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(programs.keys().cloned().collect::<Vec<_>>(), known, "every program is built");
    programs
}

fn run(program: &Path, arguments: &[&str]) -> Output {
    // Whatever this process's own environment says: no log lines, no colours.
    Command::new(program)
        .args(arguments)
        .env_remove("RUST_LOG")
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn every_program_tells_what_it_is_and_refuses_what_it_does_not_know() {
    let programs = programs();
    assert!(programs.len() >= 6, "{programs:?}");
    for (name, program) in programs {
        for (argument, word) in [("--help", name.as_str()), ("--version", env!("CARGO_PKG_VERSION"))] {
            let output = run(program, &[argument]);
            let (out, err) = (text(&output.stdout), text(&output.stderr));
            assert!(output.status.success(), "{name} {argument}: {}\n{out}{err}", output.status);
            assert!(out.contains(word), "{name} {argument} does not name {word}: {out}");
            assert!(!out.contains('\u{1b}'), "{name} {argument} is coloured in spite of NO_COLOR: {out:?}");
        }
        for bad in [&["--no-such-option"][..], &["no-such-command", "--no-such-option"]] {
            let output = run(program, bad);
            let err = text(&output.stderr);
            let code = output.status.code().unwrap_or_else(|| panic!("{name} {bad:?} was killed: {err}"));
            assert!((1..=100).contains(&code), "{name} {bad:?}: {code}\n{err}");
            assert!(!err.is_empty() && !err.contains("panicked"), "{name} {bad:?}: {err}");
        }
    }
}

/// A process that ends with its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a program; gives the address that its one line on stdout tells.
fn listening(program: &Path, arguments: &[&str], log: &Path) -> (Running, String) {
    let child = Command::new(program)
        .args(arguments)
        .env_remove("RUST_LOG")
        .env("NO_COLOR", "1")
        .env("CUBE_TUNNEL_TOKEN", "k-programs")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(log).unwrap())
        .spawn()
        .unwrap();
    let mut running = Running(child);
    let mut line = String::new();
    BufReader::new(running.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening ");
    let address = address.unwrap_or_else(|| panic!("{line:?}: {}", std::fs::read_to_string(log).unwrap()));
    (running, address.to_owned())
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if holds() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("not within 20 s: {what}");
}

#[test]
fn the_tunnel_programs_say_why_a_stream_was_refused_and_end_with_the_code_of_the_error() {
    let programs = programs();
    let dir = tempfile::tempdir().unwrap();
    let (relay_log, agent_log) = (dir.path().join("relay"), dir.path().join("agent"));
    let (relay, agent) = (&programs["tunnel-relay"], &programs["tunnel-agent"]);
    let (mut server, address) = listening(relay, &["--listen", "127.0.0.1:0", "--app", "db=127.0.0.1:1"], &relay_log);
    let url = format!("ws://{address}/tunnel");
    let (mut client, port) = listening(agent, &["--url", &url, "--app", "no-such-app"], &agent_log);
    drop(std::net::TcpStream::connect(&port).unwrap());
    for (log, words) in [(&relay_log, "no app `no-such-app`"), (&agent_log, "no app `no-such-app`")] {
        let said = || std::fs::read_to_string(log).unwrap();
        eventually(&format!("{}: {words}", log.display()), || said().contains(words));
        let said = said();
        let lines: Vec<_> = said.lines().filter(|line| line.contains(words)).collect();
        assert_eq!(lines.len(), 1, "one line for one stream: {said}");
        assert!(!said.contains('\u{1b}') && !said.contains("k-programs"), "{said}");
    }

    // The kind of an error is told by the exit code.
    let ended = |arguments: &[&str]| {
        let output = run(agent, arguments);
        (output.status.code(), text(&output.stderr))
    };
    let token = ["--token", "wrong", "--app", "x", "--url"];
    let (code, said) = ended(&[&token[..], &[&url]].concat());
    assert_eq!(code, Some(i32::from(cube_sdk_core::ErrorKind::Unauthenticated.exit_code())), "{said}");
    assert!(said.lines().any(|line| line.starts_with("tunnel-agent: ")), "{said}");
    let (code, said) = ended(&["--url", "ws://127.0.0.1:1/tunnel", "--app", "x", "--token-file", "/nonexistent"]);
    assert_eq!(code, Some(i32::from(cube_sdk_core::ErrorKind::Credentials.exit_code())), "{said}");
    let (code, said) = ended(&["--url", "ws://relay.example/tunnel", "--app", "x", "--token-file", "/nonexistent"]);
    assert_eq!(code, Some(i32::from(cube_sdk_core::ErrorKind::Config.exit_code())), "clear text: {said}");

    // SIGTERM is a stop in order.
    for (name, process) in [("agent", &mut client), ("relay", &mut server)] {
        let killed = Command::new("kill").args(["-TERM", &process.0.id().to_string()]).status().unwrap();
        assert!(killed.success());
        let status = process.0.wait().unwrap();
        assert!(status.success(), "{name}: {status}");
    }
}

/// Idle connections take no descriptors from those who have a key: a relay that may open 128 files serves 50 streams
/// beside 100 of them.
#[cfg(target_os = "linux")]
#[test]
fn idle_connections_leave_descriptors_to_the_streams_of_others() {
    use std::io::{Read as _, Write as _};

    let programs = programs();
    let dir = tempfile::tempdir().unwrap();
    let echo = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let app = format!("echo={}", echo.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in echo.incoming().flatten() {
            std::thread::spawn(move || std::io::copy(&mut &stream, &mut &stream));
        }
    });
    let relay = programs["tunnel-relay"].display().to_string();
    let limited = format!("ulimit -n 128; exec '{relay}' --listen 127.0.0.1:0 --app '{app}'");
    let (_server, address) = listening(Path::new("/bin/sh"), &["-c", &limited], &dir.path().join("relay"));
    let idle: Vec<_> = (0..100).map(|_| std::net::TcpStream::connect(&address).unwrap()).collect();
    let url = format!("ws://{address}/tunnel");
    let agent = ["--url", url.as_str(), "--app", "echo"];
    let (_client, port) = listening(&programs["tunnel-agent"], &agent, &dir.path().join("agent"));
    let mut streams: Vec<_> = (0..50).map(|_| std::net::TcpStream::connect(&port).unwrap()).collect();
    for stream in &mut streams {
        stream.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
        stream.write_all(b"x").unwrap();
        stream.read_exact(&mut [0]).unwrap();
    }
    drop(idle);
}

/// Runs a script of the repository; none where there is no Python.
fn script(path: &str, arguments: &[&std::ffi::OsStr], real: Option<&Path>) -> Option<Output> {
    let mut command = Command::new(component("python3", PYTHON)?);
    command.arg(root().join(path)).args(arguments);
    if let Some(real) = real {
        command.env("CUBE_REAL_BIN", real);
    }
    Some(command.output().unwrap())
}

fn right(ended: &Output) {
    assert!(ended.status.success(), "{}\n{}", text(&ended.stdout), text(&ended.stderr));
}

#[test]
fn every_command_of_the_documents_is_known() {
    let Some(checked) = script("tests/real/commands", &["--check".as_ref()], None) else { return };
    right(&checked);
}

/// The guides followed from beginning to end beside an embedded world; the role is made by the real `aws` client.
#[test]
fn the_commands_of_the_guides_end_as_they_say() {
    let Some(aws) = component("aws", PYTHON) else { return };
    let programs = programs()["cube"].parent().unwrap();
    let arguments = ["--world".as_ref(), programs.as_os_str()];
    let Some(followed) = script("tests/real/commands", &arguments, aws.parent()) else { return };
    right(&followed);
}

#[test]
fn every_picture_is_that_of_its_figures() {
    let Some(checked) = script("benches/plots/draw", &["--check".as_ref()], None) else { return };
    right(&checked);
}
