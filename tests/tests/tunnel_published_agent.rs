//! The published agent as the client of our relay: version 1 as it is spoken in the field.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::process::{Output, Stdio};
use std::time::Duration;

use cube_sdk::teleport::dial::DirectDialer;
use cube_sdk::teleport::tunnel::{Ending, Party, RelayEvent, StreamReport, TunnelCode, Version};
use cube_sdk_tests::real::{python, workspace};
use cube_sdk_tests::relay::{self, KEY, OwnRelay};
use futures_util::{Stream, StreamExt};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};

const PATIENCE: Duration = Duration::from_secs(60);

/// One running agent with one tunnel.
struct Agent {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    port: SocketAddr,
}

impl Agent {
    /// None when the agent may be skipped.
    async fn start(relay: &OwnRelay, app: &str) -> Option<Self> {
        let mut command = Command::new(python("cube_agent.tunnel.agent_tunnel")?);
        command.arg(workspace().join("tests/real/published_agent.py")).arg(app);
        command.env("CUBE_API_KEY", KEY).env("CUBE_CLOUD_URL", relay.url.as_str().replace("ws://", "http://"));
        command.env("NO_PROXY", "127.0.0.1").kill_on_drop(true);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let Some(port) = tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap() else {
            panic!("the agent did not start: {:?}", child.wait_with_output().await.unwrap());
        };
        Some(Self { child, lines, port: SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse().unwrap())) })
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.port).await.unwrap()
    }

    /// Asks it to stop; what it wrote to its log.
    async fn stop(mut self) -> String {
        self.child.stdin.take().unwrap().write_all(b"\n").await.unwrap();
        let last = tokio::time::timeout(PATIENCE, self.lines.next_line()).await.unwrap().unwrap();
        assert_eq!(last.as_deref(), Some("stopped"));
        let ended = tokio::time::timeout(PATIENCE, self.child.wait_with_output()).await.unwrap();
        let Output { status, stderr, .. } = ended.unwrap();
        let log = String::from_utf8_lossy(&stderr).into_owned();
        assert!(status.success(), "{log}");
        log
    }
}

/// The next thing of a kind that happens at the relay.
async fn next<T>(
    events: &mut Pin<Box<dyn Stream<Item = RelayEvent> + Send>>,
    want: impl Fn(RelayEvent) -> Option<T>,
) -> T {
    let found = async {
        loop {
            if let Some(found) = want(events.next().await.unwrap()) {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, found).await.expect("it happens within a minute")
}

fn stream_end(event: RelayEvent) -> Option<StreamReport> {
    if let RelayEvent::StreamEnded { report, .. } = event { Some(report) } else { None }
}

/// Sends while it reads, and compares.
async fn echoed(stream: &mut TcpStream, data: &[u8]) {
    let (mut read, mut write) = stream.split();
    let mut back = vec![0; data.len()];
    let both = async { tokio::join!(write.write_all(data), read.read_exact(&mut back)) };
    let (sent, got) = tokio::time::timeout(PATIENCE, both).await.expect("an echo within a minute");
    sent.unwrap();
    got.unwrap();
    assert!(back == data, "{} bytes came back changed", data.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_come_back_and_stop_ends_the_connection() {
    let relay = OwnRelay::start(&[("echo", relay::app(relay::echo).await)], DirectDialer::new(), false).await;
    let mut events = relay.relay.events();
    let Some(agent) = Agent::start(&relay, "echo").await else { return };
    let version = next(&mut events, |event| match event {
        RelayEvent::Connected { version, .. } => Some(version),
        RelayEvent::Refused { message, .. } => panic!("refused: {message}"),
        _ => None,
    });
    assert_eq!(version.await, Version::V1, "its key stands unencoded in the URL");

    let mut small = agent.connect().await;
    echoed(&mut small, b"hello").await;
    let mut large = vec![0; 3_000_001];
    fastrand::Rng::with_seed(3).fill(&mut large);
    let mut other = agent.connect().await;
    echoed(&mut other, &large).await;
    echoed(&mut small, b"still there").await;
    assert_eq!(relay.relay.traffic().streams, 2);

    drop(small);
    let report = next(&mut events, stream_end).await;
    assert_eq!((report.sent, report.received, report.ending), (16, 16, Ending::Completed));
    drop(other);
    let report = next(&mut events, stream_end).await;
    assert_eq!((report.sent, report.received, report.ending), (3_000_001, 3_000_001, Ending::Completed));

    let port = agent.port;
    let log = agent.stop().await;
    let end = next(&mut events, |event| match event {
        RelayEvent::Disconnected { end, .. } => Some(end),
        _ => None,
    });
    let end = end.await;
    assert_eq!(end.code, Some(1000), "{end:?}\n{log}");
    assert_eq!(relay.relay.connections(), 0);
    assert!(TcpStream::connect(port).await.is_err(), "nothing listens any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_app_is_told_by_name() {
    let relay = OwnRelay::start(&[], DirectDialer::new(), false).await;
    let mut events = relay.relay.events();
    let Some(agent) = Agent::start(&relay, "no-such-app").await else { return };
    for _ in 0..2 {
        let mut local = agent.connect().await;
        let read = tokio::time::timeout(PATIENCE, local.read(&mut [0])).await.unwrap();
        assert!(matches!(read, Ok(0) | Err(_)), "the local connection is closed");
        let report = next(&mut events, stream_end).await;
        let Ending::Cut { by, code, .. } = report.ending else { panic!("{report:?}") };
        assert_eq!((by, code, report.app.as_str()), (Party::Local, TunnelCode::UnknownApp, "no-such-app"));
    }
    assert_eq!(relay.relay.connections(), 1, "a refusal costs the stream only");
    let log = agent.stop().await;
    assert_eq!(log.matches("CONNECT failed for stream").count(), 2, "{log}");
    assert!(log.contains("CONNECT failed for stream 2: unknown_app: no app `no-such-app`"), "{log}");
}
