//! Faults on request: what goes wrong, for which request, how often, and when.

mod effect;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use tokio::time::Instant;

use super::policy::matches;

pub use effect::Effect;

type KeyTest = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// An effect and the requests it befalls: by default every request that it can befall.
///
/// ```
/// use cube_sdk_testkit::aws::{AwsWorld, Effect, Fault};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let world = AwsWorld::builder().start().await?;
/// let broken = Fault::new(Effect::ResetBody { after: 65_536 }); // every answer with a body, for ever
/// let id = world.faults().add(broken.on("GetObject").key("*.onnx").nth(3)); // the third of such reads alone
/// assert_eq!(world.faults().fired(id), 0); // nothing was asked for yet
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Fault {
    effect: Effect,
    operation: Option<String>,
    key: Option<KeyTest>,
    skip: u64,
    times: Option<u64>,
    probability: Option<(f64, u64)>,
    bursts: Option<Bursts>,
}

/// A schedule from the moment a fault is added.
#[derive(Clone, Copy, Debug)]
struct Bursts {
    length: Duration,
    every: Duration,
    total: Duration,
}

impl Bursts {
    fn covers(self, passed: Duration) -> bool {
        // A pause of nothing is no pause.
        let every = self.every.max(Duration::from_nanos(1)).as_nanos();
        let within = passed.as_nanos() % every;
        passed < self.total && within < self.length.as_nanos()
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fault")
            .field("effect", &self.effect)
            .field("operation", &self.operation)
            .field("by_key", &self.key.is_some())
            .field("skip", &self.skip)
            .field("times", &self.times)
            .field("probability", &self.probability)
            .field("bursts", &self.bursts)
            .finish()
    }
}

impl Fault {
    /// `effect` on every request.
    #[must_use]
    pub fn new(effect: Effect) -> Self {
        Self { effect, operation: None, key: None, skip: 0, times: None, probability: None, bursts: None }
    }

    /// Only requests of this operation: `GetObject`, `HeadObject`, `AssumeRole`, ….
    #[must_use]
    pub fn on(mut self, operation: impl Into<String>) -> Self {
        self.operation = Some(operation.into());
        self
    }

    /// Only requests whose object key matches, with `*` and `?` as in policies.
    #[must_use]
    pub fn key(self, pattern: impl Into<String>) -> Self {
        let pattern = pattern.into();
        self.key_where(move |key| matches(&pattern, key))
    }

    /// Only requests whose object key satisfies `test`; requests without a key never match.
    #[must_use]
    pub fn key_where(mut self, test: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.key = Some(Arc::new(test));
        self
    }

    /// Only the `n`th matching request, counted from 1 since the fault was added.
    #[must_use]
    pub fn nth(mut self, n: u64) -> Self {
        self.skip = n.saturating_sub(1);
        self.times(1)
    }

    /// Only the first `count` matching requests that are not skipped.
    #[must_use]
    pub fn times(mut self, count: u64) -> Self {
        self.times = Some(count);
        self
    }

    /// Each matching request with this probability (0.0 to 1.0), repeatable by `seed`.
    #[must_use]
    pub fn probability(mut self, probability: f64, seed: u64) -> Self {
        self.probability = Some((probability, seed));
        self
    }

    /// Only in bursts, by tokio's clock from the moment the fault is added: the first `length` of each `every`, until
    /// `total` is over. A request outside a burst does not count as matching.
    #[must_use]
    pub fn bursts(mut self, length: Duration, every: Duration, total: Duration) -> Self {
        self.bursts = Some(Bursts { length, every, total });
        self
    }
}

/// Names a fault that was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultId(u64);

struct Armed {
    id: FaultId,
    fault: Fault,
    rng: Rng,
    added: Instant,
    matched: u64,
    fired: u64,
}

/// The faults in force; they may be added and removed while requests run.
#[derive(Default)]
pub struct Faults {
    armed: Mutex<(u64, Vec<Armed>)>,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.armed().1.iter().map(|armed| &armed.fault)).finish()
    }
}

impl Faults {
    fn armed(&self) -> MutexGuard<'_, (u64, Vec<Armed>)> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a fault; several that match one request all befall it, in the order they were added.
    pub fn add(&self, fault: Fault) -> FaultId {
        let mut armed = self.armed();
        armed.0 += 1;
        let id = FaultId(armed.0);
        let rng = Rng::with_seed(fault.probability.map_or(0, |(_, seed)| seed));
        armed.1.push(Armed { id, fault, rng, added: Instant::now(), matched: 0, fired: 0 });
        id
    }

    /// Removes one fault; requests that it has befallen already go on.
    pub fn remove(&self, id: FaultId) {
        self.armed().1.retain(|armed| armed.id != id);
    }

    /// Removes all faults.
    pub fn clear(&self) {
        self.armed().1.clear();
    }

    /// How often a fault has fired; 0 once it was removed.
    #[must_use]
    pub fn fired(&self, id: FaultId) -> u64 {
        self.armed().1.iter().find(|armed| armed.id == id).map_or(0, |armed| armed.fired)
    }

    /// The effects that befall one request.
    pub(crate) fn befall(&self, operation: &str, key: Option<&str>) -> Vec<Effect> {
        let mut armed = self.armed();
        let mut effects = Vec::new();
        for one in &mut armed.1 {
            let fault = &one.fault;
            let matches = fault.operation.as_deref().is_none_or(|wanted| wanted == operation)
                && fault.key.as_ref().is_none_or(|test| key.is_some_and(|key| test(key)))
                && fault.bursts.is_none_or(|bursts| bursts.covers(one.added.elapsed()));
            if !matches {
                continue;
            }
            one.matched += 1;
            let spent = fault.times.is_some_and(|times| one.fired >= times);
            let lucky = fault.probability.is_some_and(|(probability, _)| one.rng.f64() >= probability);
            if one.matched <= fault.skip || spent || lucky {
                continue;
            }
            one.fired += 1;
            effects.push(fault.effect.clone());
        }
        effects
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fires(faults: &Faults, operation: &str, key: Option<&str>) -> usize {
        faults.befall(operation, key).len()
    }

    #[test]
    fn operation_key_and_count_choose() {
        let faults = Faults::default();
        let id = faults.add(Fault::new(Effect::InternalError).on("GetObject").key("models/*.onnx").nth(2));
        assert_eq!(fires(&faults, "HeadObject", Some("models/a.onnx")), 0);
        assert_eq!(fires(&faults, "GetObject", Some("models/a.bin")), 0);
        assert_eq!(fires(&faults, "GetObject", None), 0);
        assert_eq!(fires(&faults, "GetObject", Some("models/a.onnx")), 0);
        assert_eq!(fires(&faults, "GetObject", Some("models/b.onnx")), 1);
        assert_eq!(fires(&faults, "GetObject", Some("models/c.onnx")), 0);
        assert_eq!(faults.fired(id), 1);
        faults.remove(id);
        assert_eq!(faults.fired(id), 0);
    }

    #[test]
    fn probability_repeats_with_its_seed() {
        let draw = |seed| {
            let faults = Faults::default();
            faults.add(Fault::new(Effect::InternalError).probability(0.5, seed));
            (0..64).map(|_| fires(&faults, "GetObject", None)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        let hits: usize = draw(7).iter().sum();
        assert!((16..=48).contains(&hits), "{hits} of 64");
    }

    #[tokio::test(start_paused = true)]
    async fn bursts_come_and_go_by_tokios_clock() {
        let faults = Faults::default();
        let second = Duration::from_secs(1);
        faults.add(Fault::new(Effect::InternalError).bursts(5 * second, 10 * second, 25 * second));
        let mut hit = Vec::new();
        for _ in 0..30 {
            hit.push(fires(&faults, "GetObject", None));
            tokio::time::advance(second).await;
        }
        let seconds: Vec<usize> = hit.iter().enumerate().filter(|(_, hits)| **hits > 0).map(|(at, _)| at).collect();
        assert_eq!(seconds, [0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 20, 21, 22, 23, 24]);
    }

    #[test]
    fn several_faults_befall_one_request_in_order() {
        let faults = Faults::default();
        faults.add(Fault::new(Effect::Latency(Duration::from_secs(1))).times(1));
        faults.add(Fault::new(Effect::DropConnection).times(2));
        let effects = faults.befall("GetObject", None);
        assert!(matches!(effects.as_slice(), [Effect::Latency(_), Effect::DropConnection]));
        assert_eq!(fires(&faults, "GetObject", None), 1);
        faults.clear();
        assert_eq!(fires(&faults, "GetObject", None), 0);
    }
}
