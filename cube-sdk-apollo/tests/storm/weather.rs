//! The way to Apollo in a storm: replies are lost, pages stand in their place, processes end in between.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cube_sdk_apollo::Apollo;
use cube_sdk_core::clock::{Clock, Timestamp};
use cube_sdk_core::transport::{Answer, Body, Transport};
use cube_sdk_core::{Error, ErrorKind};
use cube_sdk_testkit::apollo::{CLIENT_ID, CLIENT_SECRET, Double};
use fastrand::Rng;
use http::{Request, Response};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::crowd::Crowd;

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    /// It never arrives; the connection breaks, hangs, or the process ends first.
    BrokenBefore,
    HangingBefore,
    KilledBefore,
    /// Something on the way answers in Apollo's place: Apollo did nothing.
    AnsweredBefore(u16, &'static str),
    /// Apollo carries it out, and the reply is lost.
    BrokenAfter,
    HangingAfter,
    KilledAfter,
    /// Apollo carries it out, and something on the way puts its own words in place of the reply.
    AnsweredAfter(u16, &'static str),
    /// A gateway gives up waiting, and Apollo carries it out a moment later.
    Late,
    /// A query is answered by a replica that lags behind.
    Stale,
}

/// How far replicas lag behind.
const BEHIND: Duration = Duration::from_secs(5);

/// How long Apollo may work on after a gateway gave up, in seconds.
const LATE: u64 = 50;

const PAGE: &str = "<html>Our gateway is being renewed</html>";
const NOTHING: &str = r#"{"data": null}"#;
const NO_FIELD: &str = r#"{"data": {"apollo": {}}}"#;
const VAGUE: &str = r#"{"data": {"apollo": null}, "errors": [{"message": "try again", "path": ["apollo"], "extensions": {"errorCode": "INTERNAL"}}]}"#;
/// A reply in words of a refused document, though a resolver ran.
const RESOLVED: &str = r#"{"data": {"apollo": null}, "errors": [{"message": "x", "path": ["apollo"], "extensions": {"classification": "ValidationError"}}]}"#;

/// What a gateway says that proves nothing about what Apollo did.
const WORDS: [(u16, &str); 11] = [
    (200, PAGE),
    (200, NOTHING),
    (200, NO_FIELD),
    (200, ""),
    (200, VAGUE),
    (200, RESOLVED),
    (500, ""),
    (501, PAGE),
    (502, PAGE),
    (503, ""),
    (504, PAGE),
];

/// What proves that nothing ran.
const REFUSALS: [(u16, &str); 3] = [
    (401, r#"{"errorCode": "UNAUTHORIZED"}"#),
    (429, ""),
    (400, r#"{"errors": [{"message": "no", "extensions": {"classification": "ValidationError"}}]}"#),
];

const FATES: [fn(&mut Rng) -> Fate; 10] = [
    |_| Fate::BrokenBefore,
    |_| Fate::HangingBefore,
    |_| Fate::KilledBefore,
    |rng| {
        let (status, body) = if rng.bool() { WORDS[rng.usize(..WORDS.len())] } else { REFUSALS[rng.usize(..3)] };
        Fate::AnsweredBefore(status, body)
    },
    |_| Fate::BrokenAfter,
    |_| Fate::HangingAfter,
    |_| Fate::KilledAfter,
    |rng| {
        let (status, body) = WORDS[rng.usize(..WORDS.len())];
        Fate::AnsweredAfter(status, body)
    },
    |_| Fate::Late,
    |_| Fate::Stale,
];

struct Late {
    due: Instant,
    request: Request<Bytes>,
}

struct Reply {
    given: Instant,
    body: Bytes,
}

/// A storm over one double.
pub(crate) struct Storm {
    pub(crate) double: Double,
    pub(crate) crowd: Mutex<Crowd>,
    rng: Mutex<Rng>,
    calm: Mutex<bool>,
    killed: Notify,
    /// What Apollo carries out later.
    late: Mutex<Vec<Late>>,
    /// The last reply to each query.
    replies: Mutex<HashMap<Bytes, Reply>>,
    /// What happened, for those who look why a seed failed.
    pub(crate) log: Mutex<Vec<String>>,
}

impl Storm {
    pub(crate) fn new(double: Double, crowd: Crowd, seed: u64) -> Arc<Self> {
        Arc::new(Self {
            double,
            crowd: Mutex::new(crowd),
            rng: Mutex::new(Rng::with_seed(seed)),
            calm: Mutex::new(false),
            killed: Notify::new(),
            late: Mutex::default(),
            replies: Mutex::default(),
            log: Mutex::default(),
        })
    }

    pub(crate) fn is_calm(&self) -> bool {
        *self.calm.lock().unwrap()
    }

    /// No fault any more, and people who settle what is open.
    pub(crate) fn calm_down(&self) {
        *self.calm.lock().unwrap() = true;
    }

    /// From now on anything may happen.
    pub(crate) fn break_out(&self) {
        *self.calm.lock().unwrap() = false;
    }

    pub(crate) fn note(&self, words: impl Into<String>) {
        self.log.lock().unwrap().push(words.into());
    }

    /// One chance in `of`; none once it is calm.
    pub(crate) fn chance(&self, of: usize) -> bool {
        !self.is_calm() && self.rng.lock().unwrap().usize(..of) == 0
    }

    /// Ends when the process is killed.
    pub(crate) async fn killed(&self) {
        self.killed.notified().await;
    }

    /// A process: a client with a clock of its own, that may be off by up to an hour.
    pub(crate) fn process(self: &Arc<Self>) -> Apollo {
        let off = Duration::from_secs(self.rng.lock().unwrap().u64(..3_600));
        let now = Timestamp::now();
        let now = if self.rng.lock().unwrap().bool() { now.saturating_add(off) } else { now.saturating_sub(off) };
        Apollo::builder()
            .url(self.double.url())
            .client_id(CLIENT_ID)
            .client_secret(CLIENT_SECRET.to_owned().into())
            .clock(Clock::following_tokio(now))
            .transport(Arc::new(Way(self.clone())))
            .build()
            .unwrap()
    }

    fn fate(&self, is_mutation: bool) -> Option<Fate> {
        if !self.chance(if is_mutation { 3 } else { 20 }) {
            return None;
        }
        let mut rng = self.rng.lock().unwrap();
        Some(FATES[rng.usize(..FATES.len())](&mut rng)).filter(|fate| match fate {
            Fate::Late => is_mutation,
            Fate::Stale => !is_mutation,
            _ => true,
        })
    }

    /// Carries out what is due by now.
    async fn catch_up(&self) {
        let due: Vec<_> = {
            let mut late = self.late.lock().unwrap();
            late.extract_if(.., |late| late.due <= Instant::now()).collect()
        };
        for late in due {
            self.note("carried out late");
            self.double.transport().send(late.request).await.unwrap();
        }
    }

    /// What a replica that lags behind still says, if it may.
    fn stale(&self, query: &Bytes) -> Option<Bytes> {
        let replies = self.replies.lock().unwrap();
        replies.get(query).filter(|reply| reply.given.elapsed() < BEHIND).map(|reply| reply.body.clone())
    }

    fn people_act(&self) {
        self.crowd.lock().unwrap().act(self);
    }
}

struct Way(Arc<Storm>);

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Way")
    }
}

fn broken() -> cube_sdk_core::Result<Answer> {
    Err(Error::new(ErrorKind::Transport, "the connection was reset"))
}

fn answer(status: u16, body: Bytes) -> cube_sdk_core::Result<Answer> {
    let mut answer = Response::new(Body::from(body));
    *answer.status_mut() = http::StatusCode::from_u16(status).unwrap();
    Ok(answer)
}

#[async_trait]
impl Transport for Way {
    async fn send(&self, request: Request<Bytes>) -> cube_sdk_core::Result<Answer> {
        let storm = &self.0;
        if request.uri().path().ends_with("/token") {
            return storm.double.transport().send(request).await;
        }
        let is_mutation = request.body().starts_with(b"{\"query\":\"mutation ");
        let fate = storm.fate(is_mutation);
        if is_mutation || fate.is_some() {
            storm.note(format!("mutation: {is_mutation}, fate: {fate:?}"));
        }
        storm.people_act();
        storm.catch_up().await;
        let lost = [Fate::BrokenBefore, Fate::HangingBefore, Fate::KilledBefore];
        if is_mutation && fate.is_some_and(|fate| lost.contains(&fate)) {
            storm.crowd.lock().unwrap().imitate(storm, request.body());
        }
        match fate {
            Some(Fate::BrokenBefore) => return broken(),
            Some(Fate::HangingBefore) => std::future::pending().await,
            Some(Fate::KilledBefore) => {
                storm.killed.notify_one();
                std::future::pending().await
            }
            Some(Fate::AnsweredBefore(status, body)) => return answer(status, body.into()),
            Some(Fate::Late) => {
                let late = storm.rng.lock().unwrap().u64(1..=LATE);
                let due = Instant::now() + Duration::from_secs(late);
                storm.late.lock().unwrap().push(Late { due, request });
                return answer(504, PAGE.into());
            }
            Some(Fate::Stale) => {
                if let Some(reply) = storm.stale(request.body()) {
                    storm.note("stale");
                    return answer(200, reply);
                }
            }
            _ => {}
        }
        let query = request.body().clone();
        let reply = storm.double.transport().send(request).await?;
        let status = reply.status().as_u16();
        let body = reply.into_body().collect(64 * 1024 * 1024, Duration::from_secs(60)).await?;
        if !is_mutation {
            storm.replies.lock().unwrap().insert(query, Reply { given: Instant::now(), body: body.clone() });
        }
        storm.people_act();
        match fate {
            Some(Fate::BrokenAfter) => broken(),
            Some(Fate::HangingAfter) => std::future::pending().await,
            Some(Fate::KilledAfter) => {
                storm.killed.notify_one();
                std::future::pending().await
            }
            Some(Fate::AnsweredAfter(status, body)) => answer(status, body.into()),
            _ => answer(status, body),
        }
    }
}
