//! A real PostgreSQL and its `psql` through agent and relay: COPY in and out, in every version and transport, and
//! through Teleport while certificates rotate.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::LazyLock;
use std::time::Duration;

use cube_sdk::byo::Sha256;
use cube_sdk::teleport::dial::{AppDialer, DialConfig, DirectDialer};
use cube_sdk::teleport::tbot::directory::ReadPolicy;
use cube_sdk::teleport::tbot::{Identities, OutputRoot};
use cube_sdk::teleport::tunnel::{Protocol, Tunnel, TunnelState, Version};
use cube_sdk_testkit::teleport::{AppKind, Cluster, Pauses, Proxy, TbotDirectory};
use cube_sdk_tests::real::Postgres;
use cube_sdk_tests::relay::OwnRelay;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

const APP: &str = "postgres";
const SIZE: usize = 64 << 20;
const LINE: usize = 1024;

/// 64 MiB of lines without a character that COPY would escape.
static TABLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut bytes = vec![0; SIZE];
    fastrand::Rng::with_seed(64).fill(&mut bytes);
    for line in bytes.chunks_exact_mut(LINE) {
        let (end, text) = line.split_last_mut().unwrap();
        *end = b'\n';
        for byte in text {
            *byte = b'0' + (*byte & 63);
            if *byte == b'\\' {
                *byte = b'~';
            }
        }
    }
    bytes
});

/// One client of the server, at the address of a tunnel.
struct Client<'a> {
    server: &'a Postgres,
    at: SocketAddr,
}

impl Client<'_> {
    async fn ask(&self, statement: &str) -> String {
        let output = Command::from(self.server.psql(self.at, statement)).output().await.unwrap();
        assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// COPY of [`TABLE`] into the server, with something to happen when half of it was sent.
    async fn copy_in(&self, meanwhile: impl Future) {
        let mut command = Command::from(self.server.psql(self.at, "COPY lines FROM STDIN"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut psql = command.spawn().unwrap();
        let mut stdin = psql.stdin.take().unwrap();
        let feed = async {
            let (first, second) = TABLE.split_at(SIZE / 2 + 321);
            stdin.write_all(first).await?;
            meanwhile.await;
            stdin.write_all(second).await?;
            drop(stdin);
            std::io::Result::Ok(())
        };
        let (fed, output) = tokio::join!(feed, psql.wait_with_output());
        let output = output.unwrap();
        assert!(output.status.success(), "COPY in: {}", String::from_utf8_lossy(&output.stderr));
        fed.unwrap();
    }

    /// COPY out of the server, with something to happen when half of it has come.
    async fn copy_out(&self, meanwhile: impl Future) -> Vec<u8> {
        let mut command = Command::from(self.server.psql(self.at, "COPY lines TO STDOUT"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
        let mut psql = command.spawn().unwrap();
        let mut stdout = psql.stdout.take().unwrap();
        let mut got = vec![0; SIZE / 2];
        stdout.read_exact(&mut got).await.unwrap();
        meanwhile.await;
        stdout.read_to_end(&mut got).await.unwrap();
        assert!(psql.wait().await.unwrap().success());
        got
    }
}

/// Both directions, judged by SHA-256: what was sent, what the server holds, what came back.
async fn both_ways(server: &Postgres, tunnel: &Tunnel, mut meanwhile: impl AsyncFnMut()) {
    let client = Client { server, at: tunnel.local_addr() };
    let sent = Sha256::of(&TABLE);
    client.ask("CREATE UNLOGGED TABLE lines (line text)").await;
    client.copy_in(meanwhile()).await;
    let whole = "SELECT encode(sha256(convert_to(string_agg(line, E'\\n') || E'\\n', 'UTF8')), 'hex') FROM lines";
    assert_eq!(client.ask(whole).await, sent.to_string(), "what the server holds");
    let got = client.copy_out(meanwhile()).await;
    assert_eq!((got.len(), Sha256::of(&got)), (SIZE, sent), "what came back");
    client.ask("DROP TABLE lines").await;
    let traffic = tunnel.traffic();
    assert!(traffic.sent > SIZE as u64 && traffic.received > SIZE as u64, "all of it passed the tunnel: {traffic:?}");
}

async fn direct(protocol: Protocol, version: Version, tls: bool) {
    let Some(server) = Postgres::start() else { return };
    let relay = OwnRelay::start(&[(APP, server.addr)], DirectDialer::new(), tls).await;
    let tunnel = relay.tunnels(protocol).open(APP).await.unwrap();
    assert_eq!(tunnel.state(), TunnelState::Connected { version });
    both_ways(&server, &tunnel, async || {}).await;
    assert_eq!(tunnel.state(), TunnelState::Connected { version }, "on one and the same connection");
    let report = tunnel.shutdown(Duration::from_secs(5)).await;
    assert_eq!((report.cut, report.aborted), (0, false), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn version_1_over_ws() {
    direct(Protocol::V1, Version::V1, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn version_1_over_wss() {
    direct(Protocol::V1, Version::V1, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn version_2_over_ws() {
    direct(Protocol::V2, Version::V2, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn version_2_over_wss() {
    direct(Protocol::V2, Version::V2, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn through_teleport_while_certificates_rotate() {
    let Some(server) = Postgres::start() else { return };
    let cluster = Cluster::new("cube.teleport.sh").unwrap();
    cluster.add_app(APP, AppKind::Tcp, server.addr);
    let proxy = Proxy::start(&cluster).await.unwrap();
    let outputs = tempfile::tempdir().unwrap();
    let mut tbot = TbotDirectory::new(&cluster, APP, outputs.path().join(format!("app-{APP}")));
    let first = tbot.rotate().await.unwrap();

    let trusted = cluster.authority().public_ca_pem();
    let config = DialConfig::new(proxy.addr().to_string().parse().unwrap()).trust_pem(trusted.as_bytes()).unwrap();
    let dialer = AppDialer::new(Identities::new(OutputRoot::new(outputs.path()), ReadPolicy::default()), config);
    let relay = OwnRelay::start(&[(APP, server.addr)], dialer, true).await;
    let tunnel = relay.tunnels(Protocol::V2).open(APP).await.unwrap();

    let mut tbot = tbot.pauses(Pauses::all(Duration::from_millis(3)));
    let mut newest = Vec::new();
    both_ways(&server, &tunnel, async || {
        for _ in 0..3 {
            let renewed = tbot.rotate().await.unwrap();
            newest.push(renewed.session);
        }
    })
    .await;
    assert_eq!(newest.len(), 6, "three in the middle of each COPY");
    let seen = proxy.seen().sessions;
    assert!(seen.contains(&first.session), "the first COPY began with the first certificate");
    for session in [&newest[2], &newest[5]] {
        assert!(seen.contains(session), "what connected after a COPY used the newest certificate");
    }
    let report = tunnel.shutdown(Duration::from_secs(5)).await;
    assert_eq!((report.cut, report.aborted), (0, false), "{report:?}");
}

/// A driver over a stream of the tunnel: no local port, and nobody else on the machine who could use it.
#[tokio::test(flavor = "multi_thread")]
async fn a_driver_runs_over_a_stream_within_the_process() {
    let Some(server) = Postgres::start() else { return };
    let relay = OwnRelay::start(&[(APP, server.addr)], DirectDialer::new(), true).await;
    for protocol in [Protocol::V1, Protocol::V2] {
        let tunnel = relay.tunnels(protocol).open(APP).await.unwrap();
        let mut config = tokio_postgres::Config::new();
        config.user(Postgres::USER).dbname(Postgres::USER).password(Postgres::PASSWORD);
        let stream = tunnel.connect().await.unwrap();
        let (client, connection) = config.connect_raw(stream, tokio_postgres::NoTls).await.unwrap();
        let driver = tokio::spawn(connection);
        let row = client.query_one("SELECT sum(n)::bigint FROM generate_series(1, $1::int) AS n", &[&1000_i32]);
        assert_eq!(row.await.unwrap().get::<_, i64>(0), 500_500);
        let rows = client.query("SELECT repeat('x', 1000) FROM generate_series(1, 2000)", &[]).await.unwrap();
        assert!(rows.len() == 2000 && rows.iter().all(|row| row.get::<_, &str>(0).len() == 1000));
        drop(client);
        driver.await.unwrap().unwrap();
        assert_eq!(tunnel.shutdown(Duration::from_secs(5)).await.cut, 0);
    }
}
