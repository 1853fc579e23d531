//! What the services say: is each reached, is its certificate trusted, does it take the key, is this clock right?

use std::time::Duration;

use cube_sdk::auth::Connectivity;
use cube_sdk::core::engine::{Call, Classify, Clocks, Reply};
use cube_sdk::core::retry::Retrier;
use cube_sdk::core::settings::Settings;
use cube_sdk::core::{Idempotency, Operation, Timestamp};
use cube_sdk::{Cube, Error, ErrorKind};
use url::Url;

use super::{Finding, State};

const LOOK: Operation = Operation::new("doctor", "look", Idempotency::Read);
/// One look, connecting included.
const PATIENCE: Duration = Duration::from_secs(10);
/// A clock that is off by more breaks tokens and signatures soon.
const NOTED: Duration = Duration::from_secs(30);
/// By more than this AWS refuses signatures.
const REFUSED: Duration = Duration::from_secs(300);

/// What a service thinks of the page is not asked.
#[derive(Debug)]
struct AnyAnswer;

impl Classify for AnyAnswer {
    fn classify(&self, _: Operation, _: &Reply) -> cube_sdk::Result<()> {
        Ok(())
    }
}

pub(super) async fn all(cube: &Cube) -> Vec<Finding> {
    let (cloud, edgegate, apollo) = tokio::join!(cloud(cube), edgegate(cube), apollo(cube));
    [cloud, edgegate, apollo].concat()
}

async fn cloud(cube: &Cube) -> Vec<Finding> {
    let url = match cube.cloud() {
        Ok(cloud) => cloud.base_url().clone(),
        Err(error) => return vec![Finding::bad("cube-cloud", &error)],
    };
    let mut found = reached("cube-cloud", &url).await;
    if found.iter().any(|finding| finding.state == State::Bad) {
        return found;
    }
    let status = match cube.auth() {
        Ok(auth) => auth.status().await,
        Err(error) => Err(error),
    };
    let check = "login at cube-cloud";
    found.push(match status.map(|status| status.service) {
        Ok(Connectivity::Connected) => Finding::new(check, State::Good, "the key is taken"),
        Ok(Connectivity::Limited(error)) => Finding::new(check, State::Warning, error.to_string()),
        Ok(Connectivity::KeyRefused(error)) => Finding::new(check, State::Bad, error.to_string()).fix("cube login"),
        Ok(Connectivity::Unreachable(error)) | Err(error) => Finding::bad(check, &error),
        Ok(_) => Finding::new(check, State::Skipped, "not asked: there is no key"),
    });
    found
}

async fn edgegate(cube: &Cube) -> Vec<Finding> {
    if !set(&["EDGEGATE_API_KEY"]) {
        return vec![Finding::new("EdgeGate", State::Skipped, "not set up: EDGEGATE_API_KEY is not set")];
    }
    let edgegate = match cube.edgegate() {
        Ok(edgegate) => edgegate,
        Err(error) => return vec![Finding::bad("EdgeGate", &error)],
    };
    let mut found = reached("EdgeGate", edgegate.base_url()).await;
    if found.iter().all(|finding| finding.state != State::Bad) {
        found.push(match edgegate.workspaces().list().await {
            Ok(list) => Finding::new("login at EdgeGate", State::Good, format!("{} workspaces", list.len())),
            Err(error) => Finding::bad("login at EdgeGate", &error),
        });
    }
    found
}

async fn apollo(cube: &Cube) -> Vec<Finding> {
    if !set(&["CUBE_APOLLO_CLIENT_ID", "CUBE_APOLLO_TOKEN"]) {
        let why = "not set up: cube-cloud has the credentials; needed by cube apollo only";
        return vec![Finding::new("Apollo", State::Skipped, why)];
    }
    let apollo = match cube.apollo() {
        Ok(apollo) => apollo,
        Err(error) => return vec![Finding::bad("Apollo", &error)],
    };
    let asked = apollo.execute::<serde_json::Value>("query { __typename }", serde_json::json!({}), Idempotency::Read);
    vec![match asked.await {
        Ok(_) => Finding::new("Apollo", State::Good, "it answers, and takes the credentials"),
        Err(error) => Finding::bad("Apollo", &error),
    }]
}

/// A service at its base: any answer will do, its date tells whether this clock is right.
async fn reached(name: &str, url: &Url) -> Vec<Finding> {
    let host = url.host_str().unwrap_or_default();
    let answer = match look(url).await {
        Ok(date) => date,
        Err(error) => return vec![Finding::bad(name, &hinted(error))],
    };
    let mut found = vec![Finding::new(name, State::Good, format!("{host} answers"))];
    if let Some((theirs, ours)) = answer {
        found.push(clock(name, theirs, ours));
    }
    found
}

fn clock(name: &str, theirs: Timestamp, ours: Timestamp) -> Finding {
    let off = if ours > theirs { ours.since(theirs) } else { theirs.since(ours) };
    let check = format!("clock beside {name}");
    let words = format!("{} s {}", off.as_secs(), if ours > theirs { "ahead" } else { "behind" });
    let fix = "set the clock: timedatectl set-ntp true, or the system's settings";
    match off {
        off if off >= REFUSED => Finding::new(check, State::Bad, words).fix(fix),
        off if off >= NOTED => Finding::new(check, State::Warning, words).fix(fix),
        _ => Finding::new(check, State::Good, "right"),
    }
}

/// The service's date and ours.
async fn look(url: &Url) -> Result<Option<(Timestamp, Timestamp)>, Error> {
    let mut clocks = Clocks::default();
    (clocks.first_byte, clocks.idle, clocks.attempt, clocks.deadline) = (PATIENCE, PATIENCE, PATIENCE, PATIENCE);
    let ground = Settings::new().ground()?;
    let engine = ground.engine().retrier(Retrier::never()).clocks(clocks).classify(AnyAnswer).build();
    let reply = engine.run(&Call::new(LOOK, http::Method::GET, url.clone()).anonymous()).await?;
    let date = reply.headers.get(http::header::DATE).and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| httpdate::parse_http_date(date).ok());
    let date = date.and_then(|date| date.duration_since(std::time::UNIX_EPOCH).ok());
    let theirs = date.and_then(|since| i64::try_from(since.as_millis()).ok()).map(Timestamp::from_millisecond);
    Ok(theirs.map(|theirs| (theirs, Timestamp::now())))
}

/// What helps where nothing was reached.
fn hinted(error: Error) -> Error {
    match (error.kind(), error.next_step()) {
        (ErrorKind::Connect | ErrorKind::Timeout, None) => error.advice("check the network, HTTPS_PROXY and NO_PROXY"),
        _ => error,
    }
}

fn set(names: &[&str]) -> bool {
    names.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}
