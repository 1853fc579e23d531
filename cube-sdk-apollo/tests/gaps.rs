//! What is missing from a reply is never taken for nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use cube_sdk_core::ErrorKind;
use cube_sdk_core::listing::Truncation;
use cube_sdk_testkit::apollo::{Double, Fault, On};
use serde_json::{Value, json};

fn set(double: &Double, operation: &str, pointer: &str, value: Value) {
    double.inject(On::operation(operation), 0, 1, Fault::set(&format!("/data/apollo/{pointer}"), value));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_no_text_is_an_error_after_what_came() {
    for token in [json!(7), json!({"a": 1}), json!(true), json!(["cursor-500"])] {
        let (double, apollo) = support::seeded();
        set(&double, "ListEnvs", "environments/nextPageToken", token.clone());
        let mut list = apollo.environments().list();
        assert_eq!(list.try_next().await.unwrap().unwrap().name, "cube-7");
        assert_eq!(list.try_next().await.unwrap().unwrap().name, "cube-8");
        let error = list.try_next().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{token}: {error}");
        assert!(list.try_next().await.unwrap().is_none());
        set(&double, "EntityHealthChecks", "entityById/nodeHealths/nextPageToken", token.clone());
        let error = apollo.health_checks("cube-7").of("mosquitto").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{token}: {error}");
        set(&double, "SourceEnv", "environmentById/entities/nextPageToken", token);
        assert_eq!(apollo.replicate("cube-7", "new").await.unwrap_err().kind(), ErrorKind::Decode);
    }
}

#[tokio::test(start_paused = true)]
async fn one_bad_item_does_not_take_the_good_ones_before_it() {
    let (double, apollo) = support::seeded();
    set(&double, "ListEnvs", "environments/environments/1/id", json!({"odd": 1}));
    let mut list = apollo.environments().list();
    assert_eq!(list.try_next().await.unwrap().unwrap().name, "cube-7");
    assert_eq!(list.try_next().await.unwrap_err().kind(), ErrorKind::Decode);
    assert!(list.try_next().await.unwrap().is_none());
    set(&double, "ListEnvs", "environments/environments/1/id", Value::Null);
    let mut pages = apollo.environments().list().pages();
    assert_eq!(pages.try_next().await.unwrap().unwrap().items.len(), 1);
    assert_eq!(pages.try_next().await.unwrap_err().kind(), ErrorKind::Decode);
}

#[tokio::test(start_paused = true)]
async fn a_null_list_in_a_health_report_is_not_all_clear() {
    let (double, apollo) = support::seeded();
    for pointer in ["", "/0/containerHealth", "/0/containerHealth/0/checks", "/0", "/0/containerHealth/0/checks/0"] {
        let nodes = "entityById/nodeHealths/nodeHealths";
        set(&double, "EntityHealthChecks", &format!("{nodes}{pointer}"), Value::Null);
        let error = apollo.health_checks("cube-7").of("mosquitto").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{pointer}: {error}");
    }
    // An entity whose agent never reported has no page at all.
    set(&double, "EntityHealthChecks", "entityById/nodeHealths", Value::Null);
    assert!(apollo.health_checks("cube-7").of("mosquitto").await.unwrap().nodes.is_empty());
}

/// A second page that is not there is no end of the list.
#[tokio::test(start_paused = true)]
async fn a_page_that_was_named_and_does_not_come_is_a_gap() {
    let (double, apollo) = support::seeded();
    set(&double, "EntityHealthChecks", "entityById/nodeHealths/nextPageToken", json!("more"));
    set(&double, "EntityHealthChecks", "entityById/nodeHealths", Value::Null);
    let error = apollo.health_checks("cube-7").of("mosquitto").await.unwrap_err();
    assert_eq!(error.fault(), Some(&Truncation::AbsentPage), "{error}");
}

/// Schemas have no null items: where one stands, something is lost.
#[tokio::test(start_paused = true)]
async fn a_null_among_items_is_a_gap() {
    let (double, apollo) = support::seeded();
    double.approve_all();
    let change = apollo.entities("cube-7").enforce("mosquitto").await.unwrap().wait().await.unwrap();
    change.plan().await.unwrap();
    for pointer in ["/0", "/0/rid", "/0/stateChanges/0"] {
        set(&double, "EntityPlans", &format!("entityById/nonGenericPlans/plans{pointer}"), Value::Null);
        let error = apollo.plans("cube-7").of("mosquitto").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{pointer}: {error}");
    }
    let entity = "environmentById/entities/entities/0";
    set(&double, "ConsoleEntityPlans", &format!("{entity}/nonGenericPlans/plans/0"), Value::Null);
    assert_eq!(apollo.plans("cube-7").recent().collect().await.unwrap_err().kind(), ErrorKind::Decode);
    set(&double, "ConsoleEnvironmentEntities", &format!("{entity}/reportedStatus/upgradeBlockerTypes"), json!([null]));
    assert_eq!(apollo.entities("cube-7").list().collect().await.unwrap_err().kind(), ErrorKind::Decode);
    set(&double, "ConsoleListEnvs", "environments/environments/0/agents/0", Value::Null);
    assert_eq!(apollo.environments().overview().collect().await.unwrap_err().kind(), ErrorKind::Decode);
    for pointer in ["/0", "/0/name"] {
        double.inject(
            On::operation("MyTeams"),
            0,
            1,
            Fault::set(&format!("/data/me/apolloTeams{pointer}"), Value::Null),
        );
        assert_eq!(apollo.my_teams().await.unwrap_err().kind(), ErrorKind::Decode, "{pointer}");
        let releases = format!("productReleases/productReleases/0/releaseChannels{pointer}");
        set(&double, "ListReleaseChannels", &releases, Value::Null);
        assert_eq!(apollo.channels().list().await.unwrap_err().kind(), ErrorKind::Decode, "{pointer}");
        let releases = format!("productByProductIdV2/productReleases/productReleases/0/releaseChannels{pointer}");
        set(&double, "ProductReleases", &releases, Value::Null);
        let list = apollo.releases("com.example:bridge").list().collect().await;
        assert_eq!(list.unwrap_err().kind(), ErrorKind::Decode, "{pointer}");
    }
    set(&double, "ListProducts", "products/products/0/labels", json!([null]));
    assert_eq!(apollo.products().list().collect().await.unwrap_err().kind(), ErrorKind::Decode);
    // Beside errors what came is taken.
    let errors = json!([{"message": "one is away"}]);
    let beside = Fault::errors("/data/apollo/entityById/nonGenericPlans/plans/0", errors);
    double.inject(On::operation("EntityPlans"), 0, 1, beside);
    assert!(apollo.plans("cube-7").of("mosquitto").partial().await.unwrap().value.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_config_that_is_null_is_not_overwritten() {
    let (double, apollo) = support::seeded();
    for pointer in ["declaredState", "declaredState/config", "declaredState/config/0"] {
        set(&double, "ReactorGatewayEntity", &format!("entityById/{pointer}"), Value::Null);
        let update = apollo.entities("cube-7").update_config("mosquitto", json!({"a": 1}));
        assert_eq!(update.await.unwrap_err().kind(), ErrorKind::Decode, "{pointer}");
    }
    assert!(double.executions().is_empty());
}

#[tokio::test(start_paused = true)]
async fn null_lists_are_not_empty_lists() {
    let (double, apollo) = support::seeded();
    let entities = "environmentById/entities/entities";
    let modules = "environmentById/moduleInstallationsV2";
    for pointer in
        [modules.to_owned(), format!("{modules}/moduleInstallations"), format!("{modules}/moduleInstallations/0")]
    {
        set(&double, "ListModules", &pointer, Value::Null);
        assert_eq!(apollo.modules("cube-7").list().await.unwrap_err().kind(), ErrorKind::Decode, "{pointer}");
    }
    for pointer in ["/0/secrets", "/0/secrets/0", "/0/secrets/0/name"] {
        set(&double, "EntitySecrets", &format!("{entities}{pointer}"), Value::Null);
        assert_eq!(
            apollo.secrets("cube-7").list("mosquitto").await.unwrap_err().kind(),
            ErrorKind::Decode,
            "{pointer}"
        );
    }
    set(&double, "EntitySecrets", &format!("{entities}/0/secrets/0/specification/keys/0"), Value::Null);
    assert!(!apollo.secrets("cube-7").list("mosquitto").await.unwrap()[0].keys_are_known);
    for pointer in ["nonGenericPlans", "nonGenericPlans/plans"] {
        set(&double, "EntityPlans", &format!("entityById/{pointer}"), Value::Null);
        assert_eq!(apollo.plans("cube-7").of("mosquitto").await.unwrap_err().kind(), ErrorKind::Decode, "{pointer}");
        set(&double, "ConsoleEntityPlans", &format!("{entities}/0/{pointer}"), Value::Null);
        assert_eq!(apollo.plans("cube-7").recent().collect().await.unwrap_err().kind(), ErrorKind::Decode, "{pointer}");
    }
    for pointer in ["environmentById/entities", "environmentById/entities/entities"] {
        set(&double, "EntityRefs", pointer, Value::Null);
        let error = apollo.entities("cube-7").get("mosquitto").await.unwrap_err();
        assert_eq!(error.fault(), Some(&Truncation::AbsentPage), "{pointer}");
    }
    // The one that is wanted may be the one that is missing.
    set(&double, "EntityRefs", &format!("{entities}/1"), Value::Null);
    assert_eq!(apollo.entities("cube-7").get("telemetry").await.unwrap_err().kind(), ErrorKind::Decode);
    set(&double, "ListEnvs", "environments/environments/0", Value::Null);
    assert_eq!(apollo.environments().get("cube-7").await.unwrap_err().kind(), ErrorKind::Decode);
    double.inject(On::operation("MyTeams"), 0, 1, Fault::set("/data/me/apolloTeams", Value::Null));
    assert_eq!(apollo.my_teams().await.unwrap_err().kind(), ErrorKind::Decode);
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_is_not_found() {
    let (double, apollo) = support::seeded();
    let gone = apollo.environments().get("cube-8").await.unwrap();
    double.act("deleteEnvironment", &json!({"rid": gone.rid.as_ref().unwrap()})).unwrap();
    double.act("approveChangeRequest", &json!({"rid": "ri.approval.1.00000000"})).unwrap_err();
    double.forget_change_requests();
    set(&double, "EntityRefs", "environmentById", Value::Null);
    assert_eq!(apollo.entities(&gone).get("x").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(apollo.releases("com.example:none").list().collect().await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn a_variable_without_value_is_left_out_of_what_is_sent_back() {
    let (double, apollo) = support::seeded();
    let variables = "environmentById/moduleInstallationsV2/moduleInstallations/0/variables";
    for pointer in ["/1/variableValue", "/1/variableValue/value"] {
        set(&double, "ListModules", &format!("{variables}{pointer}"), Value::Null);
        let update = apollo.modules("cube-7").update("Control plane").set("apiToken", "t".to_owned().into());
        let shown = update.dry_run().await.unwrap();
        let names = |variables: &Value| {
            let variables = variables["update"]["variables"].as_array().unwrap().clone();
            variables.iter().map(|variable| variable["variableName"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(&shown.variables), ["environmentId", "apiToken"], "{pointer}");
    }
    // What it does not tell at all cannot be kept.
    for pointer in ["", "/1", "/1/variableName"] {
        set(&double, "ListModules", &format!("{variables}{pointer}"), Value::Null);
        let update = apollo.modules("cube-7").update("Control plane").set("apiToken", "t".to_owned().into());
        assert_eq!(update.await.unwrap_err().kind(), ErrorKind::Decode, "{pointer}");
    }
    set(
        &double,
        "ListModules",
        "environmentById/moduleInstallationsV2/moduleInstallations/0/moduleMavenCoordinate",
        Value::Null,
    );
    let update = apollo.modules("cube-7").update("Control plane").set("apiToken", "t".to_owned().into());
    assert_eq!(update.await.unwrap_err().kind(), ErrorKind::Decode);
    assert_eq!(double.executions().len(), 0);
}
