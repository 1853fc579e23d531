//! What a relay sees of it: an upstream, or a refusal with code and fault.

use std::time::{Duration, Instant};

use cube_sdk_teleport::dial::{AppDialer, Dialer, Limits, Route, Via};
use cube_sdk_teleport::tunnel::{AppName, TunnelCode};
use cube_sdk_testkit::teleport::AppState;
use tokio::net::{TcpListener, UnixListener};

use crate::world::{APP, World, app, echo};

fn route(name: &str) -> Route {
    Route::new(AppName::new(name).unwrap(), name)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

#[tokio::test]
async fn every_way_gives_an_upstream() {
    let world = World::start().await;
    let dialer = world.quick();
    let upstream = dialer.dial(&route(APP), soon()).await.unwrap();
    assert_eq!(format!("{upstream:?}"), "Upstream::io(half_close: false)");
    let direct = route(APP).with(app(APP).via(Via::Direct(echo().await.to_string())));
    assert_eq!(format!("{:?}", dialer.dial(&direct, soon()).await.unwrap()), "Upstream::tcp");
    let socket = world.root.path().join("app.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    let unix = route(APP).with(app(APP).via(Via::Unix(socket)));
    assert_eq!(format!("{:?}", dialer.dial(&unix, soon()).await.unwrap()), "Upstream::io(half_close: false)");
}

#[tokio::test]
async fn refusals_carry_code_and_fault() {
    let world = World::start().await;
    let dialer: AppDialer = world.dialer();
    let expect = async |route: Route, code: TunnelCode, name: &str| {
        let refusal = dialer.dial(&route, soon()).await.unwrap_err();
        assert_eq!(refusal.code, code, "{refusal:?}");
        assert!(refusal.message.starts_with(&format!("{name}: ")), "{refusal:?}");
    };
    expect(route("ghost"), TunnelCode::NoCredential, "AppNotProvisioned").await;
    expect(route("../db"), TunnelCode::NoCredential, "AppNotProvisioned").await;
    world.cluster.set_app(APP, AppState::Denied);
    expect(route(APP), TunnelCode::RefusedUpstream, "RefusedByTeleport").await;
    let unix = route(APP).with(app(APP).via(Via::Unix(world.root.path().join("absent.sock"))));
    expect(unix, TunnelCode::RefusedUpstream, "SocketUnreachable").await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let away = world.dialer_with(world.config_at(closed));
    let refusal = away.dial(&route(APP), soon()).await.unwrap_err();
    assert_eq!(refusal.code, TunnelCode::RefusedUpstream);
    assert!(refusal.message.starts_with("ProxyUnreachable: "), "{refusal:?}");
}

#[tokio::test]
async fn the_relays_deadline_counts() {
    let world = World::start().await;
    world.proxy.behave(|proxy| proxy.mute = true);
    let refusal = world.dialer().dial(&route(APP), Instant::now() + Duration::from_millis(100)).await.unwrap_err();
    assert_eq!(refusal.code, TunnelCode::DialTimeout);
    let limits = Limits::default().total(Duration::from_millis(100));
    let own = world.dialer_with(world.config().limits(limits));
    assert_eq!(own.dial(&route(APP), soon()).await.unwrap_err().code, TunnelCode::DialTimeout);
}
