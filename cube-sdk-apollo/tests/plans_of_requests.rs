//! Which plan followed which change request: never another's.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::Duration;

use cube_sdk_apollo::Apollo;
use cube_sdk_apollo::change_requests::ChangeRequest;
use cube_sdk_core::ErrorKind;
use cube_sdk_testkit::apollo::{Double, Fault, On};
use serde_json::{Value, json};

async fn enforce(apollo: &Apollo, entity: &str) -> ChangeRequest {
    apollo.entities("cube-7").enforce(entity).await.unwrap()
}

async fn approve(apollo: &Apollo, change: &ChangeRequest) -> ChangeRequest {
    apollo.change_requests().approve(change.rid()).await.unwrap();
    change.wait().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn one_that_is_not_merged_has_no_plan() {
    let (_double, apollo) = support::seeded();
    let first = enforce(&apollo, "mosquitto").await;
    let second = enforce(&apollo, "mosquitto").await;
    let merged = approve(&apollo, &second).await;
    merged.plan().await.unwrap();
    let error = first.plan().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(error.to_string().contains("not merged"), "{error}");
    // Once it is merged, either plan may be its own.
    let first = approve(&apollo, &first).await;
    for found in [first.plan().await, first.plan_of("mosquitto").await] {
        let error = found.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        assert!(error.to_string().contains(second.rid().as_str()), "{error}");
    }
    // One that did nothing is in nobody's way, nor is one of another entity.
    let third = enforce(&apollo, "mosquitto").await;
    let rejected = enforce(&apollo, "mosquitto").await;
    apollo.change_requests().reject(rejected.rid(), "no").await.unwrap();
    let _open = enforce(&apollo, "mosquitto").await;
    let other = enforce(&apollo, "telemetry").await;
    approve(&apollo, &other).await;
    let third = approve(&apollo, &third).await;
    third.plan().await.unwrap();
    assert_eq!(rejected.plan().await.unwrap_err().kind(), ErrorKind::Conflict);
}

/// A plan that was there while the request waited for people is another's, whenever that was opened.
#[tokio::test(start_paused = true)]
async fn a_plan_of_before_the_merge_is_anothers() {
    let (double, apollo) = support::seeded();
    let older = enforce(&apollo, "mosquitto").await;
    let change = enforce(&apollo, "mosquitto").await;
    let (found, ()) = tokio::join!(change.plan().tries(500), async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        double.act("approveChangeRequest", &json!({"rid": older.rid(), "comment": ""})).unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        double.act("approveChangeRequest", &json!({"rid": change.rid(), "comment": ""})).unwrap();
    });
    let plans = apollo.plans("cube-7").of("mosquitto").await.unwrap();
    assert_eq!(plans.len(), 2);
    assert_eq!(found.unwrap().rid(), plans[0].rid(), "the newer of both");
}

fn title(double: &Double, at: usize, title: Value) {
    let pointer = format!("/data/apollo/environmentById/changeRequests/changeRequests/{at}/title");
    double.inject(On::operation("ListCRsByEnv"), 0, 999, Fault::set(&pointer, title));
}

#[tokio::test(start_paused = true)]
async fn titles_that_do_not_tell_exempt_nobody() {
    for (at, words) in [(1, json!(null)), (1, json!("")), (0, json!("Enforce"))] {
        let (double, apollo) = support::seeded();
        let first = enforce(&apollo, "mosquitto").await;
        let other = enforce(&apollo, "telemetry").await;
        approve(&apollo, &other).await;
        let first = approve(&apollo, &first).await;
        first.plan().await.unwrap();
        title(&double, at, words.clone());
        let resumed = apollo.change_requests().resume(&first.resume_id()).unwrap();
        let error = resumed.plan_of("mosquitto").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{words}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_gateways_404_is_no_entity_that_is_yet_to_come() {
    for operation in ["EntityRefs", "EntityPlans", "ListCRsByEnv"] {
        let (double, apollo) = support::seeded();
        double.approve_all();
        let change = enforce(&apollo, "mosquitto").await.wait().await.unwrap();
        double.inject(On::operation(operation), 0, 1, Fault::status(404));
        let error = change.plan().await.unwrap_err();
        assert_eq!((error.kind(), error.status().map(|status| status.as_u16())), (ErrorKind::NotFound, Some(404)));
        change.plan().await.unwrap();
    }
    // A reply that does not tell where the entity is says nothing of it either.
    let (double, apollo) = support::seeded();
    double.approve_all();
    let change = enforce(&apollo, "mosquitto").await.wait().await.unwrap();
    let home = Fault::set("/data/apollo/entityById/environment", Value::Null);
    double.inject(On::operation("EntityPlans"), 0, 1, home);
    assert_eq!(change.plan().await.unwrap_err().kind(), ErrorKind::Decode);
}

/// An error about something inside is no word about the thing itself.
#[tokio::test(start_paused = true)]
async fn something_missing_inside_is_no_end_of_a_deletion() {
    let (double, apollo) = support::seeded();
    let change = apollo.environments().delete("cube-8").await.unwrap();
    let inside = json!([{
        "message": "no reviewer", "path": ["apollo", "environmentById", "changeRequests", 0, "reviewer"],
        "extensions": {"errorCode": "NOT_FOUND"},
    }]);
    double.inject(On::operation("ListCRsByEnv"), 0, 1, Fault::errors("/data/apollo/environmentById", inside));
    assert_eq!(change.wait().await.unwrap_err().kind(), ErrorKind::NotFound);
    double.approve_all();
    apollo.change_requests().approve(change.rid()).await.unwrap();
    assert!(change.wait().await.unwrap().is_merged());
}
