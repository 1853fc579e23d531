//! Words of a refusal are kept, in whatever form they come.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use cube_sdk_apollo::ApolloErrorExt;
use cube_sdk_core::ErrorKind;
use cube_sdk_testkit::apollo::{Fault, On};
use serde_json::{Value, json};

fn answer(status: u16, body: &Value) -> Fault {
    Fault::Status { status, retry_after: None, body: body.to_string() }
}

#[tokio::test(start_paused = true)]
async fn errors_as_an_object_or_a_text_are_errors() {
    let (double, apollo) = support::seeded();
    let object = json!({"message": "no", "extensions": {"errorCode": "PERMISSION_DENIED"}});
    for data in [json!(null), json!({"me": {"apolloTeams": []}})] {
        double.inject(On::Any, 0, 1, answer(200, &json!({"data": data, "errors": object})));
        let error = apollo.my_teams().await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::PermissionDenied, Some("PERMISSION_DENIED")));
        assert_eq!(error.apollo().unwrap().errors[0].message, "no");
        double.inject(On::Any, 0, 9, answer(200, &json!({"data": data, "errors": "the gateway is full"})));
        let error = apollo.my_teams().await.unwrap_err();
        assert_eq!(error.apollo().unwrap().errors[0].message, "the gateway is full");
        assert!(error.to_string().contains("the gateway is full"), "{error}");
        double.heal();
    }
    // A mutation whose field is null beside a text has failed as well.
    let reply = json!({"data": {"apollo": {"createEnvironment": null}}, "errors": "no room"});
    double.inject(On::Any, 0, 1, answer(200, &reply));
    let error = apollo.environments().create("x").await.unwrap_err();
    assert!(error.to_string().contains("no room"), "{error}");
    // Nothing in them is nothing.
    for errors in [json!([]), json!({}), json!(""), json!(null)] {
        double.inject(On::Any, 0, 1, answer(200, &json!({"data": {"me": {"apolloTeams": []}}, "errors": errors})));
        apollo.my_teams().await.unwrap();
    }
    double.inject(On::Any, 0, 1, answer(200, &json!({"errors": ["first", {"message": "second"}]})));
    let error = apollo.environments().create("x").await.unwrap_err();
    assert_eq!(error.apollo().unwrap().to_string(), "first; second");
}

#[tokio::test(start_paused = true)]
async fn what_conjure_says_is_kept() {
    let (double, apollo) = support::seeded();
    let conjure = json!({
        "errorCode": "NOT_FOUND", "errorName": "Apollo:EnvironmentNotFound",
        "errorInstanceId": "6f3c1c4e-0000-4000-8000-000000000001",
        "parameters": {"environment": "cube-7", "apiToken": "canary"},
    });
    for status in [404, 400, 500] {
        double.inject(On::Any, 0, 9, answer(status, &conjure));
        let error = apollo.environments().create("x").await.unwrap_err();
        let kind = if status == 500 { ErrorKind::Server } else { ErrorKind::NotFound };
        assert_eq!((error.kind(), error.code()), (kind, Some("NOT_FOUND")), "{error}");
        assert_eq!(error.status().unwrap().as_u16(), status);
        assert_eq!(error.request_id(), Some("6f3c1c4e-0000-4000-8000-000000000001"));
        let fault = error.apollo().unwrap();
        assert_eq!(fault.errors[0].name.as_deref(), Some("Apollo:EnvironmentNotFound"));
        assert_eq!(fault.errors[0].parameters()["environment"], "cube-7");
        assert!(error.to_string().contains("Apollo:EnvironmentNotFound"), "{error}");
        assert!(!format!("{error} {error:?} {fault:?} {}", serde_json::to_string(fault).unwrap()).contains("canary"));
        double.heal();
    }
    let inside = json!({"data": null, "errors": [{
        "message": "no", "extensions": {"errorName": "A:B", "errorInstanceId": "instance-7", "errorCode": "CONFLICT"},
    }]});
    double.inject(On::Any, 0, 1, answer(200, &inside));
    let error = apollo.environments().create("x").await.unwrap_err();
    assert_eq!((error.kind(), error.request_id()), (ErrorKind::Conflict, Some("instance-7")));
}

#[tokio::test(start_paused = true)]
async fn a_400_with_a_code_says_what_the_code_says() {
    for (extensions, kind) in [
        (json!({"code": "FORBIDDEN"}), ErrorKind::PermissionDenied),
        (json!({"errorCode": "CONFLICT"}), ErrorKind::Conflict),
        (json!({"code": "BAD_USER_INPUT"}), ErrorKind::InvalidInput),
        (json!({"code": "GRAPHQL_VALIDATION_FAILED"}), ErrorKind::Unsupported),
        (json!({"code": "NEVER_HEARD_OF"}), ErrorKind::InvalidInput),
    ] {
        let (double, apollo) = support::seeded();
        let code = extensions.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned();
        double.inject(On::Any, 0, 1, answer(400, &json!({"errors": [{"message": "so", "extensions": extensions}]})));
        let error = apollo.environments().create("x").await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (kind, Some(code.as_str())), "{error}");
        assert_eq!(error.status().unwrap().as_u16(), 400);
    }
    // A mutation is not sent again because of a word in a body.
    let (double, apollo) = support::seeded();
    double.inject(On::Any, 0, 9, answer(400, &json!({"errors": [{"extensions": {"code": "TOO_MANY_REQUESTS"}}]})));
    apollo.environments().create("x").await.unwrap_err();
    assert_eq!(double.requests().len(), 1);
}
