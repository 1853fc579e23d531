//! Both ends of the tunnel in one process, beside a direct connection and two chained `copy_bidirectional` proxies.
//!
//! Everything shares the cores, the target and the load included: these figures show changes from commit to commit.
//! `peers-tunnel` measures each end in a process of its own.
#![allow(missing_docs, reason = "criterion's macros make public functions")]
#![allow(clippy::unwrap_used, reason = "a bench ends with the first failure")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use cube_sdk_benches_tunnel::ends::{APP, KEY, Open, PROXY_KIB, copy_each};
use cube_sdk_benches_tunnel::load::{self, Way};
use cube_sdk_core::SecretString;
use cube_sdk_teleport::Tunnels;
use cube_sdk_teleport::dial::DirectDialer;
use cube_sdk_teleport::tunnel::{Protocol, Relay, RelayServer, Tunnel};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

const TOTAL: u64 = 64 << 20;

struct World {
    runtime: Runtime,
    ways: Vec<(&'static str, SocketAddr)>,
    _tunnels: [Tunnel; 2],
}

impl World {
    fn start() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (ways, tunnels) = runtime.block_on(async {
            let direct = load::target().await.unwrap();
            let proxy2 = proxy(proxy(direct).await).await;
            let relay = Relay::builder().build(Open::to(direct.to_string()), DirectDialer::new());
            let server = RelayServer::bind(relay, "127.0.0.1:0", None).await.unwrap();
            let url: url::Url = format!("ws://{}", server.local_addr().unwrap()).parse().unwrap();
            tokio::spawn(server.run(std::future::pending::<Duration>()));
            let tunnel = async |protocol| {
                let builder = Tunnels::builder().url(url.clone()).key(SecretString::from(KEY)).protocol(protocol);
                builder.build().unwrap().open(APP).await.unwrap()
            };
            let (first, second) = (tunnel(Protocol::V1).await, tunnel(Protocol::V2).await);
            let ways = vec![
                ("direct", direct),
                ("proxy2", proxy2),
                ("tunnel v1", first.local_addr()),
                ("tunnel v2", second.local_addr()),
            ];
            (ways, [first, second])
        });
        Self { runtime, ways, _tunnels: tunnels }
    }
}

async fn proxy(target: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(copy_each(listener, target.to_string(), PROXY_KIB * 1024));
    address
}

fn bulk(criterion: &mut Criterion, world: &World) {
    for streams in [1, 16] {
        for (name, ways) in [("up", &[Way::Up][..]), ("down", &[Way::Down]), ("both", &[Way::Up, Way::Down])] {
            let mut group = criterion.benchmark_group(format!("bulk {name}, {streams} streams"));
            group.sample_size(10).throughput(Throughput::Bytes(TOTAL * ways.len() as u64));
            for (through, address) in &world.ways {
                group.bench_function(BenchmarkId::from_parameter(through), |bencher| {
                    bencher.to_async(&world.runtime).iter(|| async {
                        let all = ways.iter().map(|way| load::bulks(*address, *way, streams, TOTAL));
                        futures_util::future::try_join_all(all).await.unwrap()
                    });
                });
            }
            group.finish();
        }
    }
}

/// New connections: opened, one byte echoed, closed in both directions; 16 at once.
fn connections(criterion: &mut Criterion, world: &World) {
    let mut group = criterion.benchmark_group("new connections");
    group.sample_size(10).throughput(Throughput::Elements(1));
    for (through, address) in &world.ways {
        group.bench_function(BenchmarkId::from_parameter(through), |bencher| {
            bencher
                .to_async(&world.runtime)
                .iter_custom(|count| async move { load::connect_times(*address, count).await.unwrap() });
        });
    }
    group.finish();
}

fn echo(criterion: &mut Criterion, world: &World) {
    for busy in [false, true] {
        let name = if busy { "echo of 64 bytes beside bulk" } else { "echo of 64 bytes" };
        let mut group = criterion.benchmark_group(name);
        group.sample_size(10);
        for (through, address) in &world.ways {
            let beside =
                busy.then(|| [Way::Up, Way::Down].map(|way| world.runtime.spawn(load::bulk(*address, way, u64::MAX))));
            group.bench_function(BenchmarkId::from_parameter(through), |bencher| {
                bencher.to_async(&world.runtime).iter_custom(|count| async move {
                    let started = Instant::now();
                    load::echoes(*address, count as usize).await.unwrap();
                    started.elapsed()
                });
            });
            beside.into_iter().flatten().for_each(|task| task.abort());
        }
        group.finish();
    }
}

fn tunnel(criterion: &mut Criterion) {
    let world = World::start();
    bulk(criterion, &world);
    connections(criterion, &world);
    echo(criterion, &world);
}

criterion_group!(benches, tunnel);
criterion_main!(benches);
