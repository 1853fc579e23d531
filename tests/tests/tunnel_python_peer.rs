//! A version-2 agent that nobody of ours compiled: written in Python from `docs/tunnel-protocol.md`, on another
//! WebSocket library, with windows far smaller than ours, against our relay.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use cube_sdk::teleport::dial::DirectDialer;
use cube_sdk::teleport::tunnel::{Ending, Party, RelayEvent, StreamReport, TunnelCode, Version};
use cube_sdk_tests::real::{python, workspace};
use cube_sdk_tests::relay::{self, KEY, OwnRelay};
use futures_util::{FutureExt, StreamExt};
use serde_json::{Value, json};
use tokio::process::Command;

/// What the peer saw in one scenario, and what happened to streams at the relay; none when the peer may be skipped.
async fn play(scenario: &str, key: &str) -> Option<(Value, Vec<StreamReport>)> {
    let python = python("websockets")?;
    let apps = [("echo", relay::app(relay::echo).await), ("digest", relay::app(relay::digest).await)];
    let relay = OwnRelay::start(&apps, DirectDialer::new(), false).await;
    let mut events = relay.relay.events();
    let mut peer = Command::new(python);
    peer.arg(workspace().join("tests/real/tunnel_peer.py")).args([scenario, relay.url.as_str().trim_end_matches('/')]);
    let output = peer.env("CUBE_TUNNEL_TOKEN", key).kill_on_drop(true).output();
    let output = tokio::time::timeout(Duration::from_secs(90), output).await.expect("it ends by itself").unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{scenario}: {log}");

    let mut reports = Vec::new();
    while relay.relay.connections() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    while let Some(Some(event)) = events.next().now_or_never() {
        match event {
            RelayEvent::Connected { version, .. } => assert_eq!(version, Version::V2),
            RelayEvent::StreamEnded { report, .. } => reports.push(report),
            RelayEvent::Disconnected { end, .. } => assert_eq!(end.code, Some(1000), "{end:?}"),
            _ => {}
        }
    }
    Some((serde_json::from_slice(&output.stdout).unwrap(), reports))
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_come_back_within_every_limit() {
    let Some((seen, mut reports)) = play("echo", KEY).await else { return };
    assert_eq!(seen["same"], json!([true, true, true]));
    assert_eq!(seen["hello"], json!([256 << 10, 256 << 10, 256, 0]), "the defaults of the page");
    assert_ne!(seen["credits"], 0, "3 MB do not fit into the first window");
    reports.sort_by_key(|report| report.stream);
    let moved: Vec<_> = reports.iter().map(|report| (report.sent, report.received, report.ending.clone())).collect();
    assert_eq!(moved, [3_000_001, 700_000, 0].map(|bytes| (bytes, bytes, Ending::Completed)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_is_filled_and_never_passed() {
    let Some((seen, mut reports)) = play("window", KEY).await else { return };
    assert_eq!(seen["beside"], "beside it");
    assert_eq!((&seen["same"], &seen["ended"]), (&json!(true), &json!("fin")));
    reports.sort_by_key(|report| report.stream);
    let moved: Vec<_> = reports.iter().map(|report| (report.sent, report.ending.clone())).collect();
    assert_eq!(moved, [100_000, 9].map(|bytes| (bytes, Ending::Completed)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_comes_after_fin() {
    let Some((seen, reports)) = play("half-close", KEY).await else { return };
    assert_eq!((&seen["same"], &seen["ended"]), (&json!(true), &json!("fin")));
    let [report] = &reports[..] else { panic!("{reports:?}") };
    assert_eq!((report.received, report.sent, &report.ending), (1_000_003, 32, &Ending::Completed));
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_cost_one_stream() {
    let Some((seen, reports)) = play("refusal", KEY).await else { return };
    let refused = &seen["refused"];
    assert_eq!(refused[0], json!(["error", TunnelCode::UnknownApp.number(), "no app `no-such-app`"]));
    assert_eq!((&refused[1][0], &refused[1][1]), (&json!("error"), &json!(TunnelCode::BadName.number())));
    assert_eq!(seen["after"], "after it");
    let unknown = reports.iter().find(|report| report.app.as_str() == "no-such-app").unwrap();
    assert!(
        matches!(unknown.ending, Ending::Cut { by: Party::Local, code: TunnelCode::UnknownApp, .. }),
        "{unknown:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_refused_before_the_upgrade() {
    let Some((seen, reports)) = play("echo", "k-unknown").await else { return };
    assert_eq!((&seen["status"], &seen["mark"]), (&json!(401), &json!("2")));
    assert_eq!((&seen["body"]["code"], &seen["body"]["message"]), (&json!("bad_key"), &json!("the key is unknown")));
    assert!(reports.is_empty());
}
