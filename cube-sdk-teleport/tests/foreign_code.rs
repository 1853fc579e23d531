//! Code of others behind the seams: it may hang, panic, and be asked by many at once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use cube_sdk_core::{ErrorKind, SecretString};
use cube_sdk_teleport::Tunnels;
use cube_sdk_teleport::dial::{Dialer, DirectDialer, Route, Upstream};
use cube_sdk_teleport::tunnel::{
    AppName, Authorizer, Caller, Protocol, Refusal, Relay, RelayServer, TunnelCode, TunnelState, Version, authorizer_fn,
};
use support::fake::{Fake, Request};
use support::raw::{Got, Raw};
use support::{Hop, KEY, World, eventually};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// Gives the key at first; then it does what it is told.
#[derive(Clone, Default)]
struct Moody {
    mood: Arc<AtomicUsize>,
    asked: Arc<AtomicUsize>,
}

const GOOD: usize = 0;
const HANGS: usize = 1;
const PANICS: usize = 2;
const SLOW: usize = 3;

impl Moody {
    fn tunnels(&self, url: url::Url) -> Tunnels {
        let own = self.clone();
        let source = move || {
            let own = own.clone();
            async move {
                own.asked.fetch_add(1, Ordering::SeqCst);
                match own.mood.load(Ordering::SeqCst) {
                    HANGS => std::future::pending().await,
                    PANICS => panic!("on purpose"),
                    SLOW => sleep(Duration::from_millis(300)).await,
                    _ => {}
                }
                Ok(SecretString::from(KEY))
            }
        };
        Tunnels::builder().url(url).key_source(source).build().unwrap()
    }

    fn turns(&self, mood: usize) {
        self.mood.store(mood, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_source_that_panics_or_hangs_keeps_no_tunnel_away_for_ever() {
    for mood in [PANICS, HANGS] {
        let world = World::start().await;
        let hop = Hop::to(world.addr).await;
        let moody = Moody::default();
        let tunnels = moody.tunnels(format!("ws://{}", hop.addr).parse().unwrap());
        let tunnel = tunnels.open("echo").await.unwrap();
        moody.turns(mood);
        hop.cut();
        let away = || matches!(tunnel.state(), TunnelState::Reconnecting { attempt, .. } if attempt > 2);
        while !away() {
            sleep(Duration::from_secs(1)).await;
        }
        let TunnelState::Reconnecting { reason, .. } = tunnel.state() else { panic!("{:?}", tunnel.state()) };
        assert!(reason.contains("key source"), "{reason}");
        // Meanwhile everything else answers.
        assert_eq!(tunnels.list().await.len(), 1);
        let error = tunnels.open("other").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Credentials, "{error}");
        moody.turns(GOOD);
        while tunnel.state() != (TunnelState::Connected { version: Version::V2 }) {
            sleep(Duration::from_secs(1)).await;
        }
        moody.turns(mood);
        hop.cut();
        eventually("it is away again", || matches!(tunnel.state(), TunnelState::Reconnecting { .. })).await;
        assert!(!tunnels.stop("echo").await.unwrap().aborted);
        assert_eq!(tunnel.closed().await, TunnelState::Stopped);
    }
}

#[tokio::test]
async fn those_who_ask_for_the_key_together_share_one_answer() {
    let world = World::start().await;
    let moody = Moody::default();
    moody.turns(SLOW);
    let tunnels = moody.tunnels(world.url());
    let opened =
        futures_util::future::join_all((0..10).map(|at| tunnels.open(format!("app-{at}")).into_future())).await;
    assert!(opened.iter().all(Result::is_ok));
    assert_eq!(moody.asked.load(Ordering::SeqCst), 1);
    moody.turns(PANICS);
    let refused =
        futures_util::future::join_all((20..30).map(|at| tunnels.open(format!("app-{at}")).into_future())).await;
    assert!(refused.iter().all(|outcome| outcome.as_ref().is_err_and(|e| e.kind() == ErrorKind::Credentials)));
    assert!(moody.asked.load(Ordering::SeqCst) <= 12, "a failure is shared too");
}

#[tokio::test]
async fn an_app_that_is_being_opened_holds_up_no_other() {
    let world = World::start().await;
    let target = world.addr;
    // The first connection is never answered.
    let fake = Fake::start(move |mut request: Request| async move {
        if request.number == 0 {
            return request.keep().await;
        }
        let mut far = TcpStream::connect(target).await.unwrap();
        far.write_all(request.head.as_bytes()).await.unwrap();
        tokio::io::copy_bidirectional(&mut request.stream, &mut far).await.ok();
    })
    .await;
    let tunnels = Tunnels::builder().url(fake.url()).key(SecretString::from(KEY)).build().unwrap();
    let (one, two) = (tunnels.clone(), tunnels.clone());
    let first = tokio::spawn(one.open("slow").into_future());
    eventually("the first one is on its way", || fake.count() == 1).await;
    // Shares the first one's fate, and asks nobody.
    let second = tokio::spawn(two.open("slow").into_future());
    let soon = timeout(Duration::from_secs(30), async {
        assert!(tunnels.list().await.is_empty());
        let other = tunnels.open("echo").await.unwrap();
        assert_eq!(tunnels.list().await.len(), 1);
        other.connect().await.unwrap();
        let stopped = tunnels.stop("slow").await.unwrap();
        assert!(!stopped.aborted);
        for gone in [first, second] {
            let error = gone.await.unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
        }
        assert_eq!(tunnels.stop_all().await.len(), 1);
    });
    soon.await.expect("nobody waits for an app that is being opened");
    assert_eq!(fake.count(), 2);
}

#[tokio::test]
async fn an_opening_that_nobody_waits_for_leaves_nothing() {
    let fake = Fake::start(|request: Request| request.keep()).await;
    let tunnels = Tunnels::builder().url(fake.url()).key(SecretString::from(KEY)).build().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let opening = tokio::spawn(tunnels.open("app").bind(port.to_string()).into_future());
    eventually("it is on its way", || fake.count() == 1).await;
    opening.abort();
    eventually("the port is free", || std::net::TcpListener::bind(port).is_ok()).await;
    assert_eq!(tunnels.stop("app").await.unwrap_err().kind(), ErrorKind::NotFound);
}

/// A door that panics where its name says, and a dialer that does.
struct Rotten;

#[async_trait]
impl Authorizer for Rotten {
    async fn authenticate(&self, key: &SecretString, _peer: SocketAddr) -> Result<Caller, Refusal> {
        use cube_sdk_core::secret::ExposeSecret as _;
        match key.expose_secret() {
            "panics" => panic!("on purpose"),
            "hangs" => std::future::pending().await,
            key => Ok(Caller::new(key)),
        }
    }

    async fn authorize(&self, _caller: &Caller, app: &AppName) -> Result<Route, Refusal> {
        assert!(app.as_str() != "panics", "on purpose");
        Ok(Route::new(app.clone(), app.as_str()))
    }

    async fn revoked(&self, caller: &Caller) {
        if caller.id() == "rotten" {
            sleep(Duration::from_millis(50)).await;
            panic!("on purpose");
        }
        std::future::pending().await
    }
}

#[async_trait]
impl Dialer for Rotten {
    async fn dial(&self, route: &Route, _deadline: Instant) -> Result<Upstream, Refusal> {
        assert!(route.target() != "dial", "on purpose");
        let (near, mut far) = tokio::io::duplex(1024);
        if route.target() == "stream" {
            return Ok(Upstream::io(PanickingStream, true));
        }
        tokio::spawn(async move {
            let (mut read, mut write) = tokio::io::split(&mut far);
            tokio::io::copy(&mut read, &mut write).await.ok();
        });
        Ok(Upstream::io(near, true))
    }
}

struct PanickingStream;

impl AsyncRead for PanickingStream {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        panic!("on purpose");
    }
}

impl AsyncWrite for PanickingStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<std::io::Result<usize>> {
        panic!("on purpose");
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

async fn rotten() -> (Relay, SocketAddr, tokio::task::JoinHandle<()>) {
    let relay = Relay::builder().build(Rotten, Rotten);
    let server = RelayServer::bind(relay.clone(), "127.0.0.1:0", None).await.unwrap();
    let addr = server.local_addr().unwrap();
    let server = tokio::spawn(async move {
        server.run(std::future::pending::<Duration>()).await;
    });
    (relay, addr, server)
}

#[tokio::test]
async fn a_panic_behind_a_seam_costs_what_it_was_for_and_nothing_else() {
    let (relay, addr, server) = rotten().await;
    let tunnels = |key: &str| {
        let url = format!("ws://{addr}").parse().unwrap();
        Tunnels::builder().url(url).key(SecretString::from(key)).protocol(Protocol::V2).build().unwrap()
    };
    let good = tunnels("good");
    let witness = good.open("echo").await.unwrap();
    let mut echo = witness.connect().await.unwrap();

    assert_eq!(Raw::connect(addr, Some("panics"), Version::V2).await.err(), Some(500));
    for app in ["panics", "dial"] {
        let mut raw = Raw::connect(addr, Some("good"), Version::V2).await.unwrap();
        let hello =
            cube_sdk_teleport::tunnel::frame::Hello { window: 65_536, max_data: 65_536, max_streams: 9, flags: 0 };
        raw.send(cube_sdk_teleport::tunnel::frame::Frame::Hello(hello)).await;
        raw.connect_app(1, app).await;
        assert_eq!(raw.refused_with().await, TunnelCode::Internal.number(), "{app}");
        raw.connect_app(2, "stream").await;
        let cut = loop {
            match raw.next().await {
                Got::Frame(cube_sdk_teleport::tunnel::frame::Frame::Close { stream: 2, code, .. }) => break code,
                Got::Frame(_) => {}
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(cut, Some(TunnelCode::PeerReset));
        raw.connect_app(3, "echo").await;
        while !matches!(raw.next().await, Got::Frame(cube_sdk_teleport::tunnel::frame::Frame::Connected { stream: 3 }))
        {
        }
    }
    let mut watched = Raw::connect(addr, Some("rotten"), Version::V2).await.unwrap();
    assert_eq!(watched.closed_with().await, 1008, "who cannot be watched must not stay");

    echo.write_all(b"still here").await.unwrap();
    let mut back = [0; 10];
    echo.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"still here");
    eventually("only the witness is left", || relay.connections() == 1).await;
    server.abort();
}

#[tokio::test(start_paused = true)]
async fn an_authorizer_that_hangs_is_not_waited_for() {
    let (_relay, addr, server) = rotten().await;
    let started = tokio::time::Instant::now();
    assert_eq!(Raw::connect(addr, Some("hangs"), Version::V2).await.err(), Some(503));
    assert!(started.elapsed() < Duration::from_secs(11), "{:?}", started.elapsed());
    server.abort();
}

#[tokio::test]
async fn two_closures_are_an_authorizer() {
    use cube_sdk_core::secret::ExposeSecret as _;
    let world = World::start().await;
    let echo = world.door.apps.lock().unwrap()["echo"].clone();
    let door = authorizer_fn(
        |key: SecretString, _peer| async move {
            match key.expose_secret() {
                "k" => Ok(Caller::new("one").with(7_u8)),
                _ => Err(Refusal::new(TunnelCode::BadKey, "the key is unknown")),
            }
        },
        move |caller: Caller, app| {
            let echo = echo.clone();
            async move {
                assert_eq!(caller.data::<u8>(), Some(&7));
                Ok(Route::new(app, echo))
            }
        },
    );
    let relay = Relay::builder().build(door, DirectDialer::new());
    let server = RelayServer::bind(relay, "127.0.0.1:0", None).await.unwrap();
    let url: url::Url = format!("ws://{}", server.local_addr().unwrap()).parse().unwrap();
    let server = tokio::spawn(server.run(std::future::pending::<Duration>()));
    let open = |key: &str| {
        Tunnels::builder().url(url.clone()).key(SecretString::from(key)).build().unwrap().open("any").into_future()
    };
    let mut stream = open("k").await.unwrap().connect().await.unwrap();
    stream.write_all(b"hi").await.unwrap();
    let mut back = [0; 2];
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(open("other").await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    server.abort();
}
