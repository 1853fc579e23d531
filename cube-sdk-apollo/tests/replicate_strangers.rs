//! Other people on the target: nothing of theirs is taken for a step's, nothing of theirs is overwritten.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::Duration;

use cube_sdk_apollo::Apollo;
use cube_sdk_apollo::replicate::{Journal, Record};
use cube_sdk_core::ErrorKind;
use cube_sdk_core::clock::{Clock, Timestamp};
use cube_sdk_testkit::apollo::{CLIENT_ID, CLIENT_SECRET, Double, Fault, On};
use serde_json::{Value, json};

use support::passage::Passage;

const INSTALL: &str = "InstallEntities";
const MODULE: &str = "module:builtin-control-plane-minimal:0.0.40";

/// A stranger opens a request; its RID.
fn install(double: &Double, target: &str, entities: &[(&str, &str)]) -> String {
    let entities: Vec<_> =
        entities.iter().map(|(name, product)| json!({"entityName": name, "productId": product})).collect();
    let arguments = json!({
        "apolloEnvironmentId": double.environment_id(target), "namespaceId": "n", "entities": {"entities": entities},
    });
    let change = double.act("installEntitiesOnEnvironmentV2", &arguments).unwrap();
    change["rid"].as_str().unwrap().to_owned()
}

fn review(double: &Double, field: &str, rid: &str) {
    double.act(field, &json!({"rid": rid, "comment": "reviewed"})).unwrap();
}

/// The only request that is not the stranger's.
fn ours(double: &Double, strange: &str) -> String {
    let changes = double.change_requests();
    let own: Vec<_> = changes.iter().filter(|change| change.rid != strange).collect();
    assert_eq!(own.len(), 1, "{changes:?}");
    own[0].rid.clone()
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_there_before_is_never_adopted() {
    // A stranger's, or one of our own of an earlier plan: open, with the same title.
    let passage = Passage::to("cube-8").await;
    let strange = install(&passage.double, "cube-8", &[("mosquitto", "com.example:telemetry")]);
    passage.run_into(INSTALL, Fault::ResetAfter).await;
    let own = ours(&passage.double, &strange);
    review(&passage.double, "approveChangeRequest", &own);
    let report = passage.apply().approval_timeout(Duration::from_secs(60)).await;
    assert_eq!(report.unwrap_err().kind(), ErrorKind::Timeout, "the config waits for people");
    assert!(matches!(passage.record("entity"), Some(Record::Done { rid: Some(rid), .. }) if rid.as_str() != strange));
    assert_eq!(passage.double.entity_product("cube-8", "mosquitto").as_deref(), Some("com.example:mosquitto"));
    passage.double.approve_all();
    for change in passage.double.change_requests() {
        if change.status == "PENDING_APPROVALS" && change.rid != strange {
            review(&passage.double, "approveChangeRequest", &change.rid);
        }
    }
    passage.complete().await;
    assert_eq!(passage.double.executed("installEntitiesOnEnvironmentV2"), 1);
}

/// Ours never ran; a stranger's of the same title came since. It is waited for, and found not to be ours.
#[tokio::test(start_paused = true)]
async fn a_request_of_another_product_is_never_taken_for_the_step() {
    let passage = Passage::to("cube-8").await;
    passage.run_into(INSTALL, Fault::Hang).await;
    let strange = install(&passage.double, "cube-8", &[("mosquitto", "com.example:telemetry")]);
    review(&passage.double, "approveChangeRequest", &strange);
    for _ in 0..3 {
        let error = passage.run().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        assert!(!matches!(passage.record("entity"), Some(Record::Done { .. })));
    }
    assert_eq!(passage.double.executed("installEntitiesOnEnvironmentV2"), 0);
    assert!(passage.double.declared_config("cube-8", "mosquitto").is_empty());
}

/// A stranger's that is rejected, or merged without doing what the step does, is left behind: the step is sent.
#[tokio::test(start_paused = true)]
async fn a_request_that_turns_out_a_strangers_is_left_behind() {
    for (entities, field) in [
        (vec![("mosquitto", "com.example:telemetry")], "rejectChangeRequest"),
        (vec![("mosquitto", "com.example:telemetry")], "cancelChangeRequest"),
        (vec![("other", "com.example:telemetry")], "approveChangeRequest"),
    ] {
        let passage = Passage::to("cube-8").await;
        passage.run_into(INSTALL, Fault::Hang).await;
        let strange = install(&passage.double, "cube-8", &entities);
        // A title that is not told may be anybody's.
        passage.double.inject(On::operation("ListCRsByEnv"), 0, 999, title(0, Value::Null));
        let waited = passage.apply().approval_timeout(Duration::from_secs(30)).await.unwrap_err();
        passage.double.heal();
        assert_eq!(waited.kind(), ErrorKind::Timeout, "{waited}");
        assert!(matches!(passage.record("entity"), Some(Record::Adopted { .. })));
        review(&passage.double, field, &strange);
        let error = passage.run().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        let Some(Record::Noted(noted)) = passage.record("entity") else { panic!("{:?}", passage.record("entity")) };
        assert!(noted.before.iter().any(|rid| rid.as_str() == strange), "it is not taken again");
        passage.double.approve_all();
        passage.complete().await;
        assert_eq!(passage.double.executed("installEntitiesOnEnvironmentV2"), 1);
    }
}

fn title(index: usize, title: Value) -> Fault {
    Fault::set(&format!("/data/apollo/environmentById/changeRequests/changeRequests/{index}/title"), title)
}

/// What stands on the target tells more than requests that are open beside it.
#[tokio::test(start_paused = true)]
async fn a_step_that_is_done_is_done_whatever_else_is_open() {
    let passage = Passage::to("cube-8").await;
    passage.run_into(INSTALL, Fault::ResetAfter).await;
    let own = passage.double.change_requests()[0].rid.clone();
    install(&passage.double, "cube-8", &[("zigbee", "com.example:telemetry"), ("mosquitto", "com.example:telemetry")]);
    review(&passage.double, "approveChangeRequest", &own);
    // Two requests name it by now; that one of them is ours shows once it is merged.
    while passage.apollo.entities("cube-8").get("mosquitto").await.is_err() {}
    passage.double.approve_all();
    passage.complete().await;
    assert_eq!(passage.double.executed("installEntitiesOnEnvironmentV2"), 1);
}

/// A config update of somebody else's has the same title as ours.
#[tokio::test(start_paused = true)]
async fn a_config_of_another_text_is_never_taken_for_the_step() {
    let passage = Passage::to("cube-8").await;
    passage.double.approve_all();
    passage.run_into("UpdateEntityConfigV2", Fault::Hang).await;
    let (_, rid) = passage.double.entity_ids("cube-8", "mosquitto").unwrap();
    let theirs = "1.10:\n  overrides:\n    theirs: true\n";
    let update = json!({"update": {"resourceRid": rid, "content": theirs}});
    passage.double.act("updateConfigByResource", &update).unwrap();
    for _ in 0..3 {
        assert_eq!(passage.run().await.unwrap_err().kind(), ErrorKind::Conflict);
    }
    assert_eq!(passage.double.declared_config("cube-8", "mosquitto"), [theirs]);
    assert_eq!(passage.double.executed("updateConfigByResourceV2"), 0);
}

/// Neither a clock that is ahead nor one that is behind makes a step run twice.
#[tokio::test(start_paused = true)]
async fn clocks_that_differ_do_no_harm() {
    for (ahead, apollo_behind) in [(120, 0), (86_400, 0), (0, 120), (0, 86_400)] {
        for fault in [Fault::ResetAfter, Fault::Hang, Fault::HangAfter] {
            let double = Double::seeded().unwrap();
            double.clock_behind(apollo_behind);
            let apollo = Apollo::builder()
                .url(double.url())
                .client_id(CLIENT_ID)
                .client_secret(CLIENT_SECRET.to_owned().into())
                .clock(Clock::following_tokio(Timestamp::now().saturating_add(Duration::from_secs(ahead))))
                .transport(double.transport())
                .build()
                .unwrap();
            double.approve_all();
            let passage = Passage::of(double, apollo, "cube-8").await;
            for operation in [INSTALL, "UpdateEntityConfigV2"] {
                passage.run_into(operation, fault.clone()).await;
            }
            passage.complete().await;
            for field in ["installEntitiesOnEnvironmentV2", "updateConfigByResourceV2"] {
                assert_eq!(passage.double.executed(field), 1, "{field} {ahead} {apollo_behind} {fault:?}");
            }
        }
    }
}

/// Between plan and run somebody did what the plan was about to do, or something else in its place.
#[tokio::test(start_paused = true)]
async fn a_plan_that_reality_has_overtaken_changes_nothing() {
    type Act = fn(&Double);
    let environment: Act = |double| {
        double.add_environment("spare");
    };
    let same_entity: Act = |double| double.add_entities("cube-8", "com.example:mosquitto", "mosquitto", 1);
    let module: Act = |double| {
        let request = json!({
            "apolloEnvironmentId": double.environment_id("cube-8"), "moduleMavenCoordinate": MODULE, "variables": [],
        });
        double.act("installModuleV2", &json!({ "request": request })).unwrap();
    };
    let entity: Act = |double| {
        let rid = install(double, "cube-8", &[("mosquitto", "com.example:mosquitto")]);
        review(double, "approveChangeRequest", &rid);
    };
    let other_product: Act = |double| {
        let rid = install(double, "cube-8", &[("mosquitto", "com.example:telemetry")]);
        review(double, "approveChangeRequest", &rid);
    };
    let gone: Act = |double| {
        let environment = double.environment_id("cube-8").unwrap();
        let rid = format!("ri.apollo.1.environment.{}", environment.trim_start_matches("env-"));
        let change = double.act("deleteEnvironment", &json!({ "rid": rid })).unwrap();
        review(double, "approveChangeRequest", change["rid"].as_str().unwrap());
    };
    for (target, act, fits) in [
        ("spare", environment, false),
        ("cube-8", same_entity, true), // `mosquitto-000` is another entity
        ("cube-8", module, false),
        ("cube-8", entity, false),
        ("cube-8", other_product, false),
        ("cube-8", gone, false),
    ] {
        let passage = Passage::to(target).await;
        act(&passage.double);
        // What was approved is carried out while others look.
        for _ in 0..3 {
            passage.apollo.environments().list().collect().await.unwrap();
        }
        passage.double.approve_all();
        let run = passage.run().await;
        if fits {
            assert!(run.unwrap().is_complete());
            continue;
        }
        let error = run.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        assert!(error.to_string().contains("make a new plan"), "{error}");
        assert!(passage.double.executions().is_empty(), "{error}");
        assert!(passage.journal().is_empty());
    }
}

/// The target's own id, not its name, is what the plan was made for.
#[tokio::test(start_paused = true)]
async fn two_targets_of_one_name_are_told_apart() {
    // One more came after the plan: the plan's own is taken.
    let passage = Passage::to("cube-8").await;
    let other = passage.double.add_environment("cube-8");
    passage.double.approve_all();
    passage.complete().await;
    let other = passage.apollo.entities(cube_sdk_apollo::EnvironmentId::new(other)).list().collect().await.unwrap();
    assert!(other.is_empty());
    // A name that two have is no target of a plan.
    let error = passage.apollo.replicate("cube-7", "cube-8").await.unwrap_err();
    assert!(error.is_ambiguous(), "{error}");
    // A step that was not answered may have made either of two.
    let passage = Passage::to("spare").await;
    passage.run_into("CreateEnv", Fault::ResetAfter).await;
    passage.double.add_environment("spare");
    let error = passage.run().await.unwrap_err();
    assert!(error.kind() == ErrorKind::Conflict && error.is_ambiguous(), "{error}");
    assert_eq!(passage.double.executions().len(), 1);
}

/// A step that was not answered, and an environment of its name that is not what it makes, or not surely.
#[tokio::test(start_paused = true)]
async fn an_environment_that_is_not_surely_ours_is_not_taken() {
    let passage = Passage::to("spare").await;
    passage.run_into("CreateEnv", Fault::Hang).await;
    let created = json!({"request": {"name": "spare", "accreditation": "PROD"}});
    passage.double.act("createEnvironment", &created).unwrap();
    let error = passage.run().await.unwrap_err();
    assert!(error.to_string().contains("another accreditation"), "{error}");

    let passage = Passage::to("spare").await;
    passage.run_into("CreateEnv", Fault::ResetAfter).await;
    for pointer in ["accreditation", "moduleInstallationsV2", "moduleInstallationsV2/moduleInstallations", "entities"] {
        let lost = Fault::set(&format!("/data/apollo/environmentById/{pointer}"), Value::Null);
        passage.double.inject(On::operation("SourceEnv"), 0, 1, lost);
        let error = passage.run().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{pointer}: {error}");
    }
    passage.double.add_entities("spare", "com.example:mosquitto", "theirs", 1);
    let error = passage.run().await.unwrap_err();
    assert!(error.to_string().contains("with 1 things in it"), "{error}");
    assert_eq!(passage.double.executions().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_merged_request_that_is_no_longer_listed_does_not_stop_the_run() {
    for operation in [INSTALL, "UpdateEntityConfigV2"] {
        let passage = Passage::to("cube-8").await;
        let waited = |seconds| passage.apply().approval_timeout(Duration::from_secs(seconds));
        let error = waited(30).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        if operation != INSTALL {
            review(&passage.double, "approveChangeRequest", &passage.double.change_requests()[0].rid);
            assert_eq!(waited(30).await.unwrap_err().kind(), ErrorKind::Timeout);
        }
        let open = passage.double.change_requests().pop().unwrap();
        review(&passage.double, "approveChangeRequest", &open.rid);
        for _ in 0..4 {
            passage.apollo.environments().list().collect().await.unwrap();
        }
        passage.double.forget_change_requests();
        passage.double.approve_all();
        passage.complete().await;
        assert_eq!(passage.double.executed("installEntitiesOnEnvironmentV2"), 1);
        assert_eq!(passage.double.executed("updateConfigByResourceV2"), 1);
    }
}

/// That a request is not listed proves nothing: it is not asked for again, and the run goes on once it shows.
#[tokio::test(start_paused = true)]
async fn a_request_that_is_not_listed_is_not_asked_for_again() {
    let passage = Passage::to("cube-8").await;
    passage.apply().approval_timeout(Duration::from_secs(30)).await.unwrap_err();
    let none = Fault::set("/data/apollo/environmentById/changeRequests/changeRequests", json!([]));
    passage.double.inject(On::operation("ListCRsByEnv"), 0, 999, none);
    for _ in 0..2 {
        let error = passage.run().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        assert!(error.to_string().contains("is not listed"), "{error}");
        assert!(matches!(passage.record("entity"), Some(Record::Opened { .. })));
    }
    passage.double.heal();
    review(&passage.double, "approveChangeRequest", &passage.double.change_requests()[0].rid);
    passage.double.approve_all();
    passage.complete().await;
    assert_eq!(passage.double.executed("installEntitiesOnEnvironmentV2"), 1);

    // Gone for good: a new plan asks anew.
    let passage = Passage::to("cube-8").await;
    passage.apply().approval_timeout(Duration::from_secs(30)).await.unwrap_err();
    passage.double.forget_change_requests();
    assert_eq!(passage.run().await.unwrap_err().kind(), ErrorKind::Conflict);
    passage.double.approve_all();
    let plan = passage.apollo.replicate("cube-7", "cube-8").await.unwrap();
    assert!(passage.applying(&plan, Journal::default()).await.unwrap().is_complete());
}
