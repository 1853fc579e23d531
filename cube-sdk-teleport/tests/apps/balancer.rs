//! Balancers that end TLS: auto, always, never, and every way in which an upgrade goes wrong.

use std::time::Duration;

use cube_sdk_core::ErrorKind;
use cube_sdk_teleport::AppFault;
use cube_sdk_teleport::app_fault::Step;
use cube_sdk_teleport::dial::{AppKind, DialConfig, Limits, Upgrade};
use cube_sdk_testkit::teleport::{AppKind as Kind, Balancer, BalancerAlpn, BalancerFault};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::world::{APP, World, app, echoed, fault, greeter, noise};

async fn behind(world: &World, alpn: BalancerAlpn) -> (Balancer, DialConfig) {
    let balancer = Balancer::start(&world.proxy, alpn).await.unwrap();
    let config = world.config_at(balancer.addr()).limits(Limits::default().verdict(Duration::ZERO));
    (balancer, config)
}

#[tokio::test]
async fn auto_upgrades_behind_every_kind_of_balancer() {
    for alpn in [BalancerAlpn::Ignored, BalancerAlpn::HttpOnly, BalancerAlpn::HangsUp] {
        let world = World::start().await;
        let (_balancer, config) = behind(&world, alpn).await;
        let dialer = world.dialer_with(config);
        for _ in 0..2 {
            let mut stream = dialer.connect(&app(APP)).await.unwrap();
            assert!(stream.upgraded() && stream.ping_framing(), "{alpn:?}");
            let data = noise(200_001);
            assert!(echoed(&mut stream, &data).await == data, "{alpn:?}");
        }
        assert_eq!(world.proxy.seen().upgrades, 2);
    }
}

#[tokio::test]
async fn auto_does_not_upgrade_without_need() {
    let world = World::start().await;
    let mut stream = world.quick().connect(&app(APP)).await.unwrap();
    assert!(!stream.upgraded());
    assert_eq!(echoed(&mut stream, b"hi").await, b"hi");
    assert_eq!(world.proxy.seen().upgrades, 0);
}

#[tokio::test]
async fn always_upgrades_even_at_the_proxy_itself() {
    let world = World::start().await;
    let config = world.config().upgrade(Upgrade::Always).limits(Limits::default().verdict(Duration::ZERO));
    let mut stream = world.dialer_with(config).connect(&app(APP)).await.unwrap();
    assert!(stream.upgraded());
    assert_eq!(echoed(&mut stream, b"hi").await, b"hi");
    assert!(!world.proxy.seen().alpn.contains(&"teleport-reversetunnel".to_owned()), "nothing was detected");
}

#[tokio::test]
async fn never_upgraded_behind_a_balancer_names_the_balancer() {
    let world = World::start().await;
    for alpn in [BalancerAlpn::Ignored, BalancerAlpn::HttpOnly] {
        let (_balancer, config) = behind(&world, alpn).await;
        let (fault, error) = fault(world.dialer_with(config.upgrade(Upgrade::Never)).connect(&app(APP)).await);
        assert_eq!((fault, error.kind()), (AppFault::AlpnRefused, ErrorKind::Protocol));
        assert!(error.to_string().contains("balancer that ends TLS"), "{error}");
    }
    assert_eq!(world.proxy.seen().upgrades, 0);
}

#[tokio::test]
async fn a_balancer_that_appears_later_is_noticed() {
    let world = World::start().await;
    // The same address first passes TLS on, then ends it: what was detected before is wrong from then on.
    let (balancer, config) = behind(&world, BalancerAlpn::PassesThrough).await;
    let dialer = world.dialer_with(config);
    assert!(!dialer.connect(&app(APP)).await.unwrap().upgraded());
    for alpn in [BalancerAlpn::Ignored, BalancerAlpn::HttpOnly] {
        balancer.alpn(alpn);
        let mut stream = dialer.connect(&app(APP)).await.unwrap();
        assert!(stream.upgraded(), "{alpn:?}");
        assert_eq!(echoed(&mut stream, b"hi").await, b"hi");
    }
    assert_eq!(world.proxy.seen().upgrades, 2);
}

#[tokio::test]
async fn the_websocket_stays_alive_by_pongs() {
    let world = World::start().await;
    world.proxy.behave(|proxy| proxy.ping = false);
    let (_balancer, config) = behind(&world, BalancerAlpn::Ignored).await;
    let mut stream = world.dialer_with(config).connect(&app(APP)).await.unwrap();
    let mut byte = [0];
    for _ in 0..20 {
        let _ = tokio::time::timeout(Duration::from_millis(50), stream.read(&mut byte)).await;
        if world.proxy.pongs() >= 2 {
            break;
        }
    }
    assert!(world.proxy.pongs() >= 2, "pings of the upgrade are answered while reading");
    assert_eq!(echoed(&mut stream, b"still here").await, b"still here");
}

#[tokio::test]
async fn an_http_app_passes_the_balancer() {
    let world = World::bare().await;
    world.cluster.add_app(APP, Kind::Http, greeter(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await);
    world.tbot().rotate().await.unwrap();
    let (_balancer, config) = behind(&world, BalancerAlpn::Ignored).await;
    let mut stream = world.dialer_with(config).connect(&app(APP).kind(AppKind::Http)).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn a_lost_upgrade_says_what_was_lost() {
    let cases = [
        (BalancerFault::StripsUpgrade, ErrorKind::Protocol, "without its Upgrade and Connection headers"),
        (BalancerFault::AnswersHtml, ErrorKind::Protocol, "<html>welcome</html>"),
        (BalancerFault::BackendDown, ErrorKind::Unavailable, "status 503"),
        (BalancerFault::LosesProtocol, ErrorKind::Protocol, "Sec-WebSocket-Protocol header"),
        (BalancerFault::WrongAccept, ErrorKind::Protocol, "Sec-WebSocket-Accept header"),
    ];
    let world = World::start().await;
    let (balancer, config) = behind(&world, BalancerAlpn::Ignored).await;
    let dialer = world.dialer_with(config);
    for (broken, kind, words) in cases {
        balancer.fail(broken);
        let (fault, error) = fault(dialer.connect(&app(APP)).await);
        assert_eq!((fault, error.kind()), (AppFault::UpgradeStripped, kind), "{broken:?}");
        assert!(error.to_string().contains(words), "{broken:?}: {error}");
    }
    balancer.fail(BalancerFault::None);
    let mut stream = dialer.connect(&app(APP)).await.unwrap();
    assert_eq!(echoed(&mut stream, b"hi").await, b"hi");
}

#[tokio::test]
async fn steps_behind_a_balancer_have_clocks() {
    let cases = [(BalancerFault::NeverAnswers, Step::Upgrade), (BalancerFault::StallsAfterUpgrade, Step::Tls)];
    let world = World::start().await;
    let (balancer, config) = behind(&world, BalancerAlpn::Ignored).await;
    let limits = Limits::default().each(Duration::from_millis(300)).verdict(Duration::ZERO);
    let dialer = world.dialer_with(config.upgrade(Upgrade::Always).limits(limits));
    for (broken, step) in cases {
        balancer.fail(broken);
        let (fault, error) = fault(dialer.connect(&app(APP)).await);
        assert_eq!((fault, error.kind()), (AppFault::StepTimedOut(step), ErrorKind::Timeout), "{broken:?}");
        assert!(error.to_string().contains(step.as_str()), "{error}");
    }
}

#[tokio::test]
async fn the_inner_side_trusts_the_host_authority_alone() {
    let world = World::start().await;
    // The output's host authority is another cluster's: the proxy inside the upgrade is a stranger.
    let other = cube_sdk_testkit::teleport::Cluster::new("other").unwrap();
    std::fs::write(world.path(APP).join("teleport-host-ca.crt"), other.authority().host_ca_pem()).unwrap();
    let (_balancer, config) = behind(&world, BalancerAlpn::Ignored).await;
    let (fault, error) = fault(world.dialer_with(config).connect(&app(APP)).await);
    assert_eq!((fault, error.kind()), (AppFault::ProxyUntrusted, ErrorKind::Connect), "{error}");
}
