//! For each operation: the exact variables that go out, and the typed result that comes back.
//!
//! `CUBE_BLESS=1` writes tests/golden/requests.json anew.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use cube_sdk_apollo::entities::{ConfigUpdate, HealthStatus};
use cube_sdk_apollo::health_checks::HealthState;
use cube_sdk_apollo::manifests::CreatedProduct;
use cube_sdk_apollo::modules::VariableKind;
use cube_sdk_apollo::plans::{ChangeKind, PlanState};
use cube_sdk_apollo::replicate::Journal;
use cube_sdk_apollo::{Apollo, change_requests::ChangeRequestStatus};
use cube_sdk_core::SecretString;
use cube_sdk_testkit::apollo::{Double, Fault, On};
use serde_json::{Value, json};

const MS: Duration = Duration::from_millis(1);

fn secret(text: &str) -> SecretString {
    text.to_owned().into()
}

#[tokio::test(start_paused = true)]
async fn every_operation_sends_its_exact_variables_and_is_read() {
    let (double, apollo) = support::seeded();
    double.add_entities("cube-8", "com.example:bridge", "many", 201); // two pages of 200
    reads(&apollo).await;
    writes(&double, &apollo).await;
    compare(&double);
}

async fn reads(apollo: &Apollo) {
    assert_eq!(apollo.my_teams().await.unwrap(), ["platform"]);
    let cube = apollo.environments().get("cube-7").await.unwrap();
    assert_eq!((cube.space_id.as_deref(), cube.teams.as_slice()), (Some("space-main"), &["platform".to_owned()][..]));
    let same = apollo.environments().get(cube.rid.as_ref().unwrap()).await.unwrap();
    assert_eq!(same, cube);
    let other = apollo.environments().get("cube-8").await.unwrap();
    let overview = apollo.environments().overview().collect_up_to(10).await.unwrap();
    assert_eq!(overview[0].display_name.as_deref(), Some("CUBE-7"));
    assert!(overview[0].agents[0].last_updated.is_some() && !overview[0].agents[1].is_reporting());

    let entities = apollo.entities(&cube);
    let list = entities.list().collect_up_to(10).await.unwrap();
    let telemetry = &list[1];
    assert_eq!(telemetry.plan_status.as_ref().unwrap().label, "Blocked");
    assert_eq!(telemetry.plan_status.as_ref().unwrap().blocked_changes, Some(2));
    assert_eq!(list[0].reported.as_ref().unwrap().health, Some(HealthStatus::Warning));
    assert_eq!(apollo.entities(&other).list().collect_up_to(1_000).await.unwrap().len(), 201);
    let health = entities.health().collect_up_to(10).await.unwrap();
    assert_eq!(
        health[1].entity.managed_by.as_ref().unwrap().label(),
        "module:builtin-control-plane-minimal:0.0.40 (Control plane)"
    );
    assert_eq!(health[0].config.blocks()[0].version(), "1.10");
    assert_eq!(apollo.entities(&other).health().collect_up_to(1_000).await.unwrap().len(), 201);
    let found = entities.deployed("com.example:telemetry").await.unwrap().unwrap();
    assert_eq!(found.name.as_deref(), Some("telemetry"));
    assert!(apollo.entities(&other).deployed("com.example:none").await.unwrap().is_none());
    let module = apollo.modules(&cube).get("Control plane").await.unwrap();
    assert_eq!(module.state.as_deref(), Some("ApolloProductModuleInstallationState_Placeholder"));
    assert_eq!(module.variables[1].kind, VariableKind::Choice);
    assert_eq!(
        (module.variables[2].expose(), module.variables[2].shown().as_str()),
        ("canary-module-variable", "<hidden, 22 chars>")
    );
    assert_eq!(entities.managed_by(&module.rid).await.unwrap().len(), 1);
    assert_eq!(apollo.entities(&other).managed_by(&module.rid).await.unwrap().len(), 0);
    let settings = entities.settings("mosquitto").await.unwrap();
    assert_eq!(settings.reported.as_ref().unwrap().shown()["password"], "<hidden, 19 chars>");
    assert_eq!(apollo.entities(&other).settings("many-200").await.unwrap().entity.name, "many-200");
    assert_eq!(entities.config("mosquitto").await.unwrap(), settings.config);
    assert_eq!(apollo.entities(&other).get("many-200").await.unwrap().entity_name.as_deref(), Some("many-200"));

    let report = apollo.health_checks(&cube).of("mosquitto").await.unwrap();
    let failing: Vec<_> = report.failing().collect();
    assert_eq!(failing[0].state, Some(HealthState::Error));
    assert_eq!(failing[0].text(), Some("no route to north"));
    assert_eq!(report.nodes[0].containers[0].readiness, Some(json!("READY")));

    let secrets = apollo.secrets(&cube).list("mosquitto").await.unwrap();
    assert_eq!(
        (secrets[0].name.as_str(), secrets[0].keys.as_slice()),
        ("admin", &["user".to_owned(), "pass".to_owned()][..])
    );
    assert_eq!(apollo.secrets(&other).list("many-200").await.unwrap().len(), 0);
    assert_eq!(apollo.plans(&other).all().collect_up_to(1_000).await.unwrap().len(), 201);
    assert_eq!(apollo.plans(&other).recent().collect_up_to(1_000).await.unwrap().len(), 201);

    let products = apollo.products().list().collect_up_to(10).await.unwrap();
    assert_eq!(products[0].id, "com.example:mosquitto");
    let product = "com.example:mosquitto";
    let versions = apollo.products().compare(product, [&cube, &other]).await.unwrap();
    assert_eq!(versions[0].entities[0].release_channel.as_deref(), Some("DEV"));
    assert!(versions[1].entities.is_empty());
    assert_eq!(apollo.releases(product).get("1.10").await.unwrap().channels, ["DEV"]);
    assert_eq!(apollo.channels().list().await.unwrap()[0].description.as_deref(), Some("the DEV channel"));
}

async fn writes(double: &Double, apollo: &Apollo) {
    let created = apollo
        .environments()
        .create("cube-9")
        .contact_team("platform")
        .control_plane("module:cp:1.0.0")
        .control_plane_variable("tier", secret("edge"))
        .await
        .unwrap();
    let cube = created.environment;
    assert_eq!(cube.accreditation.as_deref(), Some("DEV"));
    assert_eq!(created.control_plane.unwrap().coordinate, "module:cp:1.0.0");
    let modules = apollo.modules(&cube);
    modules
        .install("com.example:stack:2.0.0")
        .display_name("Stack")
        .variable("region", secret("north"))
        .option("size", secret("small"))
        .ignore_secret_requirements()
        .await
        .unwrap();
    modules.update("Stack").set("region", secret("south")).set("extra", secret("1")).await.unwrap();
    let values: Vec<_> = modules.get("Stack").await.unwrap().variables;
    assert_eq!(values.iter().map(|variable| variable.expose()).collect::<Vec<_>>(), ["south", "small", "1"]);
    let gone = modules.uninstall("Stack").await.unwrap();
    assert_eq!(gone.state.as_deref(), Some("ApolloProductModuleInstallationState_Placeholder"));

    let entities = apollo.entities(&cube);
    let install = entities.install("broker", "com.example:mosquitto");
    let change = install.namespace("mqtt").release_channel("DEV").config(json!({"a": 1})).await.unwrap();
    assert_eq!(change.status(), Some(&ChangeRequestStatus::PendingApprovals));
    let reviews = apollo.change_requests();
    let reviewed = reviews.approve(change.rid()).comment("fine").await.unwrap();
    assert_eq!(reviewed.status, Some(ChangeRequestStatus::Approved));
    let merged = change.wait().interval(MS).await.unwrap();
    let plan = merged.plan().interval(MS).await.unwrap().wait().interval(MS).await.unwrap();
    assert_eq!((plan.kind(), plan.state()), (ChangeKind::Install, Some(&PlanState::Successful)));
    assert_eq!(plan.tasks()[0].subtasks[0].title(), Some("Fetch chart: part 1"));
    assert_eq!(plan.result().unwrap().metadata()["authToken"], "<hidden, 3 chars>");

    let update = entities.update_config("broker", json!({"a": 2})).await.unwrap();
    reviews.reject(update.opened().unwrap().rid(), "no").await.unwrap();
    let lacks = json!({"errors": [{
        "message": "Cannot query field \"updateConfigByResourceV2\" on type \"ApolloMutation\".",
        "extensions": {"classification": "ValidationError"},
    }]});
    let fault = Fault::Status { status: 200, retry_after: None, body: lacks.to_string() };
    double.inject(On::operation("UpdateEntityConfigV2"), 0, 1, fault);
    let update = entities.update_config("broker", json!({"a": 3})).version("1.10").await.unwrap();
    reviews.cancel(update.opened().unwrap().rid()).await.unwrap();
    let same = entities.update_config("broker", json!({"a": 1})).version("0.0.0").await.unwrap();
    assert!(matches!(same, ConfigUpdate::Unchanged));
    let enforced = entities.enforce("broker").await.unwrap();
    reviews.approve(enforced.rid()).await.unwrap();
    enforced.wait().interval(MS).await.unwrap().plan().interval(MS).await.unwrap();
    // An agent is told only once the plan has started.
    while apollo.plans(&cube).of("broker").await.unwrap()[0].agent().is_none() {}
    let cancelled = apollo.plans(&cube).cancel_active("broker").await.unwrap();
    assert!(cancelled.agent.as_str().ends_with("-a"));

    apollo.secrets(&cube).create("broker", "tls").key("cert", secret("pem1")).description("d").await.unwrap();
    apollo.secrets(&cube).update("broker", "tls").key("cert", secret("pem2")).await.unwrap();
    assert_eq!(double.secret_value("cube-9", "broker", "tls", "cert").as_deref(), Some("pem2"));
    entities.uninstall("broker").await.unwrap();

    let manifests = apollo.manifests();
    let product = "com.example:new";
    assert_eq!(manifests.create_product(product).await.unwrap(), CreatedProduct::Created);
    assert_eq!(manifests.create_product(product).await.unwrap(), CreatedProduct::AlreadyExists);
    let text = "product-group: com.example\nproduct-name: new\nproduct-version: 1.0.0\n";
    assert_eq!(manifests.create_release(text).await.unwrap().coordinate, "com.example:new:1.0.0");
    for version in 1..=200 {
        manifests.create_release(text.replace("1.0.0", &format!("2.0.{version}"))).await.unwrap();
    }
    assert_eq!(apollo.releases(product).list().collect_up_to(1_000).await.unwrap().len(), 201);
    let release = "com.example:new:1.0.0";
    let after = apollo.channels().add(release, ["STABLE"]).rationale("soaked").await.unwrap();
    assert_eq!(after.channels, ["DEV", "STABLE"]);
    assert_eq!(apollo.channels().remove(release, ["DEV"]).await.unwrap().channels, ["STABLE"]);
    assert_eq!(apollo.channels().list().await.unwrap().len(), 2);
    let labels = apollo.labels(product);
    assert_eq!(labels.set("customer", "north").await.unwrap().labels[0].value.as_deref(), Some("north"));
    assert!(labels.remove("customer").await.unwrap().labels.is_empty());

    let reset = apollo.agents(&cube).reset().await.unwrap();
    assert_eq!(reset.as_deref(), Some("ApolloResetAgentsResult_Placeholder"));
    for _ in 0..50 {
        apollo.environments().delete("cube-8").await.unwrap();
    }
    assert_eq!(apollo.change_requests().of("cube-8").collect_up_to(100).await.unwrap().len(), 50);
    assert!(apollo.change_requests().list().collect_up_to(100).await.unwrap().len() > 50);
    apollo.environments().delete("cube-8").await.unwrap();
    assert_eq!(apollo.change_requests().of("cube-8").collect_up_to(100).await.unwrap().len(), 51);

    let plan = apollo.replicate("cube-8", "cube-9").await.unwrap();
    assert_eq!(plan.steps.len(), 201);
    let plan = apollo.replicate("cube-7", "cube-8").await.unwrap();
    double.inject(On::operation("InstallModule"), 0, 1, Fault::status(403));
    apollo.apply(&plan, Journal::default()).await.unwrap_err();
    let back = apollo.replicate("cube-9", "cube-8").namespace("broker", "mqtt").await.unwrap();
    let mut small = back.clone();
    small.steps.clear();
    assert_eq!(apollo.apply(&small, Journal::default()).await.unwrap().entities.len(), 201);
}

/// The first request of each operation, compared with the golden file.
fn compare(double: &Double) {
    let mut first: BTreeMap<String, Value> = BTreeMap::new();
    for request in double.requests() {
        assert_eq!(request.agent.as_deref(), Some("apollo-sdk/0.0.15 forge-graphql-client/4.93.0"));
        let body = request.body.as_object().unwrap();
        assert!(body.keys().all(|key| key == "query" || key == "variables"), "{body:?}");
        let variables = body.get("variables").cloned().unwrap_or(Value::Null);
        first.entry(request.operation).or_insert(variables);
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/requests.json");
    if std::env::var_os("CUBE_BLESS").is_some() {
        std::fs::write(&path, serde_json::to_string_pretty(&first).unwrap() + "\n").unwrap();
    }
    let golden: BTreeMap<String, Value> = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    for (operation, variables) in &golden {
        assert_eq!(first.get(operation), Some(variables), "{operation}");
    }
    assert_eq!(first.len(), golden.len());
    assert_eq!(golden.keys().filter(|name| !name.ends_with("Next")).count(), 49);
    assert_eq!(golden.keys().filter(|name| name.ends_with("Next")).count(), 17, "{:?}", golden.keys());
}
