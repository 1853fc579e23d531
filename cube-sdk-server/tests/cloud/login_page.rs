//! The login page in a real browser, headless Chromium. Runs with `CUBE_REAL=1`; `CUBE_REAL_BIN` says where the script
//! is that drives it. Screenshots go to `target/login-page`.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use cube_sdk_core::{Clock, Timestamp};
use cube_sdk_server::cloud::{CloudService, CloudSettings};
use cube_sdk_server::listener::Listener;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::login::ID;
use crate::support::{Cloud, PASSWORD, http};

fn id(first: char) -> String {
    format!("{first}{}", &ID[1..])
}

/// A login whose page was opened an hour ago.
async fn opened_long_ago(cloud: &Cloud, id: &str) {
    let settings = "url: http://cube.example\nprofiles: { admin: { groups: [admin] } }";
    let an_hour_ago = Timestamp::now().saturating_sub(Duration::from_secs(3600));
    let service = CloudService::builder(cloud.store.clone(), CloudSettings::from_yaml(settings).unwrap());
    let service = service.clock(Clock::following_tokio(an_hour_ago)).start().unwrap();
    let listener = Listener::bind(([127, 0, 0, 1], 0).into(), service.router()).await.unwrap();
    let page = http().get(format!("{}/auth/login?session_id={id}", listener.url())).send().await.unwrap();
    assert_eq!(page.status(), 200);
}

/// The browser, by the names that systems give it.
fn chromium() -> &'static str {
    let known = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    known.into_iter().find(|path| Path::new(path).exists()).expect("tests/real/install installs chromium")
}

async fn driven(cloud: &Cloud) -> Option<Value> {
    if std::env::var("CUBE_REAL").ok().as_deref() != Some("1") {
        return None;
    }
    let bin = std::env::var("CUBE_REAL_BIN").expect("CUBE_REAL_BIN names the folder with login-page");
    let shots = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/login-page");
    std::fs::create_dir_all(&shots).unwrap();
    let ids = json!({ "good": id('A'), "plain": id('B'), "denied": id('C'), "expired": id('D'), "forged": id('E') });
    let given = json!({ "base": cloud.url, "ids": ids, "user": "ann@example.com", "password": PASSWORD, "shots": shots,
        "chromium": chromium() });
    let mut command = Command::new(Path::new(&bin).join("login-page"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().expect("tests/real/install installs login-page");
    child.stdin.take().unwrap().write_all(given.to_string().as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_browser_it_lets_in_who_may_and_nobody_else_and_anyone_can_use_it() {
    let cloud = Cloud::start().await;
    cloud.user("ann@example.com", &["admin"]).await;
    opened_long_ago(&cloud, &id('D')).await;
    let Some(seen) = driven(&cloud).await else { return };

    for (state, title, words) in [
        ("form", "Sign in – Cube", "A program wants a key"),
        ("wrong", "Sign in – Cube", "That name and password do not fit together."),
        ("nobody", "Hand out a key? – Cube", "Nobody yet"),
        ("question", "Hand out a key? – Cube", "cube-agent/0.3.65 at 127.0.0.1"),
        ("other", "This login belongs to another browser – Cube", "Start a new login"),
        ("done", "Signed in – Cube", "You can close this page"),
        ("replayed", "This login is over – Cube", "handed out already"),
        ("denied", "Not allowed – Cube", "No key was handed out"),
        ("expired", "This login has expired – Cube", "ten minutes"),
        ("none", "No login is under way – Cube", "opened by a program"),
        ("forged", "This form is not ours – Cube", "Go back to your program"),
    ] {
        let page = &seen[state];
        assert_eq!(page["title"], title, "{state}");
        assert!(page["text"].as_str().unwrap().contains(words), "{state}: {page}");
        for faults in ["faults", "dark"] {
            assert_eq!(page[faults], json!([]), "{state}: axe found something serious");
        }
        assert_eq!((&page["sideways"], &page["small"]), (&json!(0), &json!(0)), "{state} on a phone");
    }
    assert_eq!(seen["form"]["focused"], "username", "one can type at once");
    assert_eq!(seen["wrong"]["focused"], "password", "the name need not be typed again");
    assert_eq!(seen["wrong"]["typed"], "ann@example.com");
    assert_eq!(seen["wrong"]["described"], "fault", "a screen reader tells what is wrong with the field");
    assert_eq!(seen["pending"]["status"], 202, "signed in is not allowed");
    for ready in ["ready", "plain"] {
        assert_eq!((&seen[ready]["status"], &seen[ready]["body"]["status"]), (&json!(200), &json!("ready")), "{ready}");
    }
    let key = seen["ready"]["body"]["api_key"].as_str().unwrap();
    assert!(cloud.agent_call(key, "app_list", json!({})).await.is_ok());
    assert_eq!(seen["denied"]["polled"]["status"], 403);
    assert_eq!(seen["forged"]["polled"]["status"], 202, "a forged form signs nobody in");
    assert_eq!(seen["forged_token"], "This form is not ours");
    assert_eq!(seen["complaints"], json!([]), "the browser finds nothing against the page's own policy");
    assert_eq!(seen["foreign"], json!([]), "nothing comes from elsewhere");
    for cookie in seen["cookies"].as_array().unwrap() {
        assert_eq!((&cookie[1], &cookie[2]), (&json!(true), &json!("Lax")), "{cookie}");
    }
    let keys = cloud.store.list_keys(Some("ann@example.com")).await.unwrap();
    assert_eq!(keys.len(), 2, "one for each login that was allowed");
}
