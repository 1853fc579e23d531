//! Our S3 reader against the AWS double of the test kit, in one process: sizes, readers, budgets, digest.
//!
//! The double shares the cores and copies each byte once more than a real server would: these figures show
//! changes from commit to commit, not what the reader reaches (`benches/peers/s3` measures that).
#![allow(missing_docs, reason = "criterion's macros make public functions")]
#![allow(clippy::unwrap_used, reason = "a bench ends with the first failure")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use cube_sdk::byo::{Bucket, Region, S3Uri, Session, Storage};
use cube_sdk_testkit::aws::{AwsWorld, Object};
use futures_util::StreamExt;
use futures_util::future::join_all;
use tokio::runtime::{Builder, Runtime};

const MIB: u64 = 1 << 20;
const SIZES: [(&str, u64); 3] = [("1 MiB", MIB), ("64 MiB", 64 * MIB), ("1 GiB", 1024 * MIB)];

struct World {
    runtime: Runtime,
    _world: AwsWorld,
    session: Session,
    bucket: String,
}

impl World {
    fn start() -> Self {
        let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
        let world = runtime.block_on(AwsWorld::builder().start()).unwrap();
        let card = world.card();
        let bucket = card.bucket.clone();
        for (name, size) in SIZES {
            world.put_object(&bucket, &key(name), Object::generated(size, size)).unwrap();
        }
        let admin = card.admin.clone();
        let storage = Storage::builder().keys(admin.access_key_id, admin.secret_access_key, None);
        let storage = storage.endpoint_url(card.endpoint_url.parse().unwrap()).build().unwrap();
        let region: Region = world.region().parse().unwrap();
        let session = storage.own_session(&bucket, region).unwrap();
        Self { runtime, _world: world, session, bucket }
    }

    async fn read(&self, name: &str, budget: u64, digest: bool) -> u64 {
        let uri: S3Uri = format!("s3://{}/{}", self.bucket, key(name)).parse().unwrap();
        let open = self.session.open(uri).budget(budget);
        let mut reader = if digest { open.compute_sha256() } else { open }.await.unwrap();
        let mut bytes = 0;
        while let Some(chunk) = reader.next().await {
            bytes += chunk.unwrap().len() as u64;
        }
        assert_eq!(bytes, reader.size());
        bytes
    }
}

fn key(name: &str) -> String {
    name.replace(' ', "")
}

fn sizes(criterion: &mut Criterion, world: &World) {
    for digest in [false, true] {
        let mut group = criterion.benchmark_group(if digest { "one reader, SHA-256" } else { "one reader" });
        group.sample_size(10);
        for (name, size) in SIZES {
            group.throughput(Throughput::Bytes(size));
            group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
                bencher.to_async(&world.runtime).iter(|| world.read(name, 64 * MIB, digest));
            });
        }
        group.finish();
    }
}

fn budgets(criterion: &mut Criterion, world: &World) {
    let mut group = criterion.benchmark_group("budget, 1 GiB");
    group.sample_size(10).throughput(Throughput::Bytes(1024 * MIB));
    for budget in [16, 64, 256] {
        group.bench_function(BenchmarkId::from_parameter(format!("{budget} MiB")), |bencher| {
            bencher.to_async(&world.runtime).iter(|| world.read("1 GiB", budget * MIB, false));
        });
    }
    group.finish();
}

fn many(criterion: &mut Criterion, world: &World) {
    let mut group = criterion.benchmark_group("many readers, 64 MiB each");
    group.sample_size(10);
    for readers in [4_usize, 16] {
        group.throughput(Throughput::Bytes(readers as u64 * 64 * MIB));
        group.bench_function(BenchmarkId::from_parameter(readers), |bencher| {
            bencher
                .to_async(&world.runtime)
                .iter(|| join_all((0..readers).map(|_| world.read("64 MiB", 16 * MIB, false))));
        });
    }
    group.finish();
}

fn reader(criterion: &mut Criterion) {
    let world = World::start();
    sizes(criterion, &world);
    budgets(criterion, &world);
    many(criterion, &world);
}

criterion_group!(benches, reader);
criterion_main!(benches);
