//! Whose keys the service would call AWS with, and how far AWS's clock is from this machine's.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use cube_sdk_byo::Storage;
use cube_sdk_core::config::Environment;
use cube_sdk_core::transport::{Answer, Attempt, Middleware, Next};
use cube_sdk_core::{Clock, Error, ErrorKind, Result, Timestamp, WhichClock};
use cube_sdk_server::edgegate::OperatorSettings;

use super::{Finding, drift};

/// Seconds beyond which AWS refuses signatures.
const SKEW: u64 = 300;
/// The longest that AWS is waited for, with all that it takes to find keys.
const PATIENCE: Duration = Duration::from_secs(45);

pub(super) struct Findings {
    pub(super) settings: Finding,
    pub(super) identity: Finding,
    pub(super) clock: Finding,
}

pub(super) async fn look(environment: &Environment) -> Findings {
    let seen = Arc::new(Seen::default());
    let storage = match Storage::builder().environment(environment.clone()).middleware(seen.clone()).build() {
        Ok(storage) => storage,
        Err(error) => {
            let not = || anyhow::anyhow!("not asked: the settings cannot be used");
            return Findings { settings: Err(error.into()), identity: Err(not()), clock: Err(not()) };
        }
    };
    let identity = identity(&storage, environment).await.map_err(Into::into);
    // An answer that refuses tells the time, too; and a clock that is off is why it refuses.
    let clock = match seen.last() {
        Some((theirs, ours)) => drift(theirs, ours, SKEW),
        None => Err(anyhow::anyhow!("not compared: no answer of AWS's told the time")),
    };
    Findings { settings: Ok("can be read".to_owned()), identity, clock }
}

async fn identity(storage: &Storage, environment: &Environment) -> Result<String> {
    let settings = OperatorSettings::from_env(environment)?;
    let caller = tokio::time::timeout(PATIENCE, storage.caller_identity()).await.unwrap_or_else(|_| {
        let message = format!("AWS did not answer within {} s", PATIENCE.as_secs());
        Err(Error::new(ErrorKind::Timeout, message).with_clock(WhichClock::Deadline))
    })?;
    settings.check_principal(&caller)?;
    Ok(format!("{} of account {}", caller.arn, caller.account))
}

/// The newest answer's `Date`, and when it came.
#[derive(Debug, Default)]
struct Seen(Mutex<Option<(Timestamp, Timestamp)>>);

impl Seen {
    fn last(&self) -> Option<(Timestamp, Timestamp)> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Middleware for Seen {
    async fn handle(&self, attempt: Attempt, request: http::Request<bytes::Bytes>, next: Next<'_>) -> Result<Answer> {
        let answer = next.run(attempt, request).await?;
        let date = answer.headers().get(http::header::DATE).and_then(|date| date.to_str().ok());
        if let Some(date) = date.and_then(|date| httpdate::parse_http_date(date).ok()) {
            let told = (Timestamp::from(date), Clock::system().now());
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
        }
        Ok(answer)
    }
}
