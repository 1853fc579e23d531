//! The journal: of one replication only, and forgotten only where nothing can have run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use cube_sdk_apollo::replicate::{Journal, Record, ReplicationPlan};
use cube_sdk_core::ErrorKind;
use cube_sdk_testkit::apollo::{Fault, On};
use serde_json::{Value, json};

use support::passage::{FIELDS, OPERATIONS, Passage};

#[tokio::test(start_paused = true)]
async fn a_journal_of_another_replication_is_refused() {
    let passage = Passage::to("spare").await;
    passage.double.approve_all();
    passage.complete().await;
    let (journal, before) = (passage.journal(), passage.double.executions().len());

    let other_target = passage.apollo.replicate("cube-7", "cube-8").namespace("mosquitto", "mqtt").await.unwrap();
    let mut other_source = passage.plan.clone();
    other_source.source.id = Some("env-99999".into());
    let mut other_content = passage.plan.clone();
    other_content.steps.pop();
    let mut other_words = passage.plan.clone();
    other_words.existing.push("something".into());
    let mut no_source = passage.plan.clone();
    no_source.source.id = None;
    for (plan, why) in [
        (other_target, "its target is `spare`"),
        (other_source, "its source is another"),
        (other_content, "its plan is another"),
        (other_words, "its plan is another"),
        (no_source, "the plan names no source"),
    ] {
        let error = passage.applying(&plan, journal.clone()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains(why), "{why}: {error}");
    }
    // One that tells steps and not whose they are fits nothing.
    let mut bare: Value = serde_json::to_value(&journal).unwrap();
    bare.as_object_mut().unwrap().remove("of");
    let bare: Journal = serde_json::from_value(bare).unwrap();
    let error = passage.applying(&passage.plan, bare).await.unwrap_err();
    assert!(error.to_string().contains("it does not tell which"), "{error}");
    assert_eq!(passage.double.executions().len(), before);
}

/// By a journal, two steps of one key are one.
#[tokio::test(start_paused = true)]
async fn a_plan_with_two_steps_of_one_key_is_refused() {
    let passage = Passage::to("spare").await;
    let mut plan = passage.plan.clone();
    plan.steps.push(passage.step("entity").clone());
    let error = passage.applying(&plan, Journal::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert!(error.to_string().contains("two steps `entity mosquitto`"), "{error}");
    assert!(passage.double.executions().is_empty());

    // Names with a slash are told apart.
    let secret =
        |entity: &str, name: &str| json!({"do": "create_secret", "entity": entity, "secret": name, "keys": []});
    let mut text = serde_json::to_value(&passage.plan).unwrap();
    text["steps"] = json!([secret("a", "b/c"), secret("a/b", "c"), secret("a~1b", "c")]);
    let plan: ReplicationPlan = serde_json::from_value(text).unwrap();
    let keys: std::collections::BTreeSet<_> = plan.steps.iter().map(|step| step.key()).collect();
    assert_eq!(keys.len(), 3, "{keys:?}");
}

/// Every step, met by every answer that proves nothing: it stays noted, and the next run finds what it did.
#[tokio::test(start_paused = true)]
async fn an_answer_that_proves_nothing_forgets_nothing() {
    let page = "<html>Our gateway is being renewed</html>";
    let resolved = json!({"data": {"apollo": null}, "errors": [
        {"message": "no", "path": ["apollo"], "extensions": {"classification": "ValidationError"}},
    ]});
    let vague =
        json!({"data": null, "errors": [{"message": "again", "extensions": {"errorCode": "TOO_MANY_REQUESTS"}}]});
    let gateway = r#"{"errorCode":"X","errorName":"Gateway:NotImplemented","errorInstanceId":"i"}"#;
    let answers = [
        (200, page.to_owned()),
        (405, gateway.to_owned()),
        (501, gateway.to_owned()),
        (200, String::new()),
        (200, r#"{"data": null}"#.to_owned()),
        (200, r#"{"data": {"apollo": {}}}"#.to_owned()),
        (200, resolved.to_string()),
        (200, vague.to_string()),
        (400, resolved.to_string()),
        (400, page.to_owned()),
        (403, page.to_owned()),
        (404, page.to_owned()),
        (405, page.to_owned()),
        (408, page.to_owned()),
        (409, page.to_owned()),
        (500, page.to_owned()),
        (501, page.to_owned()),
        (502, page.to_owned()),
        (504, page.to_owned()),
    ];
    for (operation, kind) in OPERATIONS.iter().zip(["environment", "module", "entity", "config", "secret"]) {
        for (status, body) in &answers {
            let passage = Passage::to("spare").await;
            passage.double.approve_all();
            let error = passage.run_into(operation, Fault::answer_after(*status, body)).await;
            let told = format!("{operation} {status} {body}: {error}");
            assert!(matches!(passage.record(kind), Some(Record::Noted(_))), "{told} {:?}", passage.record(kind));
            passage.complete().await;
            for field in FIELDS {
                assert_eq!(passage.double.executed(field), 1, "{field}: {told}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_proves_that_nothing_ran_forgets_the_step() {
    let refused = json!({"errors": [{"message": "no field x", "extensions": {"classification": "ValidationError"}}]});
    let coded = json!({"errors": [{"message": "x", "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"}}]});
    for (operation, kind) in OPERATIONS.iter().zip(["environment", "module", "entity", "config", "secret"]) {
        for (status, body) in [(400, &refused), (200, &refused), (422, &coded)] {
            let passage = Passage::to("spare").await;
            passage.double.approve_all();
            let fault = Fault::Status { status, retry_after: None, body: body.to_string() };
            let error = passage.run_into(operation, fault).await;
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert_eq!(passage.record(kind), None, "{operation} {status}");
            passage.complete().await;
        }
    }
}

/// What was answered as carried out is not sent again, though the lists lag behind.
#[tokio::test(start_paused = true)]
async fn an_answered_step_is_not_sent_again_while_it_is_not_listed() {
    let passage = Passage::to("spare").await;
    passage.double.approve_all();
    let behind = Fault::Change(std::sync::Arc::new(|body: &mut Value| {
        let list = body.pointer_mut("/data/apollo/environments/environments").and_then(Value::as_array_mut);
        list.unwrap().retain(|environment| environment["name"] != "spare");
    }));
    passage.double.inject(On::operation("ListEnvs"), 0, 999, behind);
    for _ in 0..3 {
        let error = passage.run().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        let record = passage.record("environment");
        assert!(matches!(record, Some(Record::Answered { rid: Some(_) })), "{record:?}");
    }
    passage.double.heal();
    passage.complete().await;
    assert_eq!(passage.double.executed("createEnvironment"), 1);
}
