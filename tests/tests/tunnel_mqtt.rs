//! A real MQTT broker and its clients through agent and relay: a thousand messages, each acknowledged.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::time::Duration;

use cube_sdk::teleport::dial::DirectDialer;
use cube_sdk::teleport::tunnel::{Protocol, TunnelState, Version};
use cube_sdk_tests::real::{Mosquitto, SYSTEM, component};
use cube_sdk_tests::relay::OwnRelay;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

const APP: &str = "mqtt";
const MESSAGES: usize = 1000;
const SUBSCRIBER: &str = "counting-subscriber";

async fn thousand(protocol: Protocol, version: Version) {
    let Some(mut broker) = Mosquitto::start() else { return };
    let (Some(publish), Some(subscribe)) = (component("mosquitto_pub", SYSTEM), component("mosquitto_sub", SYSTEM))
    else {
        return;
    };
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, broker.port));
    let relay = OwnRelay::start(&[(APP, addr)], DirectDialer::new(), false).await;
    let tunnel = relay.tunnels(protocol).open(APP).await.unwrap();
    assert_eq!(tunnel.state(), TunnelState::Connected { version });
    let at = ["-h", "127.0.0.1", "-p", &tunnel.local_addr().port().to_string(), "-t", "line/7", "-q", "1"]
        .map(str::to_owned);

    let mut subscriber = Command::new(subscribe);
    subscriber.args(&at).args(["-i", SUBSCRIBER, "-W", "60", "-C", &MESSAGES.to_string()]);
    let subscriber = subscriber.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let broker = tokio::task::spawn_blocking(move || {
        broker.wait_for_subscriber(SUBSCRIBER);
        broker
    })
    .await
    .unwrap();

    let lines: Vec<String> = (0..MESSAGES).map(|at| format!("message {at} {}", "x".repeat(at % 300))).collect();
    let mut publisher = Command::new(publish);
    let mut publisher = publisher.args(&at).arg("-l").stdin(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut stdin = publisher.stdin.take().unwrap();
    stdin.write_all((lines.join("\n") + "\n").as_bytes()).await.unwrap();
    drop(stdin);
    assert!(publisher.wait().await.unwrap().success(), "every message was acknowledged");

    let heard = subscriber.wait_with_output().await.unwrap();
    assert!(heard.status.success(), "all messages within 60 s");
    let heard = String::from_utf8(heard.stdout).unwrap();
    assert!(
        heard.lines().eq(lines.iter().map(String::as_str)),
        "{} of {MESSAGES} lines, or out of order",
        heard.lines().count()
    );
    let traffic = tunnel.traffic();
    assert_eq!(traffic.opened, 2, "publisher and subscriber passed the tunnel");
    assert!(traffic.received as usize > heard.len() && traffic.sent as usize > heard.len(), "{traffic:?}");
    let report = tunnel.shutdown(Duration::from_secs(5)).await;
    assert_eq!((report.cut, report.aborted), (0, false), "{report:?}");
    drop(broker);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_messages_over_version_1() {
    thousand(Protocol::V1, Version::V1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_messages_over_version_2() {
    thousand(Protocol::V2, Version::V2).await;
}
