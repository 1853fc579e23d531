#![allow(clippy::unwrap_used)]

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::FutureExt;
use futures_util::future::join_all;
use http::HeaderValue;
use tokio::time::{Instant, sleep, timeout};

use super::*;

/// A token endpoint: each grant lives 600 s, unless it hangs or fails.
#[derive(Debug)]
struct Endpoint {
    clock: Clock,
    calls: AtomicU32,
    takes: Mutex<Duration>,
    fails: Mutex<Option<Error>>,
}

fn endpoint() -> (CachedCredentials<Endpoint>, Arc<Endpoint>) {
    let clock = Clock::following_tokio("2026-07-01T08:00:00Z".parse().unwrap());
    let endpoint = Endpoint {
        clock,
        calls: AtomicU32::new(0),
        takes: Mutex::new(Duration::from_millis(100)),
        fails: Mutex::new(None),
    };
    let cached = CachedCredentials::new(endpoint, Duration::from_secs(60), clock);
    let endpoint = Arc::clone(&cached.source);
    (cached, endpoint)
}

#[async_trait]
impl Credentials for Endpoint {
    async fn grant(&self) -> Result<Grant> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let takes = *self.takes.lock().unwrap();
        sleep(takes).await;
        if let Some(error) = &*self.fails.lock().unwrap() {
            return Err(error.clone());
        }
        Ok(Grant {
            authorization: HeaderValue::from_str(&format!("Bearer t{number}")).unwrap(),
            expires_at: Some(self.clock.now().saturating_add(Duration::from_secs(600))),
        })
    }

    async fn refused(&self, _: &Grant) -> bool {
        true
    }
}

impl Endpoint {
    fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }

    fn takes(&self, seconds: u64) {
        *self.takes.lock().unwrap() = Duration::from_secs(seconds);
    }

    fn fails(&self, error: Option<Error>) {
        *self.fails.lock().unwrap() = error;
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_valid_for_59_s_serves_six_callers_while_the_endpoint_hangs() {
    let (cached, endpoint) = endpoint();
    cached.grant().await.unwrap();
    endpoint.takes(3_600);
    sleep(Duration::from_secs(541)).await;
    let started = Instant::now();
    for grant in join_all((0..6).map(|_| cached.grant())).await {
        assert_eq!(grant.unwrap().authorization, "Bearer t0");
    }
    assert_eq!(started.elapsed(), Duration::ZERO);
    tokio::task::yield_now().await;
    assert_eq!(endpoint.calls(), 2, "one refresh runs beside them");
}

#[tokio::test(start_paused = true)]
async fn fifty_callers_of_a_failing_endpoint_make_one_request() {
    let denied = Error::new(ErrorKind::Credentials, "refused").with_code("invalid_client");
    let throttled = Error::new(ErrorKind::Credentials, "busy").with_transient(true);
    for failure in [denied, throttled] {
        let (cached, endpoint) = endpoint();
        endpoint.fails(Some(failure.clone()));
        let mut outcomes = join_all((0..25).map(|_| cached.grant())).await;
        for _ in 0..25 {
            outcomes.push(cached.grant().await);
        }
        for outcome in outcomes {
            let error = outcome.unwrap_err();
            let told = (error.kind(), error.code(), error.is_transient());
            assert_eq!(told, (ErrorKind::Credentials, failure.code(), failure.is_transient()));
        }
        assert_eq!(endpoint.calls(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_leaders_cancellation_is_no_ones_but_its_own() {
    let (cached, endpoint) = endpoint();
    endpoint.takes(5);
    let leader = timeout(Duration::from_secs(1), cached.grant());
    let others = join_all((0..6).map(|_| cached.grant()));
    let (leader, others) = futures_util::future::join(leader, others).await;
    assert!(leader.is_err());
    assert!(others.into_iter().all(|grant| grant.unwrap().authorization == "Bearer t0"));
    assert_eq!(endpoint.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_grant_is_replaced_once_for_all_who_met_the_refusal() {
    let (cached, endpoint) = endpoint();
    let old = cached.grant().await.unwrap();
    for _ in 0..5 {
        assert!(cached.refused(&old).await);
        assert_eq!(cached.grant().await.unwrap().authorization, "Bearer t1");
    }
    assert_eq!(endpoint.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_without_end_is_a_lack_of_credentials() {
    let (cached, endpoint) = endpoint();
    endpoint.takes(3_600);
    assert!(cached.grant().now_or_never().is_none());
    let error = cached.grant().await.unwrap_err();
    assert_eq!((error.kind(), error.sent()), (ErrorKind::Credentials, Sent::No));
    assert_eq!(error.message(), "no credentials: the fetch did not end within 60 s");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(1)));
}
