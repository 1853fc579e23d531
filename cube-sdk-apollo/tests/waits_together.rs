//! Many waits at once: what fails for one is its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cube_sdk_apollo::wait_all::Awaited;
use cube_sdk_core::ErrorKind;
use cube_sdk_testkit::apollo::{Fault, On};
use tokio::time::Instant;

/// A plan that cannot be read, and a request that ends meanwhile.
#[tokio::test(start_paused = true)]
async fn what_fails_for_one_is_its_own() {
    let (double, apollo) = support::seeded();
    double.approve_all();
    let first = apollo.entities("cube-7").enforce("mosquitto").await.unwrap().wait().await.unwrap();
    let plan = first.plan().await.unwrap();
    let change = apollo.entities("cube-7").enforce("telemetry").await.unwrap();
    double.inject(On::operation("EntityPlans"), 0, 9_999, Fault::status(503));
    let (began, seen) = (Instant::now(), Arc::new(Mutex::new(Vec::new())));
    let noted = seen.clone();
    let items: [Awaited; 2] = [plan.clone().into(), change.into()];
    let ended = apollo
        .wait_all(items)
        .progress(move |event| {
            if event.done {
                noted.lock().unwrap().push((event.index, event.error.is_some(), began.elapsed()));
            }
        })
        .await
        .unwrap();
    assert_eq!(ended[0].error.as_ref().unwrap().kind(), ErrorKind::Unavailable);
    assert!(!ended[0].item.is_done(), "it is as it was seen last");
    assert!(ended[1].error.is_none() && ended[1].item.is_done());
    let seen = seen.lock().unwrap().clone();
    assert_eq!((seen[0].0, seen[0].1), (1, false), "the good look is told before the other gives up: {seen:?}");
    assert_eq!((seen[1].0, seen[1].1), (0, true), "{seen:?}");
    assert!(seen[1].2 >= Duration::from_secs(120), "{seen:?}");
    assert!(seen[0].2 < Duration::from_secs(120), "{seen:?}");
    // An outage that passes is none.
    double.heal();
    double.inject(On::operation("EntityPlans"), 0, 15, Fault::status(503));
    let ended = apollo.wait_all([plan]).await.unwrap();
    assert!(ended[0].error.is_none() && ended[0].item.is_done(), "{:?}", ended[0].error);
}

/// Asked to wait, one waits while the others are looked at.
#[tokio::test(start_paused = true)]
async fn a_time_that_a_server_names_is_kept_for_one() {
    let (double, apollo) = support::seeded();
    double.approve_all();
    let first = apollo.entities("cube-7").enforce("mosquitto").await.unwrap().wait().await.unwrap();
    let plan = first.plan().await.unwrap();
    for (seconds, fails) in [(70, false), (600, true)] {
        double.inject(On::operation("EntityPlans"), 0, 1, Fault::throttle(seconds));
        let began = Instant::now();
        let ended = apollo.wait_all([plan.clone()]).await.unwrap();
        assert_eq!(ended[0].error.is_some(), fails, "{:?}", ended[0].error);
        assert_eq!(began.elapsed() >= Duration::from_secs(70), !fails);
    }
}
