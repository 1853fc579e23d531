//! The provider's keys: fetched when needed, and again at a key that is unknown, though not for whoever names one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cube_sdk_core::cached::{Cached, Fresh};
use cube_sdk_core::{Clock, Engine, Idempotency, Operation, Result, Timestamp};
use jsonwebtoken::jwk::Jwk;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::fetched;

const FETCH: Operation = Operation::new("oidc", "fetch_keys", Idempotency::Read);
/// How long keys are taken for good.
const LIFE: Duration = Duration::from_secs(3600);
/// How often an unknown key makes them be fetched again.
const AGAIN: Duration = Duration::from_secs(60);

/// Keys of one provider.
pub(super) struct Keys {
    clock: Clock,
    engine: Engine,
    held: Cached<Arc<[Jwk]>>,
    /// When they were last asked for.
    asked: Mutex<Option<Timestamp>>,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

impl Keys {
    pub(super) fn new(clock: Clock, engine: Engine) -> Self {
        Self { clock, engine, held: Cached::new(clock), asked: Mutex::default() }
    }

    /// The keys, with one of this id among them if the provider has it.
    pub(super) async fn with(&self, url: &Url, kid: Option<&str>) -> Result<Arc<[Jwk]>> {
        let keys = match self.held.peek() {
            Some(keys) => keys,
            None => {
                self.may_ask(Duration::ZERO);
                self.held.get(|| fetch(self.engine.clone(), self.clock, url.clone())).await?
            }
        };
        let known = kid.is_none_or(|kid| keys.iter().any(|key| key.common.key_id.as_deref() == Some(kid)));
        if known || !self.may_ask(AGAIN) {
            return Ok(keys);
        }
        self.held.renew(|| fetch(self.engine.clone(), self.clock, url.clone())).await
    }

    /// Notes that they are asked for, unless that was less than `pause` ago.
    fn may_ask(&self, pause: Duration) -> bool {
        let now = self.clock.now();
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let may = asked.is_none_or(|before| now.since(before) >= pause);
        if may {
            *asked = Some(now);
        }
        may
    }
}

async fn fetch(engine: Engine, clock: Clock, url: Url) -> Result<Fresh<Arc<[Jwk]>>> {
    let set: Set = fetched(&engine, FETCH, url).await?;
    // A key of a kind that is not known yet is no reason to refuse the others.
    let keys: Arc<[Jwk]> = set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
    Ok(Fresh::new(keys, Some(clock.now().saturating_add(LIFE))))
}
