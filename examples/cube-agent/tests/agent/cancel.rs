//! A call that the host cancels stops its work.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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

#[test]
fn the_program_ends_with_its_host_whatever_it_does() {
    let (url, _) = pending();
    let mut host = Host::start(&[("CUBE_CLOUD_URL".to_owned(), url)], &[]);
    let id = host.begin_watched("agent_login_browser", json!({}));
    host.progress(id);
    assert!(host.close().success());
}
