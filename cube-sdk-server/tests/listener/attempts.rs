//! A great many attempts leave nothing behind.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use cube_sdk_server::listener::Listener;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::bytes;
use crate::served::{connect, known, left, lenient, request, serve};

/// Attempts of all kinds, some of which the client gives up and some the server.
async fn attempts(address: SocketAddr, count: usize) {
    let kinds: [Vec<u8>; 8] = [
        Vec::new(),
        b"P".to_vec(),
        bytes::PREFACE.to_vec(),
        bytes::hello(None),
        b"GET / HTTP/1.1\r\nHost: x\r\n".to_vec(),
        request("POST", "/", true, "Content-Length: 5000\r\n"),
        request("GET", "/", false, ""),
        [bytes::hello(Some(0)), bytes::get(1)].concat(),
    ];
    let mut held = std::collections::VecDeque::new();
    for attempt in 0..count {
        let Ok(mut stream) = TcpStream::connect(address).await else { continue };
        // No port is to wait for stray segments: there are fewer of them than attempts.
        let _ = stream.set_zero_linger();
        let _ = stream.write_all(&kinds[attempt % kinds.len()]).await;
        held.push_back(stream);
        if held.len() > 200 {
            held.pop_front();
        }
    }
}

async fn nothing_is_left_of(total: usize) {
    const WORKERS: usize = 4;
    let short = Duration::from_millis(500);
    let limits = lenient().head(short).idle(short).body(short, 1000).answer(short).connections(256);
    let listener = serve(limits).await;
    let mut workers = JoinSet::new();
    for _ in 0..WORKERS {
        workers.spawn(attempts(listener.address(), total / WORKERS));
    }
    while let Some(ended) = workers.join_next().await {
        ended.unwrap();
        assert!(listener.connections() <= 256);
    }
    // Someone with a key is served all the same, if not at the first try of a machine that has been asleep.
    let mut tries = 0;
    while known(&mut connect(&listener).await).await.is_err() {
        tries += 1;
        assert!(tries < 20);
    }
    left(&listener, 0).await;
    assert_eq!(descriptors(listener.address().port()), 0);
    drop::<Listener>(listener);
}

/// This process's sockets at the listener's port, the listening one aside, where the system shows them.
fn descriptors(port: u16) -> usize {
    let Ok(sockets) = std::fs::read_to_string("/proc/self/net/tcp") else { return 0 };
    let own: BTreeSet<_> = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok()?.to_str().map(str::to_owned))
        .collect();
    let at = format!(":{port:04X}");
    let held = sockets.lines().skip(1).filter(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        fields[1].ends_with(&at) && fields[3] != "0A" && own.contains(&format!("socket:[{}]", fields[9]))
    });
    held.count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_attempts_leave_no_descriptor() {
    nothing_is_left_of(10_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "half a minute of processor time in debug; the same as above, ten times"]
async fn a_hundred_thousand_attempts_leave_no_descriptor() {
    nothing_is_left_of(100_000).await;
}
