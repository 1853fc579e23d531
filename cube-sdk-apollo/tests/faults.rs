//! What is said when Apollo refuses, answers in part, or speaks words that nobody documented.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use cube_sdk_apollo::entities::{ConfigStatus, HealthStatus, ManagingModule};
use cube_sdk_apollo::manifests::CreatedProduct;
use cube_sdk_apollo::modules::VariableKind;
use cube_sdk_apollo::plans::PlanState;
use cube_sdk_apollo::{Apollo, ApolloErrorExt};
use cube_sdk_core::config::Environment;
use cube_sdk_core::{ErrorKind, error::Sent};
use cube_sdk_testkit::apollo::{Fault, On};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn a_mutation_whose_field_is_null_beside_errors_has_failed() {
    let (_double, apollo) = support::seeded();
    let error = apollo.environments().create("cube-7").await.unwrap_err();
    assert_eq!((error.kind(), error.code(), error.retry().attempts), (ErrorKind::Conflict, Some("CONFLICT"), 1));
    let fault = error.apollo().unwrap();
    assert_eq!(fault.errors[0].message, "environment cube-7 exists");
    assert_eq!(fault.errors[0].path, "apollo.createEnvironment");
    assert_eq!(fault.errors[0].name.as_deref(), Some("Apollo:Conflict"));
    assert!(error.to_string().contains("environment cube-7 exists, at apollo.createEnvironment, CONFLICT"), "{error}");
    assert_eq!((error.request_id(), error.target()), (Some("req-apollo-double"), Some("cube-7")));
}

#[tokio::test(start_paused = true)]
async fn all_errors_are_kept_with_their_parts() {
    let (double, apollo) = support::seeded();
    let errors = json!([
        {"message": "first", "path": ["apollo", "environments", 0], "extensions": {
            "errorCode": "PERMISSION_DENIED", "code": "X", "errorName": "Apollo:Denied",
            "parameters": {"who": "me", "authToken": "canary-parameter"},
        }},
        {"message": "second", "extensions": {"code": "Y", "classification": "DataFetchingException"}},
        {"odd": true},
    ]);
    double.inject(On::operation("ListEnvs"), 0, 1, Fault::errors("/data", errors));
    let error = apollo.environments().list().try_next().await.unwrap_err();
    assert_eq!((error.kind(), error.retry().attempts), (ErrorKind::PermissionDenied, 1));
    let fault = error.apollo().unwrap();
    assert_eq!(fault.errors.len(), 3);
    assert_eq!(fault.errors[0].path, "apollo.environments.0");
    assert_eq!(fault.errors[0].parameters()["who"], "me");
    assert_eq!(
        (fault.errors[1].code.as_deref(), fault.errors[1].name.as_deref()),
        (Some("Y"), Some("DataFetchingException"))
    );
    assert_eq!(fault.errors[2].message, r#"{"odd":true}"#);
    assert!(!format!("{error} {error:?} {fault:?}").contains("canary"));
}

#[tokio::test(start_paused = true)]
async fn partial_data_is_an_error_unless_asked_for() {
    let (double, apollo) = support::seeded();
    let errors = json!([{"message": "modules are away", "extensions": {"errorCode": "CUSTOM_SERVER"}}]);
    let half = Fault::errors("/data/apollo/environmentById/moduleInstallationsV2", errors);
    double.inject(On::operation("ListModules"), 0, 99, half);
    let error = apollo.modules("cube-7").list().await.unwrap_err();
    assert_eq!((error.kind(), error.retry().attempts), (ErrorKind::Server, 3));
    let modules = apollo.modules("cube-7").list().partial().await.unwrap();
    assert!(modules.value.is_empty() && !modules.is_whole());
    assert_eq!(modules.fault.unwrap().errors[0].message, "modules are away");

    let errors = json!([{"message": "one is away"}]);
    double.inject(On::operation("ListEnvs"), 0, 1, Fault::errors("/data/apollo/environments/environments/1", errors));
    let mut list = apollo.environments().list().partial();
    assert_eq!(list.try_next().await.unwrap().unwrap().name, "cube-7");
    assert!(list.try_next().await.unwrap().is_none());
    assert_eq!((list.skipped(), list.beside()[0].apollo().unwrap().errors.len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn undocumented_words_keep_their_names() {
    let (double, apollo) = support::seeded();
    let entities = "/data/apollo/environmentById/entities/entities";
    let set = |operation: &str, pointer: &str, value| {
        double.inject(On::operation(operation), 0, 1, Fault::set(pointer, value))
    };
    let list = |pointer: &str, value| set("ConsoleEnvironmentEntities", &format!("{entities}{pointer}"), value);
    list("/0/reportedStatus/healthStatus", json!("GLOWING"));
    let found = apollo.entities("cube-7").list().collect_up_to(9).await.unwrap();
    assert_eq!(found[0].reported.as_ref().unwrap().health, Some(HealthStatus::Unknown("GLOWING".into())));
    list("/0/reportedStatus", json!({"rolloutStatus": "SIDEWAYS", "configStatus": "MAYBE"}));
    let found = apollo.entities("cube-7").list().collect_up_to(9).await.unwrap();
    let reported = found[0].reported.as_ref().unwrap();
    assert_eq!(reported.rollout.as_ref().unwrap().as_str(), "SIDEWAYS");
    assert_eq!(reported.config, Some(ConfigStatus::Unknown("MAYBE".into())));
    list("/1/planStatus", json!({"__typename": "ApolloEntityPlanStatus_Dreaming"}));
    let found = apollo.entities("cube-7").list().collect_up_to(9).await.unwrap();
    assert_eq!(found[1].plan_status.as_ref().unwrap().label, "Dreaming");

    let agent = "/data/apollo/environments/environments/0/agents/0";
    set("ConsoleListEnvs", agent, json!({"__typename": "ApolloAgent_Sleeping"}));
    let agents = apollo.agents("cube-7").list().await.unwrap();
    assert_eq!(agents[0].type_name, "ApolloAgent_Sleeping");
    set("ConsoleListEnvs", &format!("{agent}/connectionStatus"), json!("FLAKY"));
    assert_eq!(apollo.agents("cube-7").list().await.unwrap()[0].connection_status.as_deref(), Some("FLAKY"));

    let module = "/data/apollo/environmentById/moduleInstallationsV2/moduleInstallations/0";
    let odd = json!({"__typename": "ApolloProductModuleVariableValue_Secret"});
    set("ListModules", &format!("{module}/variables/0/variableValue"), odd.clone());
    let modules = apollo.modules("cube-7").list().await.unwrap();
    assert_eq!(modules[0].variables[0].kind, VariableKind::Unknown("ApolloProductModuleVariableValue_Secret".into()));
    set("ListModules", &format!("{module}/state/__typename"), json!("Installed_Halfway"));
    assert_eq!(apollo.modules("cube-7").list().await.unwrap()[0].state.as_deref(), Some("Installed_Halfway"));
    set("ListModules", &format!("{module}/variables/0/variableValue"), odd);
    let error = apollo.modules("cube-7").update("Control plane").set("a", "b".to_owned().into()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(double.executions().len(), 0);

    set("CreateProduct", "/data/apollo/createProduct/__typename", json!("ApolloProductQueued"));
    let created = apollo.manifests().create_product("a:b").await.unwrap();
    assert_eq!(created, CreatedProduct::Unknown("ApolloProductQueued".into()));
    set("CreateProductRelease", "/data/apollo/createProductReleaseFromManifestV2", json!({"__typename": "Later"}));
    let error = apollo.manifests().create_release("a: b").await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Decode, Some("Later")));
    let refusal = json!({"error": {"__typename": "ApolloOpenChangeRequestError_Moon"}});
    set("UpdateEntityConfigV2", "/data/apollo/updateConfigByResourceV2", refusal);
    let error = apollo.entities("cube-7").update_config("mosquitto", json!({"a": 1})).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, Some("ApolloOpenChangeRequestError_Moon")));
    set("ResetAgents", "/data/apollo/resetAgentsByEnvironmentId/__typename", json!("Done_Soon"));
    assert_eq!(apollo.agents("cube-7").reset().await.unwrap().as_deref(), Some("Done_Soon"));
    set("EntitySecrets", &format!("{entities}/0/secrets/0/specification/__typename"), json!("Odd"));
    assert_eq!(apollo.secrets("cube-7").list("mosquitto").await.unwrap()[0].type_name, "Odd");
    let overrides = format!("{entities}/0/reportedConfigOverrides");
    set("EntityByName", &overrides, json!({"__typename": "Overrides_Odd"}));
    let settings = apollo.entities("cube-7").settings("mosquitto").await.unwrap();
    assert_eq!(settings.reported.unwrap().type_name(), "Overrides_Odd");

    let change = apollo.entities("cube-7").enforce("mosquitto").await.unwrap();
    let request = "/data/apollo/environmentById/changeRequests/changeRequests/1/requestStatus";
    set("ListCRsByEnv", request, json!("PONDERING"));
    let seen = apollo.change_requests().of("cube-7").collect_up_to(9).await.unwrap();
    assert_eq!(seen[1].status().unwrap().as_str(), "PONDERING");
    apollo.change_requests().approve(change.rid()).await.unwrap();
    let merged = change.wait().await.unwrap();
    merged.plan().await.unwrap();
    let plan = "/data/apollo/entityById/nonGenericPlans/plans/0";
    set("EntityPlans", &format!("{plan}/status/type"), json!("WANDERING"));
    let plans = apollo.plans("cube-7").of("mosquitto").await.unwrap();
    assert_eq!(plans[0].state(), Some(&PlanState::Unknown("WANDERING".into())));
    assert!(plans[0].is_running(), "without an end it runs");
    plans[0].wait().await.unwrap();
    set("EntityPlans", &format!("{plan}/tasks/0/status/type"), json!("HUMMING"));
    let plans = apollo.plans("cube-7").of("mosquitto").await.unwrap();
    assert_eq!(plans[0].tasks()[0].state.as_ref().unwrap().as_str(), "HUMMING");
    let check = "/data/apollo/entityById/nodeHealths/nodeHealths/0/containerHealth/0/checks/0/state";
    set("EntityHealthChecks", check, json!("PURPLE"));
    let report = apollo.health_checks("cube-7").of("mosquitto").await.unwrap();
    assert_eq!(report.failing().next().unwrap().state.as_ref().unwrap().as_str(), "PURPLE");
    // The entity locator's unknown member: the display name still tells.
    list("/0/entityLocator", json!({"__typename": "Locator_Odd"}));
    assert_eq!(apollo.entities("cube-7").list().collect_up_to(9).await.unwrap()[0].name, "mosquitto");
}

#[tokio::test(start_paused = true)]
async fn a_schema_that_differs_points_to_the_page_of_inputs() {
    let (double, apollo) = support::seeded();
    let error = apollo
        .environments()
        .create("cube-11")
        .patch_input(|input| input["contactTeams"] = json!(["a"]))
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.retry().attempts), (ErrorKind::Unsupported, 1));
    assert!(error.to_string().contains("docs/apollo-inputs.md"), "{error}");
    let body = json!({"errors": [{"message": "WrongType", "extensions": {"classification": "ValidationError"}}]});
    double.inject(On::Any, 0, 1, Fault::Status { status: 400, retry_after: None, body: body.to_string() });
    let error = apollo.my_teams().await.unwrap_err();
    assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::Unsupported, 400));
    assert_eq!(double.executions().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn replies_that_are_none_are_told_so() {
    let (double, apollo) = support::seeded();
    for body in ["", "null", "[]", "{}", "{\"data\": null}", "{\"data\": {}}", "{\"data\": 7, \"errors\": 7}", "<html>"]
    {
        double.inject(On::Any, 0, 1, Fault::Status { status: 200, retry_after: None, body: body.into() });
        let error = apollo.my_teams().await.unwrap_err();
        assert_eq!((error.kind(), error.retry().attempts), (ErrorKind::Decode, 1), "{body}: {error}");
    }
    for pointer in ["/data/apollo/createEnvironment/id", "/data/apollo/createEnvironment"] {
        double.inject(On::operation("CreateEnv"), 0, 1, Fault::set(pointer, json!(null)));
        let error = apollo.environments().create(format!("x{}", pointer.len())).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Decode, None), "{error}");
        assert!(error.message().contains("the reply has no"), "{error}");
    }
    double.inject(On::operation("GetEnv"), 0, 1, Fault::set("/data/apollo/environment", json!({"id": {"canary": 1}})));
    let rid = apollo.environments().get("cube-7").await.unwrap().rid.unwrap();
    let error = apollo.environments().get(&rid).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    let error = apollo.environments().get("ri.apollo.1.environment.none").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn bad_input_is_refused_before_anything_is_sent() {
    let (double, apollo) = support::seeded();
    let placeholder = || "<hidden, 7 chars>".to_owned().into();
    let entities = apollo.entities("cube-7");
    let masked = json!({"db": [{"password": "<hidden, 7 chars>"}]});
    let product = "com.example:bridge";
    let errors = [
        entities.update_config("mosquitto", masked.clone()).await.map(drop).unwrap_err(),
        entities.install("x", product).config(masked).await.map(drop).unwrap_err(),
        entities.install("x", product).config(json!({})).version("1\n2").await.map(drop).unwrap_err(),
        entities.update_config("mosquitto", json!([1])).await.map(drop).unwrap_err(),
        apollo.modules("cube-7").install("a:b:1").variable("v", placeholder()).await.map(drop).unwrap_err(),
        apollo.modules("cube-7").update("x").set("v", placeholder()).await.map(drop).unwrap_err(),
        apollo.secrets("cube-7").create("mosquitto", "s").value(placeholder()).await.unwrap_err(),
        apollo.secrets("cube-7").create("mosquitto", "s").await.unwrap_err(),
        apollo.change_requests().reject("ri.x", " ").await.map(drop).unwrap_err(),
        apollo.environments().create("ri.x").await.map(drop).unwrap_err(),
        apollo.channels().add("a:b:1", [""]).await.map(drop).unwrap_err(),
        apollo.change_requests().resume("nonsense").map(drop).unwrap_err(),
        apollo.resume_plan("a/b").map(drop).unwrap_err(),
    ];
    for error in &errors {
        assert_eq!((error.kind(), error.sent()), (ErrorKind::InvalidInput, Sent::No), "{error}");
    }
    assert!(errors[0].to_string().contains("db[0].password"));
    assert_eq!((double.requests().len(), double.tokens_issued()), (0, 0));
    for pairs in [vec![], vec![("CUBE_APOLLO_CLIENT_ID", "a")], vec![("CUBE_APOLLO_URL", "ftp://x")]] {
        let error = Apollo::from_environment(&Environment::from_pairs(pairs)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("CUBE_APOLLO_"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn managed_entities_and_destroying_by_half_a_name_are_refused() {
    let (double, apollo) = support::seeded();
    let entities = apollo.entities("cube-7");
    let error = entities.update_config("telemetry", json!({})).await.unwrap_err();
    assert_eq!((error.kind(), error.fault::<ManagingModule>().is_some()), (ErrorKind::Conflict, true));
    assert!(error.to_string().contains("module:builtin-control-plane-minimal:0.0.40 (Control plane)"), "{error}");
    let product = "com.example:telemetry";
    assert!(entities.install("telemetry", product).await.unwrap_err().fault::<ManagingModule>().is_some());
    entities.update_config("telemetry", json!({})).override_module().await.unwrap();
    for wanted in ["cube", "CUBE-7", "cube-"] {
        assert_eq!(apollo.environments().delete(wanted).await.unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(apollo.agents(wanted).reset().await.unwrap_err().kind(), ErrorKind::NotFound);
    }
    assert_eq!(double.executions().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_entity_of_another_environment_is_not_shown() {
    let (double, apollo) = support::seeded();
    for operation in ["ReactorGatewayEntity", "EntityHealthChecks", "EntityPlans"] {
        double.inject(
            On::operation(operation),
            0,
            1,
            Fault::set("/data/apollo/entityById/environment/id", json!("env-x")),
        );
    }
    assert_eq!(apollo.entities("cube-7").config("mosquitto").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(apollo.health_checks("cube-7").of("mosquitto").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(apollo.plans("cube-7").of("mosquitto").await.unwrap_err().kind(), ErrorKind::NotFound);
}
