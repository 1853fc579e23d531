//! tunnel open, ls, stop, run.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Stdio};

use serde_json::Value;

use crate::cable::Cable;
use crate::world::{Place, fits, names};

/// A tunnel in a process of its own, which ends with its owner.
struct Open {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
    address: String,
}

impl Open {
    fn new(place: &Place, app: &str) -> Self {
        Self::by(place.command(&["tunnel", "open", app, "--output", "ndjson"]))
    }

    fn by(mut command: std::process::Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let document: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        fits(&document);
        assert_eq!(document["data"]["event"], "listening", "{document}");
        let address = document["data"]["tunnel"]["address"].as_str().unwrap().to_owned();
        Self { child, lines, address }
    }

    /// The next document whose remark begins so.
    fn tells(&mut self, what: &str) -> Value {
        loop {
            let line = self.lines.next().expect("it ended").unwrap();
            let document: Value = serde_json::from_str(&line).unwrap();
            fits(&document);
            if document["data"]["what"].as_str().is_some_and(|told| told.starts_with(what)) {
                return document;
            }
        }
    }

    fn echoes(&self) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(b"hello").unwrap();
        let mut back = [0; 5];
        stream.read_exact(&mut back).unwrap();
        assert_eq!(&back, b"hello");
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn processes_see_and_stop_each_others_tunnels() {
    let place = Place::new();
    assert!(place.good(&["tunnel", "ls"]).contains("No tunnel"));
    place.bad(&["tunnel", "ls", "--watch", "often"], 2, "often");
    let mut open = Open::new(&place, "echo");
    open.echoes();
    let rows = place.data(&["tunnel", "ls"]);
    let row = &rows.as_array().unwrap()[0];
    assert_eq!((row["app"].as_str(), row["pid"].as_u64()), (Some("echo"), Some(u64::from(open.child.id()))));
    assert_eq!((row["address"].as_str(), row["sent"].as_u64()), (Some(open.address.as_str()), Some(5)), "{row}");
    let table = place.good(&["tunnel", "ls"]);
    assert!(table.starts_with("APP") && table.contains(&open.address), "{table}");

    let folder = std::path::Path::new(&place.card().cloud.config_dir).join("tunnels");
    #[cfg(unix)]
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&folder).unwrap().permissions()) & 0o777,
        0o700
    );
    place.bad(&["tunnel", "stop", "no-such"], 6, "no-such");
    assert!(place.good(&["tunnel", "stop", "echo"]).contains("echo"));
    assert!(open.child.wait().unwrap().success());
    let last = open.lines.by_ref().last().unwrap().unwrap();
    let document: Value = serde_json::from_str(&last).unwrap();
    fits(&document);
    assert_eq!(document["data"]["event"], "stopped", "{document}");
    assert_eq!(names(&folder), Vec::<String>::new(), "a socket is left");
}

#[test]
fn a_killed_process_leaves_nothing_that_is_shown() {
    let place = Place::new();
    let mut killed = Open::new(&place, "echo");
    let _kept = Open::new(&place, "echo");
    killed.child.kill().unwrap();
    killed.child.wait().unwrap();
    let rows = place.data(&["tunnel", "ls"]);
    assert_eq!(rows.as_array().unwrap().len(), 1, "{rows}");
    place.good(&["tunnel", "stop", "--all"]);
    assert!(place.good(&["tunnel", "ls"]).contains("No tunnel"));
}

#[test]
fn a_command_runs_through_a_tunnel_and_its_exit_code_counts() {
    let place = Place::new();
    let said =
        place.good(&["tunnel", "run", "echo", "--", "sh", "-c", "echo {port} $CUBE_TUNNEL_PORT $CUBE_TUNNEL_HOST"]);
    let words: Vec<_> = said.split_whitespace().collect();
    assert!(words.len() == 3 && words[0] == words[1] && words[2] == "127.0.0.1", "{said}");
    assert_eq!(place.run(&["tunnel", "run", "echo", "--", "sh", "-c", "exit 7"]).code, 7);
    assert_eq!(place.run(&["tunnel", "run", "echo", "--", "sh", "-c", "kill -9 $$"]).code, 137);
    place.bad(&["tunnel", "run", "echo", "--", "/no/such/program"], 14, "/no/such/program");
    place.bad(&["tunnel", "run", "", "--", "true"], 2, "app");
}

#[test]
fn a_refused_stream_is_told_and_a_bad_key_ends_it() {
    let place = Place::new();
    let mut open = Open::new(&place, &place.card().cloud.dead_app.clone());
    let mut stream = TcpStream::connect(&open.address).unwrap();
    let _ = stream.read(&mut [0]);
    let line = open.lines.next().unwrap().unwrap();
    let document: Value = serde_json::from_str(&line).unwrap();
    fits(&document);
    assert!(document["data"]["what"].as_str().unwrap().contains("refused"), "{document}");

    let refused = place.command(&["tunnel", "open", "echo"]).env("CUBE_API_KEY", "cube_nobody").output().unwrap();
    assert_eq!(refused.status.code(), Some(4));
    place.bad(&["tunnel", "open", "echo", "--bind", "127.0.0.1"], 2, "it has no port");
    place.bad(&["tunnel", "open", "echo", "--bind", "::1"], 2, "in brackets");
    place.bad(&["tunnel", "open", "echo", "--bind", "127.0.0.1:70000"], 2, "from 0 to 65535");
    place.bad(&["tunnel", "open", "echo", "--bind", "192.0.2.1:0"], 14, "192.0.2.1:0");
}

#[test]
fn a_tunnel_outlives_its_relay_and_says_so() {
    let place = Place::new();
    let mut relay = Cable::to(&place.card().cloud.url);
    let mut command = place.command(&["tunnel", "open", "echo", "--output", "ndjson"]);
    command.env("CUBE_CLOUD_URL", relay.url());
    let mut open = Open::by(command);
    open.echoes();
    relay.cut();
    open.tells("reconnecting");
    relay.mend();
    open.tells("running");
    // The same port leads there again.
    open.echoes();
}
