//! What proves that nothing ran, and what does not: only a document that was refused as a whole is no execution.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use cube_sdk_apollo::replicate::Record;
use cube_sdk_testkit::apollo::{Fault, On};
use serde_json::{Value, json};

use support::passage::Passage;

/// Is a step that was answered so forgotten, to be sent again at once?
async fn is_forgotten(status: u16, body: &Value) -> bool {
    let passage = Passage::to("spare").await;
    passage.run_into("CreateEnv", Fault::answer_after(status, &body.to_string())).await;
    assert_eq!(passage.double.executed("createEnvironment"), 1);
    !matches!(passage.record("environment"), Some(Record::Noted(_)))
}

#[tokio::test(start_paused = true)]
async fn only_a_document_that_was_refused_whole_is_no_execution() {
    let refused = json!({"message": "no", "extensions": {"classification": "ValidationError"}});
    let plain = json!({"message": "no"});
    let internal = json!({"message": "no", "extensions": {"errorCode": "INTERNAL"}});
    for (proves, status, body) in [
        (true, 200, json!({"errors": [refused]})),
        (true, 200, json!({"errors": [refused, refused], "data": null})),
        (true, 200, json!({"errors": refused})),
        (true, 400, json!({"errors": [refused]})),
        (true, 422, json!({"errors": [refused]})),
        (true, 200, json!({"errors": [{"message": "no", "path": [], "extensions": {"code": "GRAPHQL_PARSE_FAILED"}}]})),
        // It was executed.
        (false, 200, json!({"errors": [refused], "data": {"apollo": null}})),
        (false, 200, json!({"errors": [refused], "data": {}})),
        (false, 400, json!({"errors": [refused], "data": {"apollo": null}})),
        // Another error beside it says something else, or nothing.
        (false, 200, json!({"errors": [refused, plain]})),
        (false, 200, json!({"errors": [plain, refused]})),
        (false, 400, json!({"errors": [refused, internal]})),
        (false, 200, json!({"errors": [refused, null]})),
        (false, 200, json!({"errors": [refused, "timed out"]})),
        // A resolver has left its path, in whatever form.
        (false, 200, json!({"errors": [{"message": "x", "path": "apollo", "extensions": {"code": "InvalidSyntax"}}]})),
        (false, 200, json!({"errors": [{"message": "x", "path": {"a": 1}, "extensions": {"code": "InvalidSyntax"}}]})),
        // A gateway's words.
        (false, 400, json!({"errorCode": "INVALID_ARGUMENT", "errorName": "Gw:Bad"})),
        (false, 501, json!({"errorCode": "X", "errorName": "Gw:NotImplemented"})),
        (false, 405, json!({"errors": [refused]})),
        (false, 404, json!({"errors": [refused]})),
    ] {
        assert_eq!(is_forgotten(status, &body).await, proves, "{status} {body}");
    }
}

/// The older mutation is sent only where the newer one certainly did not run.
#[tokio::test(start_paused = true)]
async fn the_older_config_mutation_follows_a_refused_document_only() {
    let unknown = json!({
        "message": "Field 'updateConfigByResourceV2' is undefined", "extensions": {"classification": "ValidationError"},
    });
    for (follows, body) in [
        (true, json!({"errors": [unknown]})),
        (false, json!({"errors": [unknown], "data": {"apollo": null}})),
        (false, json!({"errors": [unknown, {"message": "and something went wrong"}]})),
    ] {
        let (double, apollo) = support::seeded();
        let answered = Fault::Status { status: 200, retry_after: None, body: body.to_string() };
        double.inject(On::operation("UpdateEntityConfigV2"), 0, 1, answered);
        let update = apollo.entities("cube-7").update_config("mosquitto", json!({"persistence": true}));
        assert_eq!(update.await.is_ok(), follows, "{body}");
        assert_eq!(double.executed("updateConfigByResource"), usize::from(follows), "{body}");
    }
}
