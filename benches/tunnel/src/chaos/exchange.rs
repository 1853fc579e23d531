//! One stream: what is sent each way, and how it is to end.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, bail};
use cube_sdk_teleport::tunnel::Protocol;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longer than anything that the tunnel waits for.
const PATIENCE: Duration = Duration::from_secs(40);

/// How the two directions follow each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    /// The request, then the answer, then the end: all that version 1 can say.
    Answer,
    /// Both at once, each ended by itself.
    Both,
    /// The app ends its direction long before the client does.
    Late,
    /// The client sends a part and resets.
    Abandon,
}

/// What a stream is to do.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) up: usize,
    pub(super) down: usize,
    pub(super) form: Form,
    pause: Duration,
}

/// What the client saw.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Outcome {
    Completed,
    Broken,
    Abandoned,
}

impl Plan {
    pub(super) const HEAD: usize = 25;

    pub(super) fn draw(chance: &mut fastrand::Rng, protocol: Protocol) -> Self {
        // From nothing to 2 MiB, each power of two as likely as any other.
        let mut size = || {
            let most = 1 << chance.u32(0..=21);
            chance.usize(0..=most)
        };
        let (up, down) = (size(), size());
        let form = match chance.u32(0..20) {
            _ if protocol == Protocol::V1 => Form::Answer,
            0..6 => Form::Answer,
            6..14 => Form::Both,
            14..18 => Form::Late,
            _ => Form::Abandon,
        };
        Self { seed: chance.u64(..), up, down, form, pause: Duration::from_millis(chance.u64(0..60)) }
    }

    fn encode(&self) -> [u8; Self::HEAD] {
        let mut head = [0; Self::HEAD];
        head[..8].copy_from_slice(&self.seed.to_be_bytes());
        head[8..16].copy_from_slice(&(self.up as u64).to_be_bytes());
        head[16..24].copy_from_slice(&(self.down as u64).to_be_bytes());
        head[24] = self.form as u8;
        head
    }

    pub(super) fn decode(head: &[u8; Self::HEAD]) -> Option<Self> {
        let number = |at: usize| head[at..at + 8].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let form = [Form::Answer, Form::Both, Form::Late, Form::Abandon].into_iter().find(|f| *f as u8 == head[24])?;
        let (up, down) = (usize::try_from(number(8)).ok()?, usize::try_from(number(16)).ok()?);
        let sane = up <= 1 << 21 && down <= 1 << 21;
        sane.then_some(Self { seed: number(0), up, down, form, pause: Duration::ZERO })
    }
}

/// Repeatable bytes.
pub(super) fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut out = vec![0; length];
    fastrand::Rng::with_seed(seed).fill(&mut out);
    out
}

/// Does what the plan says. An error is a lie, or a stream that neither goes on nor ends.
pub(super) async fn run(address: SocketAddr, plan: &Plan) -> Result<Outcome> {
    match tokio::time::timeout(PATIENCE, exchange(address, plan)).await {
        Ok(outcome) => outcome,
        Err(_) => bail!("it neither went on nor ended for {PATIENCE:?}"),
    }
}

async fn exchange(address: SocketAddr, plan: &Plan) -> Result<Outcome> {
    let Ok(mut stream) = TcpStream::connect(address).await else { return Ok(Outcome::Broken) };
    let up = bytes(plan.seed, plan.up);
    if plan.form == Form::Abandon {
        let part = up.len() / 2;
        let sent = stream.write_all(&plan.encode()).await.is_ok() && stream.write_all(&up[..part]).await.is_ok();
        stream.set_zero_linger().ok();
        return Ok(if sent { Outcome::Abandoned } else { Outcome::Broken });
    }
    let (mut read, mut write) = stream.split();
    let give = async {
        let mut good = write.write_all(&plan.encode()).await.is_ok();
        if plan.form == Form::Late {
            tokio::time::sleep(plan.pause).await;
        }
        for piece in up.chunks(100_000) {
            good = good && write.write_all(piece).await.is_ok();
        }
        good && (plan.form == Form::Answer || write.shutdown().await.is_ok())
    };
    let take = async {
        let mut got = Vec::with_capacity(plan.down);
        read.read_to_end(&mut got).await.ok().map(|_| got)
    };
    let (given, taken) = tokio::join!(give, take);
    match taken {
        // A reset is told once: to the writer, or to the reader, who then sees an end of file.
        _ if !given => Ok(Outcome::Broken),
        None => Ok(Outcome::Broken),
        Some(got) if got != bytes(!plan.seed, plan.down) => bail!("{} bytes looked complete", got.len()),
        Some(_) => Ok(Outcome::Completed),
    }
}
