//! What writes takes an exact name or an id: nothing is destroyed by a part of its name.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::future::Future;

use cube_sdk_apollo::{EntityId, EnvironmentId, Rid};
use cube_sdk_core::{Error, ErrorKind, SecretString};
use cube_sdk_testkit::apollo::{Fault, On};
use serde_json::json;

fn value() -> SecretString {
    "value".to_owned().into()
}

async fn refused<T: std::fmt::Debug>(call: impl IntoFuture<Output = Result<T, Error>>) -> Error {
    let call: std::pin::Pin<Box<dyn Future<Output = _>>> = Box::pin(call.into_future());
    call.await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn uninstalling_twice_removes_one() {
    let (double, apollo) = support::seeded();
    double.approve_all();
    double.add_entities("cube-7", "com.example:db", "db", 2);
    double
        .act(
            "installEntitiesOnEnvironmentV2",
            &json!({
                "apolloEnvironmentId": double.environment_id("cube-7"), "namespaceId": "n",
                "entities": {"entities": [{"entityName": "db", "productId": "com.example:db"}]},
            }),
        )
        .unwrap();
    let entities = apollo.entities("cube-7");
    while entities.list().collect().await.unwrap().iter().all(|entity| entity.name != "db") {}
    entities.uninstall("db").await.unwrap();
    double.remove_entity("cube-7", "db");
    let error = refused(entities.uninstall("db")).await;
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("did you mean db-000 (ri."), "{error}");
    assert_eq!(double.executed("uninstallEntityV2"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_part_of_a_name_writes_nothing() {
    let (double, apollo) = support::seeded();
    let rid = || Rid::new("ri.approval.1.x");
    for environment in ["cube", "CUBE-7", "ube-7"] {
        let errors = [
            refused(apollo.environments().delete(environment)).await,
            refused(apollo.agents(environment).reset()).await,
            refused(apollo.entities(environment).install("x", "a:b")).await,
            refused(apollo.entities(environment).uninstall("mosquitto")).await,
            refused(apollo.entities(environment).enforce("mosquitto")).await,
            refused(apollo.entities(environment).update_config("mosquitto", json!({}))).await,
            refused(apollo.modules(environment).install("a:b:1")).await,
            refused(apollo.modules(environment).update("Control plane").set("a", value())).await,
            refused(apollo.modules(environment).uninstall("Control plane")).await,
            refused(apollo.secrets(environment).create("mosquitto", "s").value(value())).await,
            refused(apollo.secrets(environment).update("mosquitto", "admin").value(value())).await,
            refused(apollo.plans(environment).cancel_active("mosquitto")).await,
        ];
        for error in &errors {
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
            assert!(error.to_string().contains("did you mean cube-7"), "{error}");
        }
    }
    for entity in ["mosq", "MOSQUITTO", "quitto"] {
        let errors = [
            refused(apollo.entities("cube-7").uninstall(entity)).await,
            refused(apollo.entities("cube-7").enforce(entity)).await,
            refused(apollo.entities("cube-7").update_config(entity, json!({}))).await,
            refused(apollo.secrets("cube-7").create(entity, "s").value(value())).await,
            refused(apollo.secrets("cube-7").update(entity, "admin").value(value())).await,
            refused(apollo.plans("cube-7").cancel_active(entity)).await,
        ];
        for error in &errors {
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        }
    }
    for module in ["Control", "control plane", "builtin", "module:builtin-control-plane-minimal"] {
        assert_eq!(refused(apollo.modules("cube-7").uninstall(module)).await.kind(), ErrorKind::NotFound);
        let update = apollo.modules("cube-7").update(module).set("tier", value());
        assert_eq!(refused(update).await.kind(), ErrorKind::NotFound);
    }
    assert_eq!(
        refused(apollo.secrets("cube-7").update("mosquitto", "adm").value(value())).await.kind(),
        ErrorKind::NotFound
    );
    // A title is no change request.
    let reviews = apollo.change_requests();
    assert_eq!(refused(reviews.approve("Install mosquitto")).await.kind(), ErrorKind::InvalidInput);
    assert_eq!(refused(reviews.reject("Install mosquitto", "no")).await.kind(), ErrorKind::InvalidInput);
    assert_eq!(refused(reviews.cancel("Install mosquitto")).await.kind(), ErrorKind::InvalidInput);
    assert_eq!(double.executions().len(), 0);
    assert_eq!(refused(reviews.cancel(rid())).await.kind(), ErrorKind::NotFound);
    // Looking is freer.
    assert_eq!(apollo.entities("CUBE-7").get("quitto").await.unwrap().name, "mosquitto");
    assert_eq!(apollo.modules("cube-7").get("control").await.unwrap().display_name.as_deref(), Some("Control plane"));
}

#[tokio::test(start_paused = true)]
async fn a_typed_id_is_never_a_part_of_a_name() {
    let (double, apollo) = support::seeded();
    for (entity, environment) in [("mosq", "cube"), ("entity-99999", "env-99999")] {
        let (entity, environment) = (EntityId::new(entity), EnvironmentId::new(environment));
        assert_eq!(refused(apollo.environments().get(&environment)).await.kind(), ErrorKind::NotFound);
        assert_eq!(refused(apollo.environments().delete(&environment)).await.kind(), ErrorKind::NotFound);
        assert_eq!(refused(apollo.entities("cube-7").get(&entity)).await.kind(), ErrorKind::NotFound);
        assert_eq!(refused(apollo.entities("cube-7").uninstall(&entity)).await.kind(), ErrorKind::NotFound);
        assert_eq!(refused(apollo.plans("cube-7").of(entity)).await.kind(), ErrorKind::NotFound);
    }
    let broker = apollo.entities("cube-7").get("mosquitto").await.unwrap();
    double.remove_entity("cube-7", "mosquitto");
    double.add_entities("cube-7", "com.example:mosquitto", "mosquitto", 1);
    assert_eq!(refused(apollo.entities("cube-7").uninstall(&broker)).await.kind(), ErrorKind::NotFound);
    assert_eq!(double.executions().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn two_of_one_name_are_told_apart_before_anything_is_written() {
    let (double, apollo) = support::seeded();
    double.add_environment("cube-8");
    let error = refused(apollo.environments().delete("cube-8")).await;
    assert!(error.is_ambiguous(), "{error}");
    assert_eq!(refused(apollo.replicate("cube-7", "cube-8")).await.kind(), ErrorKind::Conflict);
    let rid = apollo.environments().list().collect().await.unwrap()[1].rid.clone().unwrap();
    assert_eq!(apollo.environments().delete(&rid).dry_run().await.unwrap().target.as_deref(), Some("cube-8"));
    assert_eq!(double.executions().len(), 0);
}

/// A plan that runs by a word that nobody knows is not cancelled by guess, nor is one of two agents chosen.
#[tokio::test(start_paused = true)]
async fn only_a_plan_that_surely_runs_is_cancelled() {
    let (double, apollo) = support::seeded();
    double.approve_all();
    for _ in 0..2 {
        let change = apollo.entities("cube-7").enforce("mosquitto").await.unwrap();
        change.wait().await.unwrap();
    }
    let plans = apollo.plans("cube-7");
    while plans.of("mosquitto").await.unwrap().iter().any(|plan| plan.agent().is_none()) {}
    let plan = "/data/apollo/entityById/nonGenericPlans/plans";
    double.inject(On::operation("EntityPlans"), 0, 1, Fault::set(&format!("{plan}/0/agentId"), json!("agent-other")));
    let error = refused(plans.cancel_active("mosquitto")).await;
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    for place in [0, 1] {
        let odd = Fault::set(&format!("{plan}/{place}/status/type"), json!("PONDERING"));
        double.inject(On::operation("EntityPlans"), 0, 1, odd);
        let cancelled = plans.cancel_active("mosquitto").dry_run().await;
        assert!(cancelled.is_ok() || cancelled.unwrap_err().kind() == ErrorKind::NotFound);
    }
    assert_eq!(double.executed("deleteAgentById"), 0);
}
