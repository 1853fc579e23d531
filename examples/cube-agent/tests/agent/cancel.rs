//! A call that the host cancels stops its work.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::json;

use crate::host::Host;

/// A service whose logins are pending for ever; counts the polls.
fn pending() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let polls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&polls);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 4096];
            if stream.read(&mut request).is_ok_and(|read| read > 0) {
                counted.fetch_add(1, Ordering::SeqCst);
                let body = r#"{"status":"pending"}"#;
                let head = "HTTP/1.1 202 Accepted\r\ncontent-type: application/json\r\nconnection: close";
                let _ = write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            }
        }
    });
    (url, polls)
}

#[test]
fn a_cancelled_login_polls_no_more() {
    let (url, polls) = pending();
    let mut host = Host::start(&[("CUBE_CLOUD_URL".to_owned(), url)], &[]);
    let id = host.begin_watched("agent_login_browser", json!({}));
    host.progress(id);
    while polls.load(Ordering::SeqCst) < 2 {
        std::thread::sleep(Duration::from_millis(50));
    }
    host.send(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } }));
    // Answered after the cancellation was read.
    assert!(host.ask("ping", json!({}))["result"].is_object());
    std::thread::sleep(Duration::from_secs(3));
    let seen = polls.load(Ordering::SeqCst);
    // A login that went on would poll each 2 s.
    std::thread::sleep(Duration::from_secs(7));
    assert_eq!(polls.load(Ordering::SeqCst), seen, "the login polls on");
    assert!(host.close().success());
}

/// What a service sees that takes requests and never answers.
#[derive(Debug, Eq, PartialEq)]
enum Seen {
    Came(String),
    Gone,
}

fn silent() -> (String, Receiver<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, seen) = channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let tell = tell.clone();
            std::thread::spawn(move || {
                let mut request = [0; 65_536];
                let read = stream.read(&mut request).unwrap_or_default();
                let line = String::from_utf8_lossy(&request[..read]).lines().next().unwrap_or_default().to_owned();
                let _ = tell.send(Seen::Came(line));
                // The rest of a request, then the end: the caller has gone.
                while stream.read(&mut request).is_ok_and(|read| read > 0) {}
                let _ = tell.send(Seen::Gone);
            });
        }
    });
    (url, seen)
}

/// Longer than anything here takes, however busy the machine is.
const GUARD: Duration = Duration::from_secs(300);

#[test]
fn whatever_is_cancelled_is_let_go_at_the_other_end() {
    let (url, seen) = silent();
    let variables =
        ["CUBE_CLOUD_URL", "CUBE_APOLLO_URL", "EDGEGATE_API_URL"].map(|name| (name.to_owned(), url.clone()));
    let keys =
        ["CUBE_API_KEY", "CUBE_APOLLO_TOKEN", "EDGEGATE_API_KEY"].map(|name| (name.to_owned(), "a-key".to_owned()));
    let mut host = Host::start(&[variables, keys].concat(), &[]);
    let chart = host.folder.path().join("web");
    std::fs::create_dir(&chart).unwrap();
    std::fs::write(chart.join("Chart.yaml"), "apiVersion: v2\nname: web\nversion: 1.4.2\n").unwrap();
    let workspace = "00000000-0000-4000-8000-000000000000";
    let bucket = json!({
        "workspace_id": workspace, "role_arn": "arn:aws:iam::123456789012:role/r", "bucket": "models", "region": "eu-central-1"
    });
    for (tool, arguments, what) in [
        // A tool of cube-cloud, passed on.
        ("replicate_environment", json!({ "source": "cube-7", "target": "cube-8" }), "POST /mcp/"),
        ("app_proxy", json!({ "app": "echo" }), "GET /tunnel"),
        ("build_and_publish_to_apollo", json!({ "chart_path": chart }), "/v2/charts/"),
        ("cube_cluster_login", json!({ "cluster": "cube-7" }), "POST /mcp/"),
        ("edgegate_register_byo_bucket", bucket, "/byo"),
        ("edgegate_check_status", json!({ "workspace_id": workspace, "run_id": workspace }), "/runs/"),
        ("agent_status", json!({}), "POST /mcp/"),
    ] {
        let id = host.begin("tools/call", json!({ "name": tool, "arguments": arguments }));
        let Seen::Came(line) = seen.recv_timeout(GUARD).unwrap_or_else(|_| panic!("{tool} asks nothing")) else {
            panic!("{tool}: nobody came")
        };
        assert!(line.contains(what), "{tool}: {line}");
        host.send(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } }));
        assert_eq!(seen.recv_timeout(GUARD).ok(), Some(Seen::Gone), "{tool}");
    }
    // What was cancelled left no tunnel, no new version, and nothing that is asked again.
    let (tunnels, said) = host.done("app_proxy_status", json!({}));
    assert_eq!(tunnels["tunnels"], json!([]), "{said}");
    assert!(std::fs::read_to_string(chart.join("Chart.yaml")).unwrap().contains("version: 1.4.2"));
    let left: Vec<_> = std::fs::read_dir(&chart).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["Chart.yaml"]);
    assert_eq!(seen.try_recv().ok(), None);
    assert!(host.close().success());
}

#[test]
fn the_program_ends_with_its_host_whatever_it_does() {
    let (url, _) = pending();
    let mut host = Host::start(&[("CUBE_CLOUD_URL".to_owned(), url)], &[]);
    let id = host.begin_watched("agent_login_browser", json!({}));
    host.progress(id);
    assert!(host.close().success());
}
