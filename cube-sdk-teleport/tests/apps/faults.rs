//! Every way in which a dial fails without a balancer, each with its own fault.

use std::time::Duration;

use cube_sdk_core::ErrorKind;
use cube_sdk_core::error::{Sent, WhichClock};
use cube_sdk_teleport::app_fault::Step;
use cube_sdk_teleport::dial::app::refusal_of;
use cube_sdk_teleport::dial::{AppDialer, Limits, Upgrade};
use cube_sdk_teleport::tunnel::TunnelCode;
use cube_sdk_teleport::{AppErrorExt, AppFault};
use cube_sdk_testkit::teleport::{AppKind, AppState, Cluster, KeyForm, Life, ServerCertificate, Tear};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::world::{APP, World, app, echo, echoed, fault, greeter};

#[tokio::test]
async fn credentials_at_fault_send_nothing() {
    let world = World::bare().await;
    let dialer = world.dialer();
    let expect = async |want: AppFault, kind: ErrorKind| {
        let (got, error) = fault(dialer.connect(&app(APP)).await);
        assert_eq!((got, error.kind(), error.sent()), (want, kind, Sent::No), "{error}");
        assert!(error.to_string().contains("app-db"), "the directory is named: {error}");
    };
    expect(AppFault::AppNotProvisioned, ErrorKind::NotFound).await;
    std::fs::create_dir(world.path(APP)).unwrap();
    expect(AppFault::CredentialMissing, ErrorKind::Credentials).await;
    world.tbot().life(Life::over()).rotate().await.unwrap();
    expect(AppFault::CredentialExpired, ErrorKind::Unauthenticated).await;
    world.tbot().life(Life::left(Duration::from_secs(20))).rotate().await.unwrap();
    expect(AppFault::CredentialExpired, ErrorKind::Unauthenticated).await;
    world.cluster.add_app("other", AppKind::Tcp, echo().await);
    let other = world.cluster.issue("other", KeyForm::default(), Life::default()).unwrap();
    world.tbot().write(&other).await.unwrap();
    expect(AppFault::CredentialForOtherApp, ErrorKind::Config).await;
    let kube = world.cluster.issue_kube(Some("cube-7"), Life::default()).unwrap();
    world.tbot().write(&kube).await.unwrap();
    expect(AppFault::CredentialForOtherApp, ErrorKind::Config).await;
    assert_eq!(world.proxy.seen().connections, 0);
}

#[tokio::test]
async fn names_that_point_elsewhere_touch_nothing() {
    let world = World::start().await;
    for name in ["../app-db", "app/db", "DB", "db.", "..", "-db"] {
        let (got, _) = fault(world.dialer().connect(&app(name)).await);
        assert_eq!(got, AppFault::AppNotProvisioned, "{name}");
    }
    assert_eq!(world.proxy.seen().connections, 0);
}

#[tokio::test]
async fn torn_outputs_are_told_apart_from_missing_ones() {
    let world = World::start().await;
    for file in ["identity", "tlscert"] {
        for tear in [Tear::Empty, Tear::Cut(700), Tear::Cut(20)] {
            world.tbot().rotate().await.unwrap();
            world.tbot().tear("identity", tear).unwrap();
            if file == "tlscert" {
                world.tbot().tear("identity", Tear::Gone).unwrap();
                world.tbot().tear("tlscert", tear).unwrap();
            } else {
                world.tbot().tear("key", Tear::Empty).unwrap();
            }
            let (got, error) = fault(AppDialer::new(world.impatient(), world.config()).connect(&app(APP)).await);
            assert_eq!(got, AppFault::CredentialTorn, "{file} {tear:?}: {error}");
            assert!(error.to_string().contains(file), "{error}");
        }
    }
    // A new certificate beside an old key.
    let mut tbot = world.tbot().files(false, true, false);
    let _ = std::fs::remove_file(world.path(APP).join("identity"));
    let old = tbot.rotate().await.unwrap();
    tbot.rotate().await.unwrap();
    std::fs::write(world.path(APP).join("key"), &old.key_pem).unwrap();
    let (got, error) = fault(world.dialer().connect(&app(APP)).await);
    assert_eq!(got, AppFault::CredentialTorn);
    assert!(error.to_string().contains("do not belong together"), "{error}");
}

#[tokio::test]
async fn a_torn_identity_does_not_matter_while_the_pair_is_whole() {
    let world = World::start().await;
    world.tbot().tear("identity", Tear::Cut(300)).unwrap();
    let mut stream = world.quick().connect(&app(APP)).await.unwrap();
    assert_eq!(echoed(&mut stream, b"hi").await, b"hi");
}

#[tokio::test]
async fn nobody_listens() {
    let world = World::start().await;
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for upgrade in [Upgrade::Auto, Upgrade::Always, Upgrade::Never] {
        let dialer = world.dialer_with(world.config_at(free).upgrade(upgrade));
        let (got, error) = fault(dialer.connect(&app(APP)).await);
        assert_eq!((got, error.kind()), (AppFault::ProxyUnreachable, ErrorKind::Connect), "{upgrade:?}");
        assert_eq!(error.retry().attempts, 2, "fresh addresses are tried once: {error}");
    }
}

#[tokio::test]
async fn an_unknown_host_is_unreachable() {
    let world = World::start().await;
    let config = cube_sdk_teleport::dial::DialConfig::new("proxy.invalid:443".parse().unwrap());
    let (got, error) = fault(world.dialer_with(config.upgrade(Upgrade::Never)).connect(&app(APP)).await);
    // Without certificates of the system, trust fails before the name does.
    assert!(got == AppFault::ProxyUnreachable, "{error}");
    assert!(error.to_string().contains("proxy.invalid"), "{error}");
}

#[tokio::test]
async fn a_proxy_that_hangs_up_in_the_handshake_is_unreachable() {
    let world = World::start().await;
    world.proxy.behave(|proxy| proxy.hang_up = true);
    let (got, _) = fault(world.dialer_with(world.config().upgrade(Upgrade::Never)).connect(&app(APP)).await);
    assert_eq!(got, AppFault::ProxyUnreachable);
}

#[tokio::test]
async fn a_foreign_server_is_not_trusted() {
    let world = World::start().await;
    world.proxy.behave(|proxy| proxy.certificate = ServerCertificate::Foreign);
    for upgrade in [Upgrade::Auto, Upgrade::Never] {
        let (got, error) = fault(world.dialer_with(world.config().upgrade(upgrade)).connect(&app(APP)).await);
        assert_eq!((got, error.kind()), (AppFault::ProxyUntrusted, ErrorKind::Connect));
        assert_eq!(error.target(), Some(format!("app db via {}", world.proxy.addr()).as_str()));
    }
    assert!(world.proxy.seen().alpn.is_empty(), "no handshake was completed");
}

#[tokio::test]
async fn a_server_without_the_protocol_refuses_by_alert() {
    let world = World::start().await;
    world.proxy.behave(|proxy| proxy.tcp_apps = false);
    let (got, error) = fault(world.dialer_with(world.config().upgrade(Upgrade::Never)).connect(&app(APP)).await);
    assert_eq!((got, error.kind()), (AppFault::AlpnRefused, ErrorKind::Protocol), "{error}");
}

#[tokio::test]
async fn a_certificate_of_another_cluster_is_refused_by_alert() {
    let world = World::bare().await;
    let other = Cluster::new("other").unwrap();
    other.add_app(APP, AppKind::Tcp, echo().await);
    let foreign = other.issue(APP, KeyForm::default(), Life::default()).unwrap();
    world.tbot().write(&foreign).await.unwrap();
    let (got, error) = fault(world.dialer().connect(&app(APP)).await);
    assert_eq!((got, error.kind()), (AppFault::CredentialRefused, ErrorKind::Unauthenticated));
    assert!(error.to_string().contains("authority is unknown"), "{error}");
}

#[tokio::test]
async fn silent_refusals_are_named() {
    let world = World::start().await;
    let dialer = world.dialer();
    let expect = async |why: &str| {
        let (got, error) = fault(dialer.connect(&app(APP)).await);
        assert_eq!((got, error.kind()), (AppFault::RefusedByTeleport, ErrorKind::Unavailable), "{why}");
        assert_eq!(error.retry().attempts, 1, "a refusal is not repeated: {error}");
    };
    world.cluster.set_app(APP, AppState::Denied);
    expect("denied by role").await;
    world.cluster.set_app(APP, AppState::AgentDown);
    expect("no agent").await;
    world.cluster.remove_app(APP);
    expect("unknown app").await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    world.cluster.add_app(APP, AppKind::Tcp, closed);
    expect("upstream down").await;
    world.cluster.add_app(APP, AppKind::Tcp, echo().await);
    world.cluster.drop_sessions();
    expect("unknown session").await;
}

#[tokio::test]
async fn a_refusal_after_the_dial_is_an_error_of_the_first_read() {
    let world = World::start().await;
    world.cluster.set_app(APP, AppState::Denied);
    let mut stream = world.quick().connect(&app(APP)).await.unwrap();
    // The refusal may come before or after these bytes leave: both are silence to the reader.
    let _ = stream.write_all(b"hello").await;
    let _ = stream.flush().await;
    let error = stream.read(&mut [0; 8]).await.unwrap_err();
    assert_eq!(error.app_fault(), Some(&AppFault::RefusedByTeleport), "{error:?}");
    let refusal = refusal_of(&error).unwrap();
    assert_eq!(refusal.code, TunnelCode::RefusedUpstream);
    assert!(refusal.message.starts_with("RefusedByTeleport: "), "{refusal:?}");
    assert!(refusal_of(&std::io::ErrorKind::BrokenPipe.into()).is_none());
}

#[tokio::test]
async fn an_app_that_ends_after_speaking_is_no_refusal() {
    let world = World::start().await;
    let mut stream = world.quick().connect(&app(APP)).await.unwrap();
    assert_eq!(echoed(&mut stream, b"bye").await, b"bye");
    stream.shutdown().await.unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert!(rest.is_empty());
}

#[tokio::test]
async fn a_refusal_is_tried_again_with_a_newer_credential() {
    let world = World::bare().await;
    world.cluster.add_app(APP, AppKind::Tcp, greeter(b"hi").await);
    world.tbot().rotate().await.unwrap();
    let dialer = world.dialer();
    // Read and cached; then its session goes, as when the cluster restarts, and tbot renews meanwhile.
    dialer.identities().current(APP).await.unwrap();
    world.cluster.drop_sessions();
    let dialling = tokio::spawn({
        let dialer = dialer.clone();
        async move { dialer.connect(&app(APP)).await }
    });
    // The renewal lands after the credential was taken and before the refusal is told.
    let mut tbot = world.tbot();
    while world.proxy.seen().connections < 1 {
        tokio::task::yield_now().await;
    }
    tbot.rotate().await.unwrap();
    let mut stream = dialling.await.unwrap().unwrap();
    let mut heard = [0; 2];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"hi");
}

#[tokio::test]
async fn a_mute_proxy_runs_into_the_clock_of_the_step() {
    let world = World::start().await;
    world.proxy.behave(|proxy| proxy.mute = true);
    let limits = Limits::default().each(Duration::from_millis(200));
    let config = world.config().limits(limits);
    let cases = [(Upgrade::Auto, Step::Detect), (Upgrade::Never, Step::Tls), (Upgrade::Always, Step::OuterTls)];
    for (upgrade, step) in cases {
        let (got, error) = fault(world.dialer_with(config.clone().upgrade(upgrade)).connect(&app(APP)).await);
        assert_eq!((got, error.kind()), (AppFault::StepTimedOut(step), ErrorKind::Timeout), "{error}");
    }
    let (got, _) = fault(world.dialer_with(config.find(true)).connect(&app(APP)).await);
    assert_eq!(got, AppFault::StepTimedOut(Step::Find));
}

#[tokio::test]
async fn an_address_that_never_answers_runs_into_the_clock_of_the_connection() {
    let world = World::start().await;
    // A listener whose queue is full drops further SYNs: nothing answers, as behind a silent firewall.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let addr = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    loop {
        let connect = tokio::net::TcpStream::connect(addr);
        match tokio::time::timeout(Duration::from_millis(80), connect).await {
            Ok(stream) => queued.push(stream.unwrap()),
            Err(_) => break,
        }
    }
    let limits = Limits::default().each(Duration::from_millis(150));
    let config = world.config_at(addr).limits(limits).upgrade(Upgrade::Never);
    let (got, error) = fault(world.dialer_with(config).connect(&app(APP)).await);
    assert_eq!(got, AppFault::StepTimedOut(Step::Connect), "{error}");
}

#[tokio::test]
async fn the_whole_dial_has_a_clock() {
    let world = World::start().await;
    world.proxy.behave(|proxy| proxy.mute = true);
    let limits = Limits::default().total(Duration::from_millis(150));
    let dialer = world.dialer_with(world.config().limits(limits).upgrade(Upgrade::Never));
    let error = dialer.connect(&app(APP)).await.unwrap_err();
    assert_eq!((error.kind(), error.clock()), (ErrorKind::Timeout, Some(WhichClock::Deadline)));
}
