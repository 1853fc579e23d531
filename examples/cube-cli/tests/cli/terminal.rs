//! What a person sees, in a real terminal: tmux.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cube_sdk_server::local::World;

use crate::cable::Cable;
use crate::world::Place;

/// A terminal with a shell in it, of a server of its own.
pub(crate) struct Screen {
    socket: std::path::PathBuf,
}

fn tmux(socket: &std::path::Path, line: &[&str]) -> std::process::Output {
    Command::new("tmux")
        .arg("-S")
        .arg(socket)
        .args(["-f", "/dev/null"])
        .args(line)
        .env("TERM", "xterm-256color")
        .output()
        .unwrap()
}

impl Screen {
    /// None, said loudly, where tmux is missing.
    pub(crate) fn new(place: &Place, columns: u32) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            eprintln!("SKIPPED: tmux is not installed, nothing was looked at in a terminal");
            return None;
        }
        // A server that was told to end may still hold its socket when the next one starts.
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let socket = place.home.path().join(format!("tmux-{}.sock", STARTED.fetch_add(1, Ordering::Relaxed)));
        let mut start =
            vec!["new-session".to_owned(), "-d".into(), "-x".into(), columns.to_string(), "-y".into(), "40".into()];
        let program = place.command(&[]);
        for (name, value) in program.get_envs().filter(|(name, _)| *name != "PATH") {
            let value = value.unwrap_or_default().to_string_lossy();
            start.extend(["-e".to_owned(), format!("{}={value}", name.to_string_lossy())]);
        }
        let folder = std::path::Path::new(env!("CARGO_BIN_EXE_cube")).parent().unwrap();
        let path = format!("PATH={}:{}", folder.display(), std::env::var("PATH").unwrap());
        // tmux gives its own path to a shell, whatever it is told by `-e`.
        start.extend(["env".to_owned(), path, "sh".into()]);
        let started = tmux(&socket, &start.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
        let screen = Self { socket };
        // What is typed before the shell reads is shown twice.
        screen.types("echo rea''dy");
        screen.shows("ready");
        Some(screen)
    }

    /// Types without a return at the end.
    pub(crate) fn begins(&self, text: &str) {
        assert!(tmux(&self.socket, &["send-keys", "-l", text]).status.success());
    }

    pub(crate) fn types(&self, text: &str) {
        self.begins(text);
        assert!(tmux(&self.socket, &["send-keys", "Enter"]).status.success());
    }

    pub(crate) fn presses(&self, key: &str) {
        assert!(tmux(&self.socket, &["send-keys", key]).status.success());
    }

    /// Presses it until the screen shows this: again after ten seconds, as a person would.
    pub(crate) fn presses_until(&self, key: &str, words: &str) {
        for _ in 0..12 {
            self.presses(key);
            for _ in 0..200 {
                if self.shown().contains(words) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        panic!("the screen does not show {words}:\n{}", self.shown());
    }

    fn shown(&self) -> String {
        String::from_utf8_lossy(&tmux(&self.socket, &["capture-pane", "-p"]).stdout).into_owned()
    }

    /// Waits until the screen shows this.
    pub(crate) fn shows(&self, words: &str) -> String {
        self.shows_that(words, |shown| shown.contains(words))
    }

    /// Waits until the screen shows this no more.
    pub(crate) fn shows_cleared(&self, words: &str) {
        self.shows_that("anything but what was there", |shown| !shown.contains(words.trim_end()));
    }

    fn shows_that(&self, what: &str, is: impl Fn(&str) -> bool) -> String {
        for _ in 0..2_400 {
            let shown = self.shown();
            if is(&shown) {
                return shown;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the screen does not show {what}:\n{}", self.shown());
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = tmux(&self.socket, &["kill-server"]);
    }
}

#[test]
fn a_tunnel_shows_its_streams_and_ends_with_ctrl_c() {
    let place = Place::new();
    let Some(screen) = Screen::new(&place, 80) else { return };
    screen.types("cube tunnel open echo; echo ended $?");
    let shown = screen.shows("running (version 2)");
    let address = shown.split("echo is at ").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap().to_owned();
    let mut stream = std::net::TcpStream::connect(&address).unwrap();
    std::io::Write::write_all(&mut stream, b"hello").unwrap();
    screen.shows("1 open of 1 streams, 5 B up");
    drop(stream);
    screen.shows("0 open of 1 streams");
    screen.presses("C-c");
    let end = screen.shows("ended 0");
    assert!(!end.contains("0 open of 1"), "the line is left:\n{end}");
}

#[test]
fn a_name_has_to_be_typed_before_something_is_deleted() {
    let place = Place::new();
    let Some(screen) = Screen::new(&place, 80) else { return };
    screen.types("cube env delete cube-8; echo ended $?");
    screen.shows("Type cube-8 to go on:");
    screen.types("cube-9");
    screen.shows("ended 130");
    screen.types("clear; cube env delete cube-8; echo ended $?");
    screen.shows("Type cube-8 to go on:");
    screen.types("cube-8");
    screen.shows("ended 0");
}

#[test]
fn a_secret_is_asked_for_and_not_shown() {
    let place = Place::new();
    let Some(screen) = Screen::new(&place, 80) else { return };
    screen.types("cube secret create cube-7 mosquitto word; echo ended $?");
    screen.shows("word:");
    screen.types("c-canary");
    let shown = screen.shows("ended 0");
    assert!(!shown.contains("canary"), "{shown}");
    assert_eq!(place.world.apollo().secret_value("cube-7", "mosquitto", "word", "word").as_deref(), Some("c-canary"));
}

#[test]
fn bytes_are_counted_while_they_come() {
    let place = Place::of(World::builder().s3_rate(128 * 1024));
    let aws = place.card().aws.clone();
    place.good(&["byo", "setup", &aws.bucket]);
    place.good(&["byo", "attach", &aws.role_arn]);
    let Some(screen) = Screen::new(&place, 120) else { return };
    screen.types(&format!("clear; cube byo read s3://{}/{} --to $HOME/m; echo ended $?", aws.bucket, aws.object_key));
    // Bytes, rate and rest.
    let shown = screen.shows("MiB ");
    assert!(shown.contains("/s") && shown.contains(" left ["), "{shown}");
    let end = screen.shows("ended 0");
    assert!(end.contains("sha256") && !end.contains(" left ["), "the bar is left:\n{end}");
}

#[test]
fn tables_fit_the_terminal() {
    let place = Place::new();
    for columns in [80, 120] {
        let Some(screen) = Screen::new(&place, columns) else { return };
        screen.types("clear; cube doctor; echo ended $?");
        let shown = screen.shows("ended 0");
        assert!(
            shown.contains("CHECK") && shown.lines().all(|line| line.chars().count() <= columns as usize),
            "{shown}"
        );
        screen.types("clear; cube env ls; cube product ls; cube env ls --outptu x; echo ended $?");
        eprintln!("{}", screen.shows("ended 2"));
    }
}

#[test]
fn a_plan_is_shown_anew_while_it_moves() {
    let place = Place::new();
    place.world.apollo().approve_all();
    place.good(&["entity", "enforce", "cube-7", "mosquitto"]);
    let Some(screen) = Screen::new(&place, 100) else { return };
    screen.types("clear; cube plan show cube-7 mosquitto --watch 1; echo ended $?");
    let first = screen.shows("mosquitto");
    // The double's plans move with every look: another state takes the first one's place.
    let later = screen.shows_that("another state of the plan", |shown| {
        shown.contains("mosquitto") && !shown.contains("ended") && shown.trim() != first.trim()
    });
    assert!(later.lines().filter(|line| !line.trim().is_empty()).count() < 40, "the old text is left:\n{later}");
    screen.presses("C-c");
    screen.shows("ended 0");
}

#[test]
fn a_tunnel_shows_that_its_relay_is_away_and_that_it_is_back() {
    let place = Place::new();
    let mut relay = Cable::to(&place.card().cloud.url);
    let Some(screen) = Screen::new(&place, 100) else { return };
    screen.types(&format!("clear; CUBE_CLOUD_URL={} cube tunnel open echo; echo ended $?", relay.url()));
    screen.shows("running (version 2)");
    relay.cut();
    screen.shows("reconnecting");
    relay.mend();
    screen.shows_that("running after reconnecting", |shown| {
        shown.rfind("running (version 2)") > shown.rfind("reconnecting")
    });
    screen.presses("C-c");
    screen.shows("ended 0");
}
