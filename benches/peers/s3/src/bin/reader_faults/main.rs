//! Our reader under random faults: 100 seeds over an object of 256 MiB, against the AWS double in this process.
//!
//! Each seed makes its own object and its own mix of resets, short bodies, SlowDown, 500, lost connections and delays;
//! every fifth seed adds a fault that no reader may survive: an overwritten object, a wrong byte, a foreign ETag. Every
//! chunk is compared with the object's content where it stands. The program fails when a read that ends well holds a
//! wrong byte, when a read gives up that should have come through, and when a fatal fault reaches the caller unnoticed.
//! Retries, patience and budget are the defaults: an attempt after which bytes of any part came starts the count anew.
//!
//! `--bursts` reads one object through a minute of SlowDown in bursts instead, in real time.
#![allow(clippy::print_stdout, reason = "a program that reports on stdout")]

mod bursts;

use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Parser;
use cube_sdk_byo::{S3Uri, Sha256, Storage};
use cube_sdk_testkit::aws::{AwsWorld, Effect, Fault, FaultId, Object};
use futures_util::StreamExt;

const KEY: &str = "faulty.bin";

#[derive(Parser)]
#[command(name = "reader-faults", version, about = "Our S3 reader under random faults")]
struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// Size of each object in MiB.
    #[arg(long, default_value_t = 256)]
    mib: u64,
    /// Part size in KiB, instead of what the reader chooses.
    #[arg(long)]
    part_kib: Option<u64>,
    /// Reads one object through 60 s of SlowDown, 5 s of every 10 s, and shows the rate of requests.
    #[arg(long)]
    bursts: bool,
}

/// What a seed's faults allow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Expected {
    /// Every byte, whatever it takes.
    EveryByte,
    /// The fault of this name must be found.
    Refusal(&'static str),
}

/// How one read ended.
struct Outcome {
    verdict: Result<(), String>,
    bytes: u64,
    resumed: u64,
    requests: u64,
    seconds: f64,
    error: Option<String>,
}

/// Arms the seed's faults.
fn arm(world: &AwsWorld, seed: u64, size: u64) -> (Vec<FaultId>, Expected) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut armed = Vec::new();
    let mut add = |effect: Effect, random: &mut fastrand::Rng, most: f64| {
        let probability = random.f64() * most;
        let fault = Fault::new(effect).on("GetObject").key(KEY).probability(probability, random.u64(..));
        armed.push(world.faults().add(fault));
    };
    // Offsets within a body: some at once, some after a few reads, some late in a part.
    for most in [1 << 10, 1 << 18, 1 << 22] {
        let after = random.u64(0..most);
        add(Effect::ResetBody { after }, &mut random, 0.08);
        let after = random.u64(0..most);
        add(Effect::TruncateBody { after }, &mut random, 0.08);
    }
    add(Effect::SlowDown { retry_after: None }, &mut random, 0.05);
    add(Effect::DropConnection, &mut random, 0.05);
    let delay = Duration::from_millis(random.u64(1..50));
    add(Effect::Latency(delay), &mut random, 0.2);

    let probability = random.f64() * 0.05;
    let internal = Fault::new(Effect::InternalError).on("GetObject").key(KEY).times(2);
    armed.push(world.faults().add(internal.probability(probability, random.u64(..))));

    let expected = if seed.is_multiple_of(5) {
        let (name, effect) = match (seed / 5) % 3 {
            0 => ("overwritten", Effect::Overwrite(Object::generated(seed ^ 0xFFFF, size))),
            1 => ("wrong byte", Effect::CorruptByte { at: random.u64(0..1 << 16) }),
            _ => ("foreign ETag", Effect::WrongEtag),
        };
        // Some request after the first has pinned the object; the 12th is there in every mix.
        armed.push(world.faults().add(Fault::new(effect).on("GetObject").key(KEY).nth(random.u64(2..12))));
        Expected::Refusal(name)
    } else {
        Expected::EveryByte
    };
    (armed, expected)
}

async fn read(
    world: &AwsWorld,
    storage: &Storage,
    arguments: &Arguments,
    seed: u64,
) -> anyhow::Result<(Outcome, Expected, u64)> {
    let (card, size) = (world.card(), arguments.mib << 20);
    let object = Object::generated(seed, size);
    world.put_object(&card.bucket, KEY, object.clone())?;
    let digest: Sha256 = object.sha256().parse()?;
    let (armed, expected) = arm(world, seed, size);
    let session = storage.own_session(&card.bucket, &card.region)?;
    let uri: S3Uri = format!("s3://{}/{KEY}", card.bucket).parse()?;

    let began = Instant::now();
    let mut open = session.open(uri).expect_sha256(digest);
    if let Some(kib) = arguments.part_kib {
        open = open.part_size(kib << 10);
    }
    let (mut at, mut wrong, mut failed, mut figures) = (0, None, None, (0, 0));
    match open.await {
        Err(error) => failed = Some(error),
        Ok(mut reader) => {
            while let Some(item) = reader.next().await {
                match item {
                    Ok(chunk) => {
                        let end = at + chunk.len() as u64;
                        if wrong.is_none() && object.read(at..end) != chunk {
                            wrong = Some(at);
                        }
                        at = end;
                    }
                    Err(error) => failed = Some(error),
                }
            }
            let stats = reader.stats();
            figures = (stats.resumed, stats.requests);
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let fired: u64 = armed.iter().map(|id| world.faults().fired(*id)).sum();
    world.faults().clear();

    let verdict = match (expected, &failed) {
        (Expected::EveryByte, None) if at == size && wrong.is_none() => Ok(()),
        (Expected::EveryByte, None) => Err(format!("ended without an error at {at} of {size}, wrong from {wrong:?}")),
        (Expected::EveryByte, Some(error)) => Err(format!("gave up at {at}: {error}")),
        // The fatal fault met a request that another fault refused: nothing of it was delivered.
        (Expected::Refusal(_), None) if at == size && wrong.is_none() => Ok(()),
        (Expected::Refusal(name), None) => Err(format!("{name}: nothing was noticed, wrong from {wrong:?}")),
        (Expected::Refusal("wrong byte"), Some(_)) if at < size => Ok(()),
        // Only a digest can find a wrong byte, and it holds the last chunk back; the others never reach the caller.
        (Expected::Refusal(_), Some(_)) if wrong.is_none() && at < size => Ok(()),
        (Expected::Refusal(name), Some(_)) => Err(format!("{name}: wrong bytes from {wrong:?}, {at} in all")),
    };
    let (resumed, requests) = figures;
    let error = failed.map(|error| error.kind().to_string());
    Ok((Outcome { verdict, bytes: at, resumed, requests, seconds, error }, expected, fired))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if arguments.bursts {
        return bursts::read(arguments.mib.max(bursts::MIB)).await;
    }
    let world = AwsWorld::builder().start().await?;
    let card = world.card();
    let mut failures = 0;
    println!("| seed | faults fired | requests | bodies resumed | MiB delivered | s | expected | result |");
    println!("|---|---|---|---|---|---|---|---|");
    for seed in arguments.first..arguments.first + arguments.seeds {
        // Its own retry budget for each seed: one seed's storm must not use up that of the next.
        let storage = Storage::builder()
            .keys(card.admin.access_key_id.clone(), card.admin.secret_access_key.clone(), None)
            .endpoint_url(card.endpoint_url.parse().context("the double's URL")?)
            .build()?;
        let (outcome, expected, fired) = read(&world, &storage, &arguments, seed).await?;
        let wanted = match expected {
            Expected::EveryByte => "every byte".to_owned(),
            Expected::Refusal(name) => format!("refusal: {name}"),
        };
        let result = match &outcome.verdict {
            Ok(()) => match outcome.error {
                None => "right".to_owned(),
                Some(kind) => format!("refused ({kind})"),
            },
            Err(why) => {
                failures += 1;
                format!("**FAILED**: {why}")
            }
        };
        println!(
            "| {seed} | {fired} | {} | {} | {:.1} | {:.1} | {wanted} | {result} |",
            outcome.requests,
            outcome.resumed,
            outcome.bytes as f64 / f64::from(1 << 20),
            outcome.seconds,
        );
    }
    anyhow::ensure!(failures == 0, "{failures} of {} seeds failed", arguments.seeds);
    Ok(())
}
