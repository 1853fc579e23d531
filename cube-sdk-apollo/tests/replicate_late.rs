//! What comes late, what is only alike, and what a gateway says: a step is sent once, and only its own is taken for it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::Duration;

use cube_sdk_apollo::replicate::Record;
use cube_sdk_core::ErrorKind;
use cube_sdk_testkit::apollo::{Double, Fault, On};
use serde_json::{Value, json};
use tokio::time::Instant;

use support::passage::Passage;

const INSTALL: &str = "InstallEntities";
const MODULE: &str = "module:builtin-control-plane-minimal:0.0.40";
const CHANGES: &str = "/data/apollo/environmentById/changeRequests/changeRequests";

/// A stranger opens a request; its RID.
fn install(double: &Double, entities: Value) -> String {
    let arguments = json!({
        "apolloEnvironmentId": double.environment_id("cube-8"), "namespaceId": "n", "entities": {"entities": entities},
    });
    let change = double.act("installEntitiesOnEnvironmentV2", &arguments).unwrap();
    change["rid"].as_str().unwrap().to_owned()
}

fn review(double: &Double, field: &str, rid: &str) {
    double.act(field, &json!({"rid": rid, "comment": "reviewed"})).unwrap();
}

fn mosquitto(channel: &str) -> Value {
    json!([{"entityName": "mosquitto", "productId": "com.example:mosquitto", "releaseChannel": channel}])
}

/// A gateway that knows no such page does not speak of the request.
#[tokio::test(start_paused = true)]
async fn a_gateways_404_is_no_request_that_is_gone() {
    let passage = Passage::to("cube-8").await;
    passage.apply().approval_timeout(Duration::from_secs(30)).await.unwrap_err();
    for status in [404, 410] {
        passage.double.inject(On::operation("ListCRsByEnv"), 0, 1, Fault::status(status));
        let error = passage.run().await.unwrap_err();
        assert_eq!((error.kind(), error.status().map(|s| s.as_u16())), (ErrorKind::NotFound, Some(status)), "{error}");
        assert!(matches!(passage.record("entity"), Some(Record::Opened { .. })));
    }
    passage.double.approve_all();
    review(&passage.double, "approveChangeRequest", &passage.double.change_requests()[0].rid);
    passage.complete().await;
    assert_eq!(passage.double.executed("installEntitiesOnEnvironmentV2"), 1);
}

/// The journal keeps what was sent: that the source has changed since does not matter to a request that is merged.
#[tokio::test(start_paused = true)]
async fn what_was_sent_is_known_after_the_source_has_changed() {
    let passage = Passage::to("cube-8").await;
    passage.apply().approval_timeout(Duration::from_secs(30)).await.unwrap_err();
    review(&passage.double, "approveChangeRequest", &passage.double.change_requests()[0].rid);
    passage.apply().approval_timeout(Duration::from_secs(30)).await.unwrap_err();
    let Some(Record::Opened { config: Some(_), .. }) = passage.record("config") else {
        panic!("{:?}", passage.record("config"))
    };
    review(&passage.double, "approveChangeRequest", &passage.double.change_requests()[1].rid);
    let sent = passage.double.declared_config("cube-7", "mosquitto");
    while passage.double.declared_config("cube-8", "mosquitto").is_empty() {
        passage.apollo.environments().list().collect().await.unwrap();
    }
    passage.double.forget_change_requests();
    passage.double.declare_config("cube-7", "mosquitto", "1.10:\n  overrides:\n    later: true\n");
    passage.complete().await;
    assert_eq!(passage.double.declared_config("cube-8", "mosquitto"), sent);
    assert_eq!(passage.double.executed("updateConfigByResourceV2"), 1);
    // A journal of before tells no digest.
    let record: Record = serde_json::from_value(json!({"state": "opened", "change": "ri.a"})).unwrap();
    assert!(matches!(record, Record::Opened { config: None, .. }));
}

/// Its own request shows on the very last list before it would be sent again.
#[tokio::test(start_paused = true)]
async fn a_request_that_shows_at_the_last_moment_is_its_own() {
    for looks in 0..8 {
        let passage = Passage::to("cube-8").await;
        passage.run_into(INSTALL, Fault::ResetAfter).await;
        let none = Fault::set(CHANGES, json!([]));
        passage.double.inject(On::operation("ListCRsByEnv"), 0, looks, none);
        let error = passage.apply().approval_timeout(Duration::from_secs(30)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        assert!(matches!(passage.record("entity"), Some(Record::Adopted { .. })), "{looks}");
        assert_eq!(passage.double.executed("installEntitiesOnEnvironmentV2"), 1, "{looks}");
    }
}

/// However often a run looks, what a gateway gave up gets a minute.
#[tokio::test(start_paused = true)]
async fn a_step_is_not_sent_again_at_once() {
    for operation in [INSTALL, "InstallModule"] {
        let passage = Passage::to("cube-8").await;
        passage.double.approve_all();
        passage.run_into(operation, Fault::Hang).await;
        let began = Instant::now();
        let report = passage.apply().interval(Duration::from_millis(1)).await.unwrap();
        assert!(report.is_complete());
        assert!(began.elapsed() >= Duration::from_secs(60), "{operation}: {:?}", began.elapsed());
    }
}

/// The same product on another channel is another wish.
#[tokio::test(start_paused = true)]
async fn an_entity_on_another_channel_is_not_the_steps() {
    for (channel, ours) in [("DEV", true), ("STABLE", false)] {
        let passage = Passage::to("cube-8").await;
        passage.run_into(INSTALL, Fault::Hang).await;
        let strange = install(&passage.double, mosquitto(channel));
        review(&passage.double, "approveChangeRequest", &strange);
        let run = passage.apply().approval_timeout(Duration::from_secs(30)).await;
        // The same in all is the same, whoever asked for it: the run goes on to the config.
        let kind = if ours { ErrorKind::Timeout } else { ErrorKind::Conflict };
        assert_eq!(run.unwrap_err().kind(), kind, "{channel}");
        assert_eq!(matches!(passage.record("entity"), Some(Record::Done { .. })), ours, "{channel}");
        assert_eq!(passage.double.executed("installEntitiesOnEnvironmentV2"), 0);
    }
}

/// A module with one variable more than the step sets is somebody else's.
#[tokio::test(start_paused = true)]
async fn a_module_with_other_variables_is_not_the_steps() {
    let all = |id: &str| {
        vec![
            json!({"variableName": "environmentId", "stringValue": id}),
            json!({"variableName": "tier", "optionValue": "edge"}),
            json!({"variableName": "apiToken", "stringValue": "canary-module-variable"}),
        ]
    };
    let extra = json!({"variableName": "debug", "stringValue": "true"});
    for (added, ours) in [(None, true), (Some(extra), false)] {
        let passage = Passage::to("cube-8").await;
        passage.double.approve_all();
        passage.run_into("InstallModule", Fault::Hang).await;
        let id = passage.double.environment_id("cube-8").unwrap();
        let mut variables = all(&id);
        variables.extend(added);
        let request = json!({
            "apolloEnvironmentId": id, "moduleMavenCoordinate": MODULE, "displayName": "Control plane",
            "variables": variables,
        });
        passage.double.act("installModuleV2", &json!({ "request": request })).unwrap();
        // What is not told whole is neither.
        let lost = "/data/apollo/environmentById/moduleInstallationsV2/moduleInstallations/0/variables";
        passage.double.inject(On::operation("ListModules"), 0, 1, Fault::set(lost, Value::Null));
        assert_eq!(passage.run().await.unwrap_err().kind(), ErrorKind::Decode);
        passage.double.heal();
        match passage.run().await {
            Ok(report) => assert!(ours && report.is_complete()),
            Err(error) => assert!(!ours && error.kind() == ErrorKind::Conflict, "{error}"),
        }
        assert_eq!(passage.double.executed("installModuleV2"), 0);
    }
}

/// A stranger's request is taken for the step's, and waits for people; then the step's own comes, late.
#[tokio::test(start_paused = true)]
async fn a_second_that_may_be_the_steps_is_told_while_the_first_waits() {
    let passage = Passage::to("cube-8").await;
    passage.run_into(INSTALL, Fault::Hang).await;
    let strange = install(&passage.double, mosquitto("STABLE"));
    passage.apply().approval_timeout(Duration::from_secs(30)).await.unwrap_err();
    assert!(matches!(passage.record("entity"), Some(Record::Adopted { .. })));
    let own = install(&passage.double, mosquitto("DEV"));
    for _ in 0..2 {
        let error = passage.run().await.unwrap_err();
        assert!(error.kind() == ErrorKind::Conflict && error.is_ambiguous(), "{error}");
        assert!(error.to_string().contains(&strange) && error.to_string().contains(&own), "{error}");
    }
    // One of them ends: the other is the step's.
    review(&passage.double, "rejectChangeRequest", &strange);
    passage.double.approve_all();
    review(&passage.double, "approveChangeRequest", &own);
    assert_eq!(passage.run().await.unwrap_err().kind(), ErrorKind::Conflict, "it was taken for the step's");
    passage.complete().await;
    assert_eq!(passage.double.executed("installEntitiesOnEnvironmentV2"), 0, "the late one did it");
}

/// One without a title may be anybody's, until its title shows.
#[tokio::test(start_paused = true)]
async fn a_title_that_shows_later_sets_the_step_free() {
    let passage = Passage::to("cube-8").await;
    passage.run_into(INSTALL, Fault::Hang).await;
    let strange = install(&passage.double, json!([{"entityName": "zigbee", "productId": "com.example:telemetry"}]));
    passage.double.inject(On::operation("ListCRsByEnv"), 0, 1, Fault::set(&format!("{CHANGES}/0/title"), Value::Null));
    let error = passage.run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    let Some(Record::Noted(noted)) = passage.record("entity") else { panic!("{:?}", passage.record("entity")) };
    assert!(noted.before.iter().any(|rid| rid.as_str() == strange));
    passage.double.approve_all();
    passage.complete().await;
    assert_eq!(passage.double.executed("installEntitiesOnEnvironmentV2"), 1);
}
