//! login, logout, status, token, doctor.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::world::{Place, ended, fits, names, program};

fn key(place: &Place) -> String {
    use cube_sdk::core::secret::ExposeSecret as _;
    place.card().cloud.api_key.expose_secret().to_owned()
}

#[test]
fn status_tells_where_the_key_is_from_and_ends_with_the_kind_of_the_trouble() {
    let place = Place::new();
    assert!(place.good(&["status"]).contains("cube-cloud: connected"));
    assert_eq!(place.data(&["status"])["service"], "connected");
    assert_eq!(place.data(&["status", "--offline"])["service"], "not_asked");

    let refused = ended(place.command(&["status"]).env("CUBE_API_KEY", "cube_nobody").output().unwrap());
    assert_eq!(refused.code, 4, "{refused:?}");
    let away = place.command(&["status"]).env("CUBE_CLOUD_URL", "http://127.0.0.1:1").output().unwrap();
    assert_eq!(ended(away).code, 10);
    // Offline nothing is asked, so that nothing can be away.
    let offline = place.command(&["status", "--offline"]).env("CUBE_CLOUD_URL", "http://127.0.0.1:1").output().unwrap();
    assert_eq!(ended(offline).code, 0);
    let none = ended(place.command(&["status"]).env_remove("CUBE_API_KEY").output().unwrap());
    assert!(none.code == 4 && none.out.contains("log in"), "{none:?}");
}

#[test]
fn a_given_key_is_kept_and_forgotten_again() {
    let place = Place::new();
    let run = |line: &[&str], text: &str| {
        let mut command = place.command(line);
        let mut child = command
            .env_remove("CUBE_API_KEY")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes());
        ended(child.wait_with_output().unwrap())
    };
    let kept = run(&["login", "--key"], &format!("{}\n", key(&place)));
    assert!(kept.code == 0 && kept.out.contains("kept in"), "{kept:?}");
    assert!(!format!("{kept:?}").contains(&key(&place)), "the key is shown");
    let folder = Path::new(&place.card().cloud.config_dir);
    assert_eq!(names(folder), ["api_key"]);
    assert!(run(&["status"], "").out.contains("connected"));

    let out = run(&["logout"], "");
    assert!(out.code == 0 && out.out.contains("removed"), "{out:?}");
    assert_eq!(run(&["status", "--offline"], "").code, 4);
    assert!(run(&["logout"], "").out.contains("No key"));

    let nothing = run(&["login", "--key"], "\n");
    assert!(nothing.code == 2 && nothing.err.contains("nothing was given"), "{nothing:?}");
}

#[test]
fn a_login_shows_its_page_and_letters_and_stops_where_the_service_is_away() {
    let place = Place::new();
    let mut child = place
        .command(&["login", "--no-browser", "--quiet"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let (page, letters) = (lines.next().unwrap().unwrap(), lines.next().unwrap().unwrap());
    assert!(page.contains(&place.card().cloud.url) && page.contains("Sign in at "), "{page}");
    assert!(letters.contains("letters"), "{letters}");
    child.kill().unwrap();
    child.wait().unwrap();

    let bad = ended(place.command(&["login"]).env("CUBE_CLOUD_URL", "ftp://example.com").output().unwrap());
    assert!(bad.code == 2 && bad.err.contains("CUBE_CLOUD_URL"), "{bad:?}");
}

#[test]
fn a_token_stands_alone_on_its_line() {
    let place = Place::new();
    let token = place.good(&["token"]);
    assert!(token.ends_with('\n') && token.trim().len() > 20 && token.lines().count() == 1, "{token}");
    place.refused(&["token"]);
    use cube_sdk::core::secret::ExposeSecret as _;
    let reader = place.card().cloud.readonly_api_key.expose_secret().to_owned();
    let reader = ended(place.command(&["token"]).env("CUBE_API_KEY", reader).output().unwrap());
    assert_eq!((reader.code, reader.out.as_str()), (5, ""), "{reader:?}");
}

#[test]
fn a_key_that_cannot_be_removed_is_told() {
    let place = Place::new();
    // A folder in the key's place.
    std::fs::create_dir_all(Path::new(&place.card().cloud.config_dir).join("api_key/x")).unwrap();
    let told = ended(place.command(&["logout"]).env_remove("CUBE_API_KEY").output().unwrap());
    assert!(told.code == 14 && told.err.contains("api_key") && told.out.is_empty(), "{told:?}");
}

#[test]
fn the_doctor_says_what_is_wrong_and_what_to_do() {
    let place = Place::new();
    let found = place.data(&["doctor"]);
    let state = |check: &str| {
        let found = found.as_array().unwrap().iter().find(|finding| finding["check"] == check);
        found.unwrap_or_else(|| panic!("{check}: {found:?}"))["state"].clone()
    };
    for check in
        ["key of cube-cloud", "cube-cloud", "login at cube-cloud", "clock beside cube-cloud", "EdgeGate", "Apollo"]
    {
        assert_eq!(state(check), "good", "{check}");
    }
    assert!(place.good(&["doctor"]).lines().next().unwrap().starts_with("CHECK"));

    let mut command = place.command(&["doctor", "-o", "json"]);
    let away = command.env("CUBE_CLOUD_URL", "http://127.0.0.1:1").env("CUBE_API_KEY", "").env("PATH", "/nowhere");
    let away = ended(away.output().unwrap());
    assert_eq!(away.code, 2, "{away:?}");
    let document: Value = serde_json::from_str(&away.out).unwrap();
    fits(&document);
    let bad: Vec<_> = document["data"].as_array().unwrap().iter().filter(|finding| finding["state"] == "bad").collect();
    let named: Vec<_> = bad.iter().filter_map(|finding| finding["check"].as_str()).collect();
    assert_eq!(named, ["key of cube-cloud", "cube-cloud"], "{document:#}");
    assert!(bad.iter().all(|finding| finding["fix"].is_string()), "{bad:#?}");
}

#[test]
fn without_any_setting_a_command_says_what_is_missing() {
    let home = tempfile::tempdir().unwrap();
    let bare = ended(program(&["env", "ls"]).env("HOME", home.path()).output().unwrap());
    assert!(bare.code == 4 && bare.err.contains("CUBE_API_KEY"), "{bare:?}");
    let bare = ended(program(&["byo", "check"]).env("HOME", home.path()).output().unwrap());
    assert!(bare.code == 2 && bare.err.contains("--workspace"), "{bare:?}");
}

#[test]
fn a_reader_who_has_seen_enough_is_no_failure() {
    let place = Place::new();
    let mut child = place.command(&["man"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert!(child.wait().unwrap().success() && err.is_empty(), "{err}");
}
