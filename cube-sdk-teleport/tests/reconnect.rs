//! A tunnel whose relay is not there, or not for long.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::Duration;

use cube_sdk_core::{ErrorKind, SecretString};
use cube_sdk_teleport::tunnel::{Protocol, Tunnel, TunnelState, Version};
use cube_sdk_teleport::{TunnelErrorExt as _, Tunnels};
use support::fake::{CLOSE, Fake, HELLO, Request};
use support::{KEY, World, eventually, exchange};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::sleep;

fn tunnels(url: url::Url, protocol: Protocol) -> Tunnels {
    Tunnels::builder().url(url).key(SecretString::from(KEY)).protocol(protocol).build().unwrap()
}

const V1: &str = "Cube-Tunnel: 2\r\n";
const V2: &str = "Sec-WebSocket-Protocol: cube-tunnel.v2\r\nCube-Tunnel: 2\r\n";

/// Good the first time; then it hangs up right after 101, after HELLO, or as version 1 does, with or without a close.
async fn hangs_up(protocol: Protocol, with_hello: bool, with_close: bool) -> (Fake, Tunnel) {
    let fake = Fake::start(move |mut request: Request| async move {
        let headers = if protocol == Protocol::V1 { V1 } else { V2 };
        let mut then = Vec::new();
        if protocol == Protocol::V2 && (with_hello || request.number == 0) {
            then.extend(HELLO);
        }
        if request.number > 0 && with_close {
            then.extend(CLOSE);
        }
        request.switch("1.1", headers, &then).await;
        if request.number == 0 {
            sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    let tunnel = tunnels(fake.url(), protocol).open("app").await.unwrap();
    (fake, tunnel)
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_hangs_up_at_once_is_left_in_peace() {
    for protocol in [Protocol::V1, Protocol::V2] {
        for (with_hello, with_close) in [(true, false), (true, true), (false, false), (false, true)] {
            let (fake, tunnel) = hangs_up(protocol, with_hello, with_close).await;
            sleep(Duration::from_secs(120)).await;
            let (tries, gaps) = (fake.count(), fake.gaps());
            // From 0.1 s doubling to 10 s, each wait drawn from zero to that: about 30 in two minutes.
            assert!((5..100).contains(&tries), "{protocol:?} {with_hello} {with_close}: {tries} tries");
            assert!(
                gaps[1..].iter().all(|gap| *gap >= Duration::from_millis(10)),
                "no wait between two tries: {gaps:?}"
            );
            assert!(
                matches!(tunnel.state(), TunnelState::Reconnecting { attempt, .. } if attempt > 4)
                    || matches!(tunnel.state(), TunnelState::Connected { .. })
            );
            assert!(!tunnel.shutdown(Duration::ZERO).await.aborted);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_count_starts_anew_after_ten_good_seconds_only() {
    // Lives 9 s and 11 s in turn.
    let lives = |lived: u64| async move {
        let fake = Fake::start(move |mut request: Request| async move {
            request.greet().await;
            sleep(Duration::from_secs(lived)).await;
        })
        .await;
        let tunnel = tunnels(fake.url(), Protocol::V2).open("app").await.unwrap();
        sleep(Duration::from_secs(600)).await;
        let gaps = fake.gaps();
        tunnel.shutdown(Duration::ZERO).await;
        gaps
    };
    let most = |gaps: Vec<Duration>| gaps.into_iter().max().unwrap();
    assert!(most(lives(11).await) < Duration::from_secs(12), "a connection that lived is followed at once");
    assert!(most(lives(9).await) > Duration::from_secs(10), "one that did not is followed later and later");
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_asks_for_time_gets_it() {
    let fake = Fake::start(|mut request: Request| async move {
        match request.number {
            0 => {
                request.greet().await;
                sleep(Duration::from_millis(100)).await;
            }
            1..4 => request.refuse("503 Service Unavailable", "Cube-Tunnel: 2\r\nRetry-After: 33\r\n", "").await,
            _ => {
                request.greet().await;
                request.keep().await;
            }
        }
    })
    .await;
    let tunnel = tunnels(fake.url(), Protocol::V2).open("app").await.unwrap();
    eventually("it is away", || matches!(tunnel.state(), TunnelState::Reconnecting { .. })).await;
    sleep(Duration::from_secs(130)).await;
    assert_eq!(tunnel.state(), TunnelState::Connected { version: Version::V2 });
    for gap in &fake.gaps()[1..] {
        assert!(*gap >= Duration::from_secs(33) && *gap < Duration::from_secs(44), "{gap:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_told_with_where_it_leads() {
    for status in ["301 Moved Permanently", "308 Permanent Redirect", "302 Found"] {
        let fake = Fake::start(move |mut request: Request| async move {
            request.refuse(status, "Location: https://user:secret@new.example/tunnel?token=canary\r\n", "moved").await;
        })
        .await;
        let error = tunnels(fake.url(), Protocol::Auto).open("app").await.unwrap_err();
        let line = error.to_string();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{line}");
        assert!(line.contains("https://new.example/tunnel") && line.contains(&fake.addr.to_string()), "{line}");
        assert!(!line.contains("canary") && !line.contains("secret"), "{line}");
        assert!(error.next_step().is_some_and(|next| next.contains("address")), "{line}");
    }
}

#[tokio::test]
async fn every_refusal_names_its_target_and_a_next_step() {
    for status in ["400 Bad Request", "404 Not Found", "405 Method Not Allowed", "418 Teapot", "500 Oops", "200 OK"] {
        let fake = Fake::start(move |mut request: Request| async move {
            request.refuse(status, "Cube-Tunnel: 2\r\n", "<html>no</html>").await;
        })
        .await;
        let error = tunnels(fake.url(), Protocol::V2).open("app").await.unwrap_err();
        assert!(error.target().is_some_and(|target| target.contains(&fake.addr.to_string())), "{error}");
        assert!(error.next_step().is_some() && error.to_string().contains(&status[..3]), "{error}");
    }
}

#[tokio::test]
async fn an_upgrade_over_http_1_0_is_none() {
    let fake = Fake::start(|mut request: Request| async move {
        request.switch("1.0", V2, &HELLO).await;
        request.keep().await;
    })
    .await;
    let error = tunnels(fake.url(), Protocol::V2).open("app").await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Protocol | ErrorKind::Transport), "{error}");

    let world = World::start().await;
    let mut plain = TcpStream::connect(world.addr).await.unwrap();
    let request = format!(
        "GET /tunnel HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    plain.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    plain.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains(" 426 "), "{answer}");
}

/// A relay of old, which hangs up on a key that it did not find in the URL: in the same moment as 101, or a while later.
#[tokio::test]
async fn the_way_back_to_version_1_does_not_depend_on_who_is_quick() {
    for delay in [None, Some(0), Some(1), Some(20), Some(200)] {
        for close in [&CLOSE[..], &[]] {
            let fake = Fake::start(move |mut request: Request| async move {
                if request.head.contains("?token=") {
                    request.switch("1.1", "", &[]).await;
                    return request.keep().await;
                }
                match delay {
                    None => request.switch("1.1", "", close).await,
                    Some(delay) => {
                        request.switch("1.1", "", &[]).await;
                        sleep(Duration::from_millis(delay)).await;
                        request.write(close).await;
                    }
                }
            })
            .await;
            let tunnel = tunnels(fake.url(), Protocol::Auto).open("app").await.unwrap();
            let by_url = || fake.count() == 2 && tunnel.state() == TunnelState::Connected { version: Version::V1 };
            eventually(&format!("{delay:?}: the key went in the URL"), by_url).await;
            tunnel.shutdown(Duration::ZERO).await;
        }
    }
}

/// The relay drains, and the one that is asked next knows the key no more.
#[tokio::test]
async fn streams_that_were_promised_time_outlive_a_refusal() {
    let mut world = World::start().await;
    let target = world.addr;
    let fake = Fake::start(move |mut request: Request| async move {
        if request.number > 0 {
            let body = r#"{"code":"bad_key","message":"the key was revoked"}"#;
            return request.refuse("401 Unauthorized", "Cube-Tunnel: 2\r\n", body).await;
        }
        let mut far = TcpStream::connect(target).await.unwrap();
        far.write_all(request.head.as_bytes()).await.unwrap();
        tokio::io::copy_bidirectional(&mut request.stream, &mut far).await.ok();
    })
    .await;
    let registry = tunnels(fake.url(), Protocol::V2);
    let tunnel = registry.open("echo").await.unwrap();
    let mut stream = TcpStream::connect(tunnel.local_addr()).await.unwrap();
    stream.write_all(b"before").await.unwrap();
    let mut got = [0; 6];
    stream.read_exact(&mut got).await.unwrap();
    world.stop_server(Duration::from_secs(20));
    let state = tunnel.closed().await;
    assert!(matches!(state, TunnelState::Failed(_)), "{state}");
    assert!(registry.list().await.is_empty());
    drop(tunnel);
    assert_eq!(exchange(stream, b"after".to_vec()).await.unwrap(), b"after");
}

#[tokio::test]
async fn the_first_refusal_is_final_too() {
    let fake = Fake::start(|mut request: Request| async move {
        request.refuse("403 Forbidden", "Cube-Tunnel: 2\r\n", r#"{"code":"forbidden","message":"no"}"#).await;
    })
    .await;
    let error = tunnels(fake.url(), Protocol::V2).open("app").await.unwrap_err();
    assert_eq!((error.kind(), fake.count()), (ErrorKind::PermissionDenied, 1));
    assert!(error.tunnel().is_some());
}
