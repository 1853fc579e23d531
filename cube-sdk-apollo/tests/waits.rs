//! Waits see the end as it is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::Duration;

use cube_sdk_apollo::Apollo;
use cube_sdk_apollo::plans::ChangeKind;
use cube_sdk_apollo::wait_all::Awaited;
use cube_sdk_core::ErrorKind;
use cube_sdk_testkit::apollo::{Double, Fault, On};
use futures_util::TryStreamExt;
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn a_deletion_has_succeeded_when_its_environment_is_gone() {
    let (double, apollo) = support::seeded();
    double.approve_all();
    let change = apollo.environments().delete("cube-8").await.unwrap();
    assert!(change.wait().await.unwrap().is_merged());
    // Another process, which does not know what the request is for, still finds it in the fleet's list.
    let resumed = apollo.change_requests().resume(&change.resume_id()).unwrap();
    assert!(resumed.wait().await.unwrap().is_merged());
    // Even when nothing of it is left, the one who asked knows.
    double.forget_change_requests();
    assert!(change.wait().await.unwrap().is_merged());
    assert_eq!(resumed.wait().await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn a_gateways_404_is_no_end_of_a_deletion() {
    let (double, apollo) = support::seeded();
    // Nobody has approved it: the environment stands.
    let change = apollo.environments().delete("cube-8").await.unwrap();
    double.inject(On::Any, 0, 1, Fault::status(404));
    let error = change.wait().await.expect_err("a page of a gateway was taken for the end");
    assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::NotFound, 404), "{error}");

    double.approve_all();
    let change = apollo.entities("cube-7").uninstall("mosquitto").await.unwrap();
    let plan = change.wait().await.unwrap().plan().await.unwrap();
    double.inject(On::Any, 0, 1, Fault::status(404));
    assert_eq!(plan.wait().await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_takes_its_entity_down_ends_with_it() {
    let (double, apollo) = support::seeded();
    double.approve_all();
    let change = apollo.entities("cube-7").uninstall("mosquitto").await.unwrap();
    let plan = change.wait().await.unwrap().plan().await.unwrap();
    assert_eq!(plan.kind(), ChangeKind::Uninstall);
    assert!(plan.wait().await.unwrap().succeeded());
    assert_eq!(apollo.entities("cube-7").get("mosquitto").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(plan.wait().await.unwrap().succeeded());
    // Any other plan is missed.
    let change = apollo.entities("cube-7").enforce("telemetry").await.unwrap();
    let plan = change.wait().await.unwrap().plan().await.unwrap();
    double.remove_entity("cube-7", "telemetry");
    assert_eq!(plan.wait().await.unwrap_err().kind(), ErrorKind::NotFound);
}

async fn merged(apollo: &Apollo) -> cube_sdk_apollo::change_requests::ChangeRequest {
    apollo.entities("cube-7").enforce("mosquitto").await.unwrap().wait().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn each_request_finds_its_own_plan() {
    let (double, apollo) = support::seeded();
    double.approve_all();
    let first = merged(&apollo).await;
    let plan = first.plan().await.unwrap();
    // Within the same minute, by a clock of Apollo's that is not ours.
    let second = merged(&apollo).await;
    let own = second.plan().await.unwrap();
    assert_ne!(own.rid(), plan.rid());
    // Resumed elsewhere, without a wait: the request is read before its plan is looked for.
    let resumed = apollo.change_requests().resume(&second.resume_id()).unwrap();
    assert_eq!(resumed.plan_of("mosquitto").await.unwrap().rid(), own.rid());
    let resumed = apollo.change_requests().resume(&first.resume_id()).unwrap();
    assert_eq!(resumed.plan_of("mosquitto").await.unwrap().rid(), plan.rid());
    // Without Apollo's time there is no telling.
    let created = "/data/apollo/environmentById/changeRequests/changeRequests/1/createdAt";
    double.inject(On::operation("ListCRsByEnv"), 0, 1, Fault::set(created, json!(null)));
    let resumed = apollo.change_requests().resume(&second.resume_id()).unwrap();
    assert_eq!(resumed.plan_of("mosquitto").await.unwrap_err().kind(), ErrorKind::Decode);
    // The plan of an entity whose name is longer is not it.
    double.add_entities("cube-7", "com.example:mosquitto", "mosquitto", 1);
    double.remove_entity("cube-7", "mosquitto");
    assert_eq!(second.plan_of("mosquitto").tries(2).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_behind_finds_the_plan_all_the_same() {
    let (double, apollo) = support::seeded();
    double.approve_all();
    double.clock_behind(600);
    let change = merged(&apollo).await;
    change.plan().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_word_that_nobody_knows_does_not_last_for_ever() {
    let (double, apollo) = support::seeded();
    let change = apollo.entities("cube-7").enforce("mosquitto").await.unwrap();
    let status = "/data/apollo/environmentById/changeRequests/changeRequests/0/requestStatus";
    for (word, shown) in [(json!("PONDERING"), "PONDERING"), (json!(null), "no status")] {
        double.inject(On::operation("ListCRsByEnv"), 0, 9_999, Fault::set(status, word));
        let error = change.wait().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains(shown), "{error}");
        let error = change.wait().timeout(Duration::from_secs(60)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        double.heal();
    }
    double.approve_all();
    apollo.change_requests().approve(change.rid()).await.unwrap();
    let plan = change.wait().await.unwrap().plan().await.unwrap();
    let state = "/data/apollo/entityById/nonGenericPlans/plans/0/status/type";
    double.inject(On::operation("EntityPlans"), 0, 1, Fault::set(state, json!("WANDERING")));
    assert!(plan.wait().await.unwrap().succeeded(), "an odd word in between does no harm");
    let change = apollo.entities("cube-7").enforce("mosquitto").await.unwrap();
    let plan = change.wait().await.unwrap().plan().await.unwrap();
    for pointer in ["status/type", "endTime"] {
        let (word, at) = if pointer == "endTime" { (json!(null), 0) } else { (json!("WANDERING"), 0) };
        let pointer = format!("/data/apollo/entityById/nonGenericPlans/plans/{at}/{pointer}");
        double.inject(On::operation("EntityPlans"), 0, 9_999, Fault::set(&pointer, word));
    }
    let outcome = plan.wait().await;
    assert!(outcome.is_err() || !outcome.unwrap().is_running());
}

#[tokio::test(start_paused = true)]
async fn many_are_waited_for_together() {
    let (double, apollo): (Double, Apollo) = support::seeded();
    let entities = apollo.entities("cube-7");
    let mut items: Vec<Awaited> = Vec::new();
    for entity in ["mosquitto", "mosquitto", "telemetry"] {
        items.push(entities.enforce(entity).await.unwrap().into());
    }
    let gone = apollo.change_requests().resume("env-00000/ri.approval.1.none").unwrap();
    items.push(gone.into());
    items.push(apollo.environments().delete("cube-8").await.unwrap().into());
    let reviews = apollo.change_requests();
    let rids: Vec<_> = items
        .iter()
        .filter_map(|item| match item {
            Awaited::Change(change) => Some(change.rid().clone()),
            _ => None,
        })
        .collect();
    reviews.reject(&rids[0], "no").await.unwrap();
    for place in [1, 2, 4] {
        reviews.approve(&rids[place]).await.unwrap();
    }
    double.inject(On::operation("ListCRsByEnv"), 0, 2, Fault::status(503));
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = seen.clone();
    let ended = apollo
        .wait_all(items.clone())
        .progress(move |event| noted.lock().unwrap().push((event.index, event.done)))
        .await
        .unwrap();
    assert_eq!(ended.len(), 5);
    assert_eq!(ended[3].error.as_ref().unwrap().kind(), ErrorKind::NotFound);
    for place in [0, 1, 2, 4] {
        assert!(ended[place].error.is_none() && ended[place].item.is_done(), "{place}");
        assert_eq!(seen.lock().unwrap().iter().filter(|event| **event == (place, true)).count(), 1, "{place}");
    }
    let looks = double.requests().iter().filter(|request| request.operation == "ListCRsByEnv").count();
    assert!(looks < 20, "one list serves all of an environment: {looks}");
    serde_json::to_string(&ended).unwrap();

    let plans: Vec<_> = [1, 2]
        .map(|place| match &ended[place].item {
            Awaited::Change(change) => change.plan(),
            other => panic!("{other:?}"),
        })
        .into();
    let mut waited: Vec<Awaited> = Vec::new();
    for plan in plans {
        waited.push(plan.await.unwrap().into());
    }
    let events: Vec<_> = apollo.wait_all(waited).events().try_collect().await.unwrap();
    assert_eq!(events.iter().filter(|event| event.done).count(), 2);
    assert!(events.iter().all(|event| matches!(&event.item, Awaited::Plan(_))));
    // Nothing to wait for is no wait.
    assert!(apollo.wait_all(Vec::<Awaited>::new()).await.unwrap().is_empty());
    let open = apollo.entities("cube-7").enforce("mosquitto").await.unwrap();
    let error = apollo.wait_all([open]).timeout(Duration::from_secs(30)).events().try_collect::<Vec<_>>().await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Timeout);
}
